use std::time::Duration;

use ureq::http::HeaderValue;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use super::ProxyVariables;

/// Options of a [`Client`](super::Client).
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// User agent, for example `oi/0.1.0`.
    pub user_agent: String,
    /// Timeout for connecting.
    pub connect_timeout: Duration,
    /// Timeout for a whole request, including its response.
    pub timeout: Duration,
    /// Whether to send tokens and other secrets over plain `http` to another machine, where others
    /// on the network can read them.
    pub allow_insecure_http: bool,
    /// Variables that select a proxy; by default, those of this process.
    pub proxies: ProxyVariables,
    /// The trace that the requests are part of, as a `traceparent` header (W3C Trace Context). By
    /// default, none.
    pub trace_parent: Option<HeaderValue>,
    /// Certificate authorities to trust instead of the default ones.
    pub(super) root_certificates: Option<RootCerts>,
}

/// An invalid list of certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must contain one or more certificates in PEM format, all of them valid")]
pub struct CertificateError;

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user_agent: concat!("openindex-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            allow_insecure_http: false,
            proxies: ProxyVariables::of_process(),
            trace_parent: None,
            root_certificates: None,
        }
    }
}

impl ClientOptions {
    /// Trusts only the certificate authorities in `pem`, for an instance with a certificate of a
    /// private authority.
    ///
    /// # Errors
    ///
    /// [`CertificateError`] if `pem` contains no certificate, or an invalid one.
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

    /// Trusts only these certificate authorities in DER format; invalid ones are ignored.
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
    fn a_file_without_a_certificate_is_an_error() {
        let mut options = ClientOptions::default();
        assert_eq!(options.trust_only(b""), Err(CertificateError));
        assert_eq!(options.trust_only(b"hello"), Err(CertificateError));
    }
}
