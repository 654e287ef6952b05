//! TLS with a certificate and its key from files.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use openindex_adapters_system::SystemClock;
use openindex_domain::clock::{Clock as _, Timestamp};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, InconsistentKeys, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// The name of HTTP/2 over TLS (RFC 9113 §3.1).
pub(crate) const HTTP_2: &[u8] = b"h2";
/// The name of HTTP/1.1 (RFC 7301 §6).
const HTTP_1: &[u8] = b"http/1.1";

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The files of a certificate and of its key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, followed by those of the authorities that lead to a root.
    pub certificates: PathBuf,
    /// The private key of the first certificate, not encrypted.
    pub key: PathBuf,
}

impl TlsFiles {
    /// Reads the files, and checks that TLS can use them.
    ///
    /// # Errors
    ///
    /// [`TlsError`], as a server would fail to start.
    pub fn check(&self) -> Result<(), TlsError> {
        Tls::load(self.clone()).map(drop)
    }

    /// Returns whether the server's certificate is for this host name or IP address.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if the file has no certificate.
    pub fn is_for(&self, host: &str) -> Result<bool, TlsError> {
        let certificates = read_certificates(&self.certificates)?;
        let certificate = certificates
            .first()
            .and_then(|first| ParsedCertificate::try_from(first).ok());
        let name = ServerName::try_from(host).ok();
        Ok(certificate
            .zip(name)
            .is_some_and(|(certificate, name)| verify_server_name(&certificate, &name).is_ok()))
    }
}

/// Why the files of a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {file}{fix}", fix = fix(source))]
    Unreadable {
        /// The path of the file.
        file: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file has no certificate.
    #[error("{0} contains no certificate in PEM (-----BEGIN CERTIFICATE-----)")]
    NoCertificate(String),
    /// The file has no private key.
    #[error("{0} contains no unencrypted private key in PEM (-----BEGIN PRIVATE KEY-----)")]
    NoKey(String),
    /// The key is not that of the first certificate.
    #[error(
        "the key in {key} does not belong to the first certificate in {certificates}; the \
         server's certificate must come before those of its authorities"
    )]
    Mismatch {
        /// The path of the certificates.
        certificates: String,
        /// The path of the key.
        key: String,
    },
    /// TLS cannot use the certificate or the key.
    #[error("the certificate in {0} cannot be used")]
    Unusable(String, #[source] rustls::Error),
}

/// A certificate that is loaded again when its file changes.
pub(crate) struct Tls {
    files: TlsFiles,
    acceptors: Acceptors,
    current: Arc<Current>,
    /// The last failure to load it again, which is logged once.
    failure: Mutex<String>,
}

/// Begins connections with a handshake.
#[derive(Clone)]
pub(crate) struct Acceptors {
    /// With HTTP/2, or HTTP/1.1 if the client does not know it.
    pub(crate) any: TlsAcceptor,
    /// With HTTP/1.1 only, for a response that is written without reading a request.
    pub(crate) http1: TlsAcceptor,
}

struct Current(RwLock<Arc<CertifiedKey>>);

