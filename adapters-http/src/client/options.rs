use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use super::ProxyVariables;

/// How a [`Client`](super::Client) talks.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Names the program, as in `oi/0.1.0`.
    pub user_agent: String,
    /// For how long to try to connect.
    pub connect_timeout: Duration,
    /// For how long a request may take in all, its answer included.
    pub timeout: Duration,
    /// Send tokens and other secrets over plain `http` to another machine, where everyone on the way can read
    /// them.
    pub allow_insecure_http: bool,
    /// The variables that choose a proxy; unless given, this process's.
    pub proxies: ProxyVariables,
    /// Trust these instead of the authorities that browsers trust.
    pub(super) root_certificates: Option<RootCerts>,
}

/// The text is not a list of certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must contain at least one certificate in PEM form, and no malformed one")]
pub struct CertificateError;

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("openindex-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            allow_insecure_http: false,
            proxies: ProxyVariables::of_process(),
            root_certificates: None,
        }
    }
}

impl ClientOptions {
    /// Trusts the certificate authorities in `pem`, and no others: for an instance with a
    /// certificate of a private authority.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] when there is no certificate in it, or one that cannot be read.
    pub fn trust_only(&mut self, pem: &[u8]) -> Result<(), CertificateError> {
        let mut certificates = Vec::new();
        for item in parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|_| CertificateError)? {
                certificates.push(certificate);
            }
        }
        if certificates.is_empty() {
            return Err(CertificateError);
        }
        self.root_certificates = Some(RootCerts::new_with_certs(&certificates));
        Ok(())
    }

    /// As [`trust_only`](Self::trust_only), for certificates in DER form; those that cannot be
    /// read are trusted in nothing.
    pub fn trust_only_der<'a>(&mut self, authorities: impl IntoIterator<Item = &'a [u8]>) {
        let authorities: Vec<_> = authorities
            .into_iter()
            .map(|der| Certificate::from_der(der).to_owned())
            .collect();
        self.root_certificates = Some(RootCerts::new_with_certs(&authorities));
    }

    pub(super) fn root_certificates(&self) -> RootCerts {
        self.root_certificates.clone().unwrap_or(RootCerts::WebPki)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let mut options = ClientOptions::default();
        assert_eq!(options.trust_only(b""), Err(CertificateError));
        assert_eq!(options.trust_only(b"hello"), Err(CertificateError));
    }
}
