//! Where the pages are, as browsers see them.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRef;
use axum::response::{IntoResponse, Redirect, Response};
use http::Uri;
use openindex_domain::user::Users;

use crate::server::{ApiState, base_path};

use super::origin;

/// What the pages need: the use cases, and where they are.
#[derive(Clone)]
pub(super) struct Web {
    pub(super) api: ApiState,
    pub(super) site: Arc<Site>,
}

impl FromRef<Web> for ApiState {
    fn from_ref(web: &Web) -> Self {
        web.api.clone()
    }
}

impl FromRef<Web> for Arc<Site> {
    fn from_ref(web: &Web) -> Self {
        web.site.clone()
    }
}

/// Where the pages are, and what that allows.
#[derive(Debug)]
pub(super) struct Site {
    /// What stands before every path: empty, or a path without a slash at its end.
    pub(super) base: String,
    /// Scheme and authority, as a browser writes them into `Origin`.
    pub(super) origin: String,
    pub(super) transport: Transport,
    pub(super) version: &'static str,
    /// Users were seen; the last administrator cannot be removed.
    has_users: AtomicBool,
}

/// How a browser reaches the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// Over https.
    Secure,
    /// Over http, without leaving the machine.
    Loopback,
    /// Over http through a network: a password or a cookie could be read on the way, so that
    /// nobody can sign in.
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
            // Without one, no form is taken.
            origin: origin::of_url(public_url).unwrap_or_default(),
            transport,
            version,
            has_users: AtomicBool::new(false),
        }
    }

    /// Whether the instance has users, as far as is known: an outage is no first start.
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

    /// Whether a request may have come the way that [`Site::transport`] says, by the host that it
    /// asks for. On the own machine alone a cookie goes without `Secure`: behind a proxy that
    /// nobody told us of, it would travel through a network.
    pub(super) fn is_reached_by(&self, host: Option<&str>) -> bool {
        self.transport != Transport::Loopback
            || host.is_none_or(|host| is_loopback(without_port(host)))
    }
}

/// Sends a browser to one of our paths with a `GET` (RFC 9110 §15.4.4). The layer around all routes
/// puts [`Site::base`] before it.
pub(super) fn redirect(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A host as in a `Host` header, without its port; an IPv6 address keeps its brackets.
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
    fn a_password_travels_over_https_or_not_at_all() {
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
    fn what_is_for_the_own_machine_answers_to_its_names_alone() {
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
    fn a_path_in_the_public_url_stands_before_every_path() {
        let site = Site::of("https://example.com:8443/oi", "1");
        assert_eq!(site.base, "/oi");
        assert_eq!(site.origin, "https://example.com:8443");
        assert_eq!(Site::of("https://example.com", "1").base, "");
    }
}
