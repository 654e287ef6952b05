//! The client address of a request. Only configured proxies are trusted.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

/// The peer address of the connection, which the accept loop sets as a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// Returns the client address: the peer's, unless the peer is a trusted proxy. Then it is the last
/// address in `X-Forwarded-For` that is not a trusted proxy; everything before that is the client's
/// own claim.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address| is_trusted(address, trusted);
    if !is_trusted(peer) {
        return peer.to_canonical();
    }
    let hops: Vec<&str> = headers
        .get_all(&FORWARDED[0])
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut nearest = peer;
    for hop in hops.into_iter().rev() {
        // Nothing before an invalid hop can be trusted.
        let Some(address) = parse(hop.trim()) else {
            break;
        };
        nearest = address;
        if !is_trusted(address) {
            break;
        }
    }
    nearest.to_canonical()
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|net| net.contains(&address))
}

/// Headers that proxies use to identify a client.
static FORWARDED: [HeaderName; 3] = [
    HeaderName::from_static("x-forwarded-for"),
    header::FORWARDED,
    HeaderName::from_static("x-real-ip"),
];

/// Warnings about misconfigured proxies, each logged once and without client text.
#[derive(Debug, Default)]
pub(super) struct ProxyWarnings {
    undeclared: AtomicBool,
    silent: AtomicBool,
}

/// A misconfiguration that a request reveals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProxyMisconfiguration {
    /// The peer is not a trusted proxy but forwards requests: all its clients share one address.
    Undeclared,
    /// A trusted proxy did not identify its client.
    Silent,
}

impl ProxyWarnings {
    pub(super) fn check(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        trusted: &[IpNet],
        is_probe: bool,
    ) {
        let first = |said: &AtomicBool| !said.swap(true, Ordering::Relaxed);
        match misconfiguration(peer, headers, trusted, is_probe) {
            Some(ProxyMisconfiguration::Undeclared) if first(&self.undeclared) => tracing::warn!(
                %peer,
                "received X-Forwarded-For, Forwarded or X-Real-IP from a peer that is not a \
                 trusted proxy; if it is your proxy, add it to --trusted-proxies; otherwise all \
                 its clients share one rate limit and one address in the audit log"
            ),
            Some(ProxyMisconfiguration::Silent) if first(&self.silent) => tracing::warn!(
                %peer,
                "received no X-Forwarded-For from a trusted proxy; configure the proxy to send it; \
                 otherwise all its clients share one rate limit and one address in the audit log"
            ),
            _ => {}
        }
    }
}

fn misconfiguration(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &[IpNet],
    is_probe: bool,
) -> Option<ProxyMisconfiguration> {
    if !is_trusted(peer, trusted) {
        let says = FORWARDED.iter().any(|name| headers.contains_key(name));
        return says.then_some(ProxyMisconfiguration::Undeclared);
    }
    // Probes are often the proxy's own requests.
    let is_silent = !headers.contains_key(&FORWARDED[0]) && !is_probe;
    is_silent.then_some(ProxyMisconfiguration::Silent)
}

/// Parses a hop; some proxies append the port.
fn parse(hop: &str) -> Option<IpAddr> {
    hop.parse::<IpAddr>()
        .or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(peer: &str, forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_configured_proxy_is_trusted_and_only_for_its_own_hop() {
        assert_eq!(of("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        // The client's own entries come before those that the proxy appended.
        assert_eq!(
            of("10.0.0.1", &["203.0.113.9, 198.51.100.7"]),
            "198.51.100.7"
        );
        assert_eq!(
            of("10.0.0.1", &["203.0.113.9", "198.51.100.7"]),
            "198.51.100.7"
        );
        assert_eq!(of("10.0.0.1", &["198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["198.51.100.7, nonsense"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(of("10.0.0.1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(of("::ffff:10.0.0.1", &["2001:db8::7"]), "2001:db8::7");
    }

    #[test]
    fn a_misconfigured_proxy_is_detected() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let of = |peer: &str, name: Option<&'static str>, is_probe| {
            let mut headers = HeaderMap::new();
            if let Some(name) = name {
                headers.insert(name, HeaderValue::from_static("198.51.100.7"));
            }
            misconfiguration(peer.parse().unwrap(), &headers, &trusted, is_probe)
        };
        for name in FORWARDED.each_ref().map(HeaderName::as_str) {
            assert_eq!(
                of("192.0.2.1", Some(name), false),
                Some(ProxyMisconfiguration::Undeclared)
            );
            assert_eq!(
                of("::1", Some(name), true),
                Some(ProxyMisconfiguration::Undeclared)
            );
        }
        assert_eq!(of("192.0.2.1", None, false), None);
        assert_eq!(of("10.0.0.1", Some("x-forwarded-for"), false), None);
        for name in [None, Some("forwarded"), Some("x-real-ip")] {
            assert_eq!(
                of("::ffff:10.0.0.1", name, false),
                Some(ProxyMisconfiguration::Silent)
            );
            assert_eq!(of("10.0.0.1", name, true), None);
        }
    }
}
