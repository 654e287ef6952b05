//! Selects a proxy from the environment by the rules of curl
//! (<https://everything.curl.dev/usingcurl/proxies/env.html>).

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use ureq::{Proxy, ProxyProtocol};

use super::{BaseUrl, ClientError};

/// Default port of a proxy, as in curl.
const DEFAULT_PORT: u16 = 1080;

/// The variables that select a proxy or exclude hosts from it.
///
/// `HTTP_PROXY` in upper case is not one of them: in a CGI program it contains the request's
/// `Proxy` header, so curl ignores it as well.
#[derive(Clone, Default)]
pub struct ProxyVariables(BTreeMap<&'static str, String>);

impl ProxyVariables {
    /// The names of all variables.
    pub const NAMES: [&'static str; 7] = [
        "http_proxy",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
    ];

    /// Reads the values with `lookup`. A blank value counts as unset, as in curl.
    #[must_use]
    pub fn new(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &'static str| {
            let value = lookup(name)?.trim().to_owned();
            (!value.is_empty()).then_some((name, value))
        };
        Self(Self::NAMES.into_iter().filter_map(value).collect())
    }

    /// Reads the values from this process's environment.
    #[must_use]
    pub fn of_process() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    fn first(&self, names: &[&'static str]) -> Option<(&'static str, &str)> {
        names
            .iter()
            .find_map(|name| Some((*name, self.0.get(name)?.as_str())))
    }

    /// Returns the proxy for a server. Connections to this machine use none.
    pub(super) fn route(&self, base: &BaseUrl) -> Result<Option<Route>, ClientError> {
        if base.is_loopback() {
            return Ok(None);
        }
        let chosen = if base.is_https() {
            self.first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
        } else {
            self.first(&["http_proxy", "all_proxy", "ALL_PROXY"])
        };
        let Some((variable, url)) = chosen else {
            return Ok(None);
        };
        let spared = self
            .first(&["no_proxy", "NO_PROXY"])
            .is_some_and(|(_, list)| is_spared(list, base.host(), base.port()));
        if spared {
            return Ok(None);
        }
        match parse(url) {
            Ok(proxy) => Ok(Some(Route { variable, proxy })),
            Err(reason) => Err(ClientError::InvalidProxy { variable, reason }),
        }
    }
}

/// Shows only names, because a value may contain a password.
impl fmt::Debug for ProxyVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A proxy and the variable that selected it.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) variable: &'static str,
    pub(super) proxy: Proxy,
}

/// Without the user name and password: `http://proxy.example:3128 (https_proxy)`.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.proxy.protocol() {
            ProxyProtocol::Https => "https",
            _ => "http",
        };
        let (host, port) = (self.proxy.host(), self.proxy.port());
        write!(f, "{scheme}://{host}:{port} ({})", self.variable)
    }
}

/// Parses a proxy URL; the default scheme is `http`. The error does not contain the URL.
fn parse(url: &str) -> Result<Proxy, &'static str> {
    const INVALID: &str = "not a proxy URL; expected a form like http://proxy.example:3128, with \
                           special characters in the user name or password percent-encoded";
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "http" | "https" => {}
        "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => {
            return Err(
                "SOCKS proxies are not supported; use an http:// proxy, or list the server's host \
                 in NO_PROXY",
            );
        }
        _ => return Err("a proxy URL must begin with http:// or https://"),
    }
    // After any of these, an unencoded password would be parsed as a path.
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#', '\\']) {
        return Err(INVALID);
    }
    let proxy = Proxy::new(&format!("{scheme}://{rest}")).map_err(|_| INVALID)?;
    let has_port = proxy.uri().port_u16().is_some();
    let after_host = rest.rsplit(['@', ']']).next().unwrap_or_default();
    if proxy.host().is_empty() || (!has_port && after_host.contains(':')) {
        return Err(INVALID);
    }
    if has_port || proxy.protocol() == ProxyProtocol::Https {
        return Ok(proxy);
    }
    let mut builder = Proxy::builder(ProxyProtocol::Http)
        .host(proxy.host())
        .port(DEFAULT_PORT);
    if let Some(username) = proxy.username() {
        builder = builder.username(username);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    builder.build().map_err(|_| INVALID)
}

