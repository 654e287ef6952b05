//! Where a request came from. Proxies are believed only when they are configured.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderMap;
use ipnet::IpNet;

/// The other end of the connection: set as an extension of each request by whoever accepts
/// connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

/// Where a request came from, as an extension of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The client's address: the peer's, unless the peer is a trusted proxy. Then the last address in
/// `X-Forwarded-For` that is not a trusted proxy's; whatever stands before it is the client's own
/// claim.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address| is_trusted(address, trusted);
    if !is_trusted(peer) {
        return peer.to_canonical();
    }
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut nearest = peer;
    for hop in hops.into_iter().rev() {
        // A hop that is no address ends what can be believed.
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

/// What proxies say of a client.
const FORWARDED: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

/// What seems wrong about the proxies in front: each is logged once, without a word of the client's.
#[derive(Debug, Default)]
pub(super) struct ProxyDoubts {
    undeclared: AtomicBool,
    silent: AtomicBool,
}

/// What a request shows about the proxies in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// It came through a proxy that is not declared: all of its clients share one address.
    Undeclared,
    /// A declared proxy did not say for whom it asks.
    Silent,
}

impl ProxyDoubts {
    pub(super) fn consider(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        trusted: &[IpNet],
        is_probe: bool,
    ) {
        let first = |said: &AtomicBool| !said.swap(true, Ordering::Relaxed);
        match doubt(peer, headers, trusted, is_probe) {
            Some(Doubt::Undeclared) if first(&self.undeclared) => tracing::warn!(
                %peer,
                "a request came with X-Forwarded-For, Forwarded or X-Real-IP from a peer that is \
                 not a trusted proxy; if it is yours, add it to --trusted-proxies, or all of its \
                 clients share one rate limit and one address in the audit trail"
            ),
            Some(Doubt::Silent) if first(&self.silent) => tracing::warn!(
                %peer,
                "a peer in --trusted-proxies sent no X-Forwarded-For; set that header in the proxy, \
                 or all of its clients share one rate limit and one address in the audit trail"
            ),
            _ => {}
        }
    }
}

fn doubt(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet], is_probe: bool) -> Option<Doubt> {
    if !is_trusted(peer, trusted) {
        let says = FORWARDED.iter().any(|name| headers.contains_key(*name));
        return says.then_some(Doubt::Undeclared);
    }
    // Probes are often a proxy's own.
    let is_silent = !headers.contains_key(FORWARDED[0]) && !is_probe;
    is_silent.then_some(Doubt::Silent)
}

/// Some proxies write the port as well.
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
    fn only_a_configured_proxy_is_believed_and_only_its_own_word() {
        assert_eq!(of("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        // What the client wrote itself stands before what the proxy appended.
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
    fn a_proxy_that_is_not_what_the_settings_say_is_noticed() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let of = |peer: &str, name: Option<&'static str>, is_probe| {
            let mut headers = HeaderMap::new();
            if let Some(name) = name {
                headers.insert(name, HeaderValue::from_static("198.51.100.7"));
            }
            doubt(peer.parse().unwrap(), &headers, &trusted, is_probe)
        };
        for name in FORWARDED {
            assert_eq!(of("192.0.2.1", Some(name), false), Some(Doubt::Undeclared));
            assert_eq!(of("::1", Some(name), true), Some(Doubt::Undeclared));
        }
        assert_eq!(of("192.0.2.1", None, false), None);
        assert_eq!(of("10.0.0.1", Some("x-forwarded-for"), false), None);
        for name in [None, Some("forwarded"), Some("x-real-ip")] {
            assert_eq!(of("::ffff:10.0.0.1", name, false), Some(Doubt::Silent));
            assert_eq!(of("10.0.0.1", name, true), None);
        }
    }
}