impl Tls {
    /// Loads a certificate.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let certificates = read_certificates(&files.certificates)?;
        let current = with_key(certificates, &files)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(current))));
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Unusable(shown(&files.certificates), error))?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        let mut accepting = |protocols: &[&[u8]]| {
            config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
            TlsAcceptor::from(Arc::new(config.clone()))
        };
        let acceptors = Acceptors {
            any: accepting(&[HTTP_2, HTTP_1]),
            http1: accepting(&[HTTP_1]),
        };
        Ok(Self {
            files,
            acceptors,
            current,
            failure: Mutex::default(),
        })
    }

    pub(crate) fn acceptors(&self) -> Acceptors {
        self.acceptors.clone()
    }

    /// Returns when the first of the current certificates expires; `None` if that is unknown.
    pub(crate) fn expires_at(&self) -> Option<UnixTime> {
        let certificates = &self.current.get().cert;
        certificates.iter().filter_map(expires_at).min()
    }

    /// Logs until when the certificate is valid.
    pub(crate) fn report(&self, what: &str) {
        let Some(expires_at) = self.expires_at() else {
            return tracing::info!("{what}");
        };
        let now = SystemClock.now();
        let millis = i64::try_from(expires_at.as_secs().saturating_mul(1_000)).ok();
        let expires_at = millis.and_then(Timestamp::from_unix_millis);
        let expires_at = expires_at.unwrap_or(Timestamp::MAX);
        if expires_at <= now {
            tracing::warn!(%expires_at, "{what}, but it has expired: clients will reject it");
        } else {
            tracing::info!(%expires_at, "{what}");
        }
    }

    /// Loads the certificate again if its file has changed. Until that succeeds, connections get
    /// the current one: the files are replaced one after the other.
    pub(crate) async fn reload(self: Arc<Self>) {
        // Files can be on a network.
        let _ = tokio::task::spawn_blocking(move || self.reload_now()).await;
    }

    fn reload_now(&self) {
        let reloaded = self.try_reload();
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match reloaded {
            Ok(is_changed) => {
                if is_changed {
                    self.report("TLS certificate reloaded");
                }
                failure.clear();
            }
            Err(error) => {
                let reason = match std::error::Error::source(&error) {
                    Some(cause) => format!("{error}: {cause}"),
                    None => error.to_string(),
                };
                if *failure != reason {
                    tracing::warn!(
                        reason,
                        "cannot reload the TLS certificate; the current one stays"
                    );
                    *failure = reason;
                }
            }
        }
    }

    fn try_reload(&self) -> Result<bool, TlsError> {
        let certificates = read_certificates(&self.files.certificates)?;
        let is_changed = self.current.get().cert != certificates;
        // A key that does not fit is found before the next start needs it.
        let certified = with_key(certificates, &self.files)?;
        if is_changed {
            self.current.set(certified);
        }
        Ok(is_changed)
    }
}

impl Current {
    fn get(&self) -> Arc<CertifiedKey> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, certified: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

impl fmt::Debug for Current {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

/// Returns when a certificate expires. rustls tells it in its reason to reject the certificate at a
/// later time: whether a certificate is valid then is the first that it checks.
fn expires_at(certificate: &CertificateDer<'_>) -> Option<UnixTime> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let never = UnixTime::since_unix_epoch(Duration::MAX);
    let algorithms = ring::default_provider().signature_verification_algorithms;
    let (roots, chain) = (RootCertStore::empty(), []);
    match verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &chain, never, algorithms.all)
    {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
            not_after,
            ..
        })) => Some(not_after),
        _ => None,
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TlsError::NoCertificate(shown(path))),
    }
}

fn with_key(
    certificates: Vec<CertificateDer<'static>>,
    files: &TlsFiles,
) -> Result<CertifiedKey, TlsError> {
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|_| TlsError::NoKey(shown(&files.key)))?;
    let certified = CertifiedKey::from_der(certificates, key, &ring::default_provider());
    certified.map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch {
            certificates: shown(&files.certificates),
            key: shown(&files.key),
        },
        error => TlsError::Unusable(shown(&files.certificates), error),
    })
}

/// Reads a file, without the mark that some editors begin it with.
fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let mut text = fs::read(path).map_err(|source| TlsError::Unreadable {
        file: shown(path),
        source,
    })?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(text)
}

/// Returns what to do about an error of reading a file, as the end of an error message.
fn fix(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; give the server's user read access to it and its directory"
        }
        _ => "",
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_user_says_what_to_do() {
        let unreadable = |kind: io::ErrorKind| TlsError::Unreadable {
            file: "privkey.pem".to_owned(),
            source: kind.into(),
        };
        assert_eq!(
            unreadable(io::ErrorKind::PermissionDenied).to_string(),
            "cannot read privkey.pem; give the server's user read access to it and its directory"
        );
        assert_eq!(
            unreadable(io::ErrorKind::NotFound).to_string(),
            "cannot read privkey.pem"
        );
    }
}