/// Returns whether a list such as `corp.example, .local, 10.0.0.0/8, [::1], *` contains a host.
fn is_spared(list: &str, host: &str, port: u16) -> bool {
    let host = bare(host);
    list.split([',', ' ', '\t'])
        .filter(|entry| !entry.is_empty())
        .any(|entry| names(entry, host, port))
}

fn names(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        if let Ok(network) = entry.parse::<IpNet>() {
            return network.contains(&address);
        }
        let (entry, wanted) = split_port(entry);
        return wanted.is_none_or(|wanted| wanted == port) && bare(entry).parse() == Ok(address);
    }
    let (entry, wanted) = split_port(entry);
    let entry = entry.strip_prefix('*').unwrap_or(entry);
    let entry = entry.strip_prefix('.').unwrap_or(entry);
    let entry = entry.strip_suffix('.').unwrap_or(entry);
    if entry.is_empty() || wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    // The domain itself or a subdomain; `notcorp.example` is not a subdomain of `corp.example`.
    let (host, entry) = (host.to_ascii_lowercase(), entry.to_ascii_lowercase());
    host.strip_suffix(&entry)
        .is_some_and(|below| below.is_empty() || below.ends_with('.'))
}

/// Splits `host:port`. An IPv6 address with a port is in brackets.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => port
            .parse()
            .map_or((entry, None), |port| (host, Some(port))),
        _ => (entry, None),
    }
}

