use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The base URL of a server: `http` or `https`, a host, and optionally a path prefix.
///
/// Displayed without a trailing slash, so that paths can be appended.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// An invalid base URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBaseUrl {
    /// Not a URL, or a URL without a host.
    #[error("not a URL; expected a form like https://openindex.example.com")]
    Syntax,
    /// Neither `http` nor `https`.
    #[error("the URL must begin with https:// or http://")]
    Scheme,
    /// A user name or password before the host. Rejected without showing it, because it is a
    /// secret.
    #[error("the URL must not contain a user name or a password")]
    Credentials,
    /// A query or a fragment.
    #[error("the URL must not contain ? or #")]
    Query,
}

impl BaseUrl {
    /// Parses a base URL.
    ///
    /// # Errors
    ///
    /// [`InvalidBaseUrl`]; its message does not contain the text.
    pub fn parse(text: &str) -> Result<Self, InvalidBaseUrl> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidBaseUrl::Syntax)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidBaseUrl::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidBaseUrl::Syntax);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidBaseUrl::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidBaseUrl::Query);
        }
        Ok(Self(url))
    }

    /// Returns the URL without a trailing slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Returns whether the scheme is `https`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns whether the host is this machine, so that nothing leaves it: `localhost` and its
    /// subdomains (RFC 6761 §6.3), `127.0.0.0/8`, `::1`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || name.ends_with(".localhost")
            }
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Returns whether both have the same scheme, host and port (RFC 6454 §5).
    #[must_use]
    pub fn same_origin(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// Returns the port, or the default port of the scheme.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> BaseUrl {
        BaseUrl::parse(text).unwrap()
    }

    #[test]
    fn is_displayed_without_a_trailing_slash() {
        assert_eq!(
            url("http://127.0.0.1:8080/").as_str(),
            "http://127.0.0.1:8080"
        );
        assert_eq!(
            url(" https://x.example/oi// ").as_str(),
            "https://x.example/oi"
        );
    }

    #[test]
    fn an_invalid_base_url_is_an_error_and_not_shown() {
        for (text, why) in [
            ("openindex.example.com", InvalidBaseUrl::Syntax),
            ("", InvalidBaseUrl::Syntax),
            ("localhost:8080", InvalidBaseUrl::Scheme),
            ("file:///etc/passwd", InvalidBaseUrl::Scheme),
            ("https://ada:hunter2@x.example", InvalidBaseUrl::Credentials),
            ("https://x.example/?token=1", InvalidBaseUrl::Query),
            ("https://x.example/#a", InvalidBaseUrl::Query),
        ] {
            assert_eq!(BaseUrl::parse(text), Err(why), "{text}");
            assert!(!why.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for text in [
            "http://localhost",
            "http://a.localhost:1",
            "http://127.3.2.1",
            "http://[::1]:80",
        ] {
            assert!(url(text).is_loopback(), "{text}");
        }
        for text in [
            "http://localhost.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://[::]",
        ] {
            assert!(!url(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let base = url("https://x.example/app");
        assert!(base.same_origin(&url("https://X.example:443/api")));
        for other in [
            "http://x.example",
            "https://x.example:8443",
            "https://y.example",
        ] {
            assert!(!base.same_origin(&url(other)), "{other}");
        }
    }
}
