//! The public URL of the pages, and how browsers reach them.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::{IntoResponse as _, Redirect, Response};
use http::Uri;
use openindex_domain::clock::Timestamp;
use openindex_domain::user::Users;

use crate::server::{ApiState, base_path};

use super::origin;

/// The state of the pages: the use cases and the site.
#[derive(Clone)]
pub(super) struct Web {
    pub(super) api: ApiState,
    pub(super) site: Arc<Site>,
}

impl Deref for Web {
    type Target = ApiState;

    fn deref(&self) -> &ApiState {
        &self.api
    }
}

impl Web {
    pub(super) fn now(&self) -> Timestamp {
        self.tokens.now()
    }
}

/// The public URL of the pages, and what follows from it.
#[derive(Debug)]
pub(super) struct Site {
    /// The path of the public URL, without a trailing slash; empty if it has none.
    pub(super) base: String,
    /// Scheme and authority, as in a browser's `Origin` header.
    pub(super) origin: String,
    pub(super) transport: Transport,
    pub(super) version: &'static str,
    /// Whether users exist. Once true, it stays true: the last administrator cannot be removed.
    has_users: AtomicBool,
}

/// How a browser reaches the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// Over https.
    Secure,
    /// Over http, without leaving the machine.
    Loopback,
    /// Over http through a network. Passwords and cookies could be intercepted, so sign-in is
    /// disabled.
    Readable,
}

impl Site {
    pub(super) fn of(public_url: &str, version: &'static str) -> Self {
        let uri: Uri = public_url.parse().unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        let transport = match uri.scheme_str() {
            Some("https") => Transport::Secure,
            Some("http") if is_loopback(host) => Transport::Loopback,
            _ => Transport::Readable,
        };
        Self {
            base: base_path(public_url),
            // Without an origin, every form is rejected.
            origin: origin::of_url(public_url).unwrap_or_default(),
            transport,
            version,
            has_users: AtomicBool::new(false),
        }
    }

    /// Returns whether the instance has users. Assumes so if the store is unavailable.
    pub(super) async fn has_users(&self, users: &Users) -> bool {
        if self.has_users.load(Ordering::Relaxed) {
            return true;
        }
        let found = users.any().await;
        if let Ok(found) = found {
            self.has_users.store(found, Ordering::Relaxed);
        }
        found.unwrap_or(true)
    }

    /// Returns whether a request's `Host` header is consistent with [`Site::transport`]. With
    /// [`Transport::Loopback`], cookies lack `Secure`; behind an unknown proxy, they would travel
    /// unencrypted through a network.
    pub(super) fn is_reached_by(&self, host: Option<&str>) -> bool {
        self.transport != Transport::Loopback
            || host.is_none_or(|host| is_loopback(without_port(host)))
    }
}

/// Redirects to one of our paths with `GET` (RFC 9110 §15.4.4). The server's middleware prefixes it
/// with [`Site::base`].
pub(super) fn redirect(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// Returns the host of a `Host` header without its port. IPv6 addresses keep their brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transport_follows_from_the_public_url() {
        for (url, transport) in [
            ("https://oi.example.com", Transport::Secure),
            ("http://127.0.0.1:8080", Transport::Loopback),
            ("http://localhost:8080", Transport::Loopback),
            ("http://oi.localhost", Transport::Loopback),
            ("http://[::1]:8080", Transport::Loopback),
            ("http://oi.example.com", Transport::Readable),
            ("http://192.168.1.2:8080", Transport::Readable),
            ("http://localhost.example.com", Transport::Readable),
            ("nonsense", Transport::Readable),
        ] {
            assert_eq!(Site::of(url, "1").transport, transport, "{url}");
        }
    }

    #[test]
    fn a_loopback_site_is_reached_only_by_loopback_names() {
        let site = Site::of("http://127.0.0.1:8080", "1");
        for host in [
            "127.0.0.1:8080",
            "localhost",
            "[::1]:8080",
            "[::1]",
            "localhost:1",
        ] {
            assert!(site.is_reached_by(Some(host)), "{host}");
        }
        for host in [
            "oi.example.com",
            "192.168.1.2:8080",
            "127.0.0.1.example.com:80",
            "",
        ] {
            assert!(!site.is_reached_by(Some(host)), "{host}");
        }
        let site = Site::of("https://oi.example.com", "1");
        assert!(site.is_reached_by(Some("10.0.0.1:8080")));
    }

    #[test]
    fn the_base_is_the_path_of_the_public_url() {
        let site = Site::of("https://example.com:8443/oi", "1");
        assert_eq!(site.base, "/oi");
        assert_eq!(site.origin, "https://example.com:8443");
        assert_eq!(Site::of("https://example.com", "1").base, "");
    }
}