/// Removes the brackets of an IPv6 address and the trailing dot of a name.
fn bare(host: &str) -> &str {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(values: &[(&str, &str)]) -> ProxyVariables {
        ProxyVariables::new(|name| {
            let value = values.iter().find(|(known, _)| *known == name)?;
            Some(value.1.to_owned())
        })
    }

    fn route(values: &[(&str, &str)], url: &str) -> Option<String> {
        let route = variables(values).route(&BaseUrl::parse(url).unwrap());
        route.unwrap().map(|route| route.to_string())
    }

    #[test]
    fn no_proxy_matches_domains_subdomains_addresses_and_networks() {
        for (list, host, spared) in [
            ("corp.example", "oi.corp.example", true),
            ("corp.example", "corp.example", true),
            ("corp.example", "a.b.corp.example", true),
            ("corp.example", "notcorp.example", false),
            ("corp.example", "corp.example.evil", false),
            (".corp.example", "oi.corp.example", true),
            (".corp.example", "corp.example", true),
            ("*.corp.example", "oi.corp.example", true),
            ("CORP.Example", "oi.corp.example", true),
            ("corp.example.", "oi.corp.example", true),
            ("corp.example", "oi.corp.example.", true),
            ("oi.corp.example", "corp.example", false),
            ("a.example,corp.example", "oi.corp.example", true),
            ("a.example corp.example", "oi.corp.example", true),
            (" a.example , corp.example ", "oi.corp.example", true),
            ("*", "oi.corp.example", true),
            ("a.example,*", "oi.corp.example", true),
            ("corp.example:443", "oi.corp.example", true),
            ("corp.example:8443", "oi.corp.example", false),
            (",, .", "oi.corp.example", false),
            ("", "oi.corp.example", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.33", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("192.168.0.0/16,10.0.0.0/8", "10.1.2.3", true),
            ("10.1.2.3:443", "10.1.2.3", true),
            ("10.1.2.3:80", "10.1.2.3", false),
            ("2.3", "10.1.2.3", false),
            ("fd00::/8", "[fd12::1]", true),
            ("fd12::1", "[fd12::1]", true),
            ("[fd12::1]", "[fd12::1]", true),
            ("[fd12::1]:443", "[fd12::1]", true),
            ("[fd12::1]:80", "[fd12::1]", false),
            ("fd12::2", "[fd12::1]", false),
        ] {
            assert_eq!(is_spared(list, host, 443), spared, "{list:?} {host}");
        }
    }

    #[test]
    fn each_scheme_has_its_variables_in_the_order_of_curl() {
        let https = "https://oi.corp.example";
        let http = "http://oi.corp.example";
        for (values, url, shown) in [
            (
                &[("https_proxy", "http://p:1")][..],
                https,
                "http://p:1 (https_proxy)",
            ),
            (
                &[("HTTPS_PROXY", "http://p:1")],
                https,
                "http://p:1 (HTTPS_PROXY)",
            ),
            (
                &[("ALL_PROXY", "http://p:1")],
                https,
                "http://p:1 (ALL_PROXY)",
            ),
            (
                &[("all_proxy", "http://p:1")],
                http,
                "http://p:1 (all_proxy)",
            ),
            (
                &[("http_proxy", "http://p:1")],
                http,
                "http://p:1 (http_proxy)",
            ),
            (
                &[
                    ("HTTPS_PROXY", "http://p:1"),
                    ("https_proxy", "http://q:1"),
                    ("all_proxy", "r"),
                ],
                https,
                "http://q:1 (https_proxy)",
            ),
            (
                &[("https_proxy", "p:3128")],
                https,
                "http://p:3128 (https_proxy)",
            ),
            (
                &[("https_proxy", "p")],
                https,
                "http://p:1080 (https_proxy)",
            ),
            (
                &[("https_proxy", "http://p:80")],
                https,
                "http://p:80 (https_proxy)",
            ),
            (
                &[("https_proxy", "https://p")],
                https,
                "https://p:443 (https_proxy)",
            ),
            (
                &[("https_proxy", "HTTP://p:1/")],
                https,
                "http://p:1 (https_proxy)",
            ),
            (
                &[("https_proxy", "http://ada:hunter2@p")],
                https,
                "http://p:1080 (https_proxy)",
            ),
        ] {
            assert_eq!(route(values, url).as_deref(), Some(shown), "{values:?}");
        }
        for (values, url) in [
            (&[][..], https),
            (&[("http_proxy", "http://p:1")], https),
            (&[("https_proxy", "http://p:1")], http),
            (&[("HTTP_PROXY", "http://p:1")], http),
            (&[("https_proxy", " ")], https),
            (
                &[("https_proxy", "http://p:1"), ("NO_PROXY", "corp.example")],
                https,
            ),
            (&[("https_proxy", "http://p:1"), ("no_proxy", "*")], https),
            (&[("http_proxy", "http://p:1")], "http://localhost:8080"),
        ] {
            assert_eq!(route(values, url), None, "{values:?} {url}");
        }
    }

    #[test]
    fn a_login_is_used_and_never_shown() {
        let variables = variables(&[("https_proxy", "http://ada:p%40ss@p")]);
        let server = BaseUrl::parse("https://oi.corp.example").unwrap();
        let route = variables.route(&server).unwrap().unwrap();
        assert_eq!(route.proxy.username(), Some("ada"));
        assert_eq!(route.proxy.password(), Some("p@ss"));
        assert!(!format!("{route} {route:?} {variables:?}").contains("ss@"));
    }

    #[test]
    fn an_invalid_proxy_error_shows_only_the_variable() {
        for (url, said) in [
            ("socks5://ada:hunter2@p:1", "SOCKS"),
            ("ftp://ada:hunter2@p:1", "http://"),
            ("http://ada:hun#ter2@p:1", "percent-encode"),
            ("http://", "percent-encode"),
            ("http://ada:hun/ter2@p:1", "percent-encode"),
            ("http://p:hunter2", "percent-encode"),
            ("\"http://ada:hunter2@p:1\"", "http://"),
        ] {
            let server = BaseUrl::parse("https://oi.corp.example").unwrap();
            let error = variables(&[("https_proxy", url)])
                .route(&server)
                .unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(
                shown.contains("https_proxy") && shown.contains(said),
                "{shown}"
            );
            assert!(!shown.contains("hun"), "{shown}");
        }
    }
}
