//! Checks that apply to the head of every request, before anything else.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Uri, Version, header};
use percent_encoding::percent_decode_str;

use super::limits::{MAX_BODY_BYTES, MAX_HEADER_BYTES, MAX_HEADERS};
use super::state::Shared;
use super::{Code, Problem};

/// Checks the head of a request. Afterwards, `Host` is the requested host, whichever form the
/// request target has.
///
/// # Errors
///
/// A [`Problem`] with status 400, 415, 417, 431 or 501; the body was not read.
pub(super) fn check(request: &mut Request) -> Result<(), Problem> {
    let headers = request.headers();
    check_size(request.uri(), headers)?;
    check_host(request.version(), request.uri(), headers)?;
    check_target(request.method(), request.uri())?;
    if headers
        .get_all(header::CONTENT_TYPE)
        .iter()
        .nth(1)
        .is_some()
    {
        return Err(invalid("duplicate Content-Type header; send it once"));
    }
    check_expectation(request.version(), headers)?;
    if !request.body().is_end_stream() {
        check_body(headers)?;
    }
    // RFC 9112 §3.2.2: the host in the target overrides the Host header.
    let authority = request.uri().authority().map(Authority::as_str);
    if let Some(Ok(host)) = authority.map(HeaderValue::from_str) {
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(())
}

fn invalid(detail: &str) -> Problem {
    Problem::new(Code::InvalidRequest, detail)
}

pub(super) fn headers_too_large() -> Problem {
    Problem::new(
        Code::HeadersTooLarge,
        format!(
            "the request target and headers must not exceed {MAX_HEADER_BYTES} bytes in total, or \
             {MAX_HEADERS} headers"
        ),
    )
}

fn check_size(uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let fields: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    let target = uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if fields + target > MAX_HEADER_BYTES || headers.len() > MAX_HEADERS {
        return Err(headers_too_large());
    }
    Ok(())
}

/// RFC 9112 §3.2: exactly one valid `Host`, which HTTP/1.0 may omit. HTTP/2 has the host in the
/// target (RFC 9113 §8.3.1).
fn check_host(version: Version, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let in_target = uri.authority().filter(|_| version == Version::HTTP_2);
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (None, None) if version < Version::HTTP_11 => Ok(()),
        (None, None) if in_target.is_some_and(|it| is_host(it.as_str().as_bytes())) => Ok(()),
        (None, _) => Err(invalid("missing Host header; HTTP/1.1 requires one")),
        (Some(_), Some(_)) => Err(invalid("duplicate Host header; send exactly one")),
        (Some(_), None) => Err(invalid(
            "the Host header must be a host name or an IP address, with or without a port",
        )),
    }
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2), not empty and without user information.
fn is_host(value: &[u8]) -> bool {
    // Without parsing, and thus copying, what is only a name and a port.
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    if let Ok(text) = std::str::from_utf8(value)
        && value.iter().all(is_plain)
    {
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        return is_name(host) && is_port(port);
    }
    let Ok(authority) = Authority::try_from(value) else {
        return false;
    };
    let host = authority.host();
    // User information comes before the host.
    let is_port = match authority.as_str().strip_prefix(host) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(is_port),
        None => false,
    };
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_address_or_name = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    is_port && is_address_or_name
}

/// An empty port means the default one (RFC 3986 §3.2.3).
fn is_port(digits: &str) -> bool {
    // `u16::from_str` accepts a sign.
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.is_empty() || digits.parse::<u16>().is_ok())
}

/// A DNS name (RFC 1123 §2.1) or an IPv4 address. Container names have underscores; a trailing dot
/// marks a fully qualified name.
fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    // One pass: this is in the way of every request.
    let (mut label, mut last, mut has_dot, mut has_other) = (0, b'-', false, false);
    for byte in name.bytes() {
        match byte {
            b'.' if label > 0 && last != b'-' => (label, has_dot) = (0, true),
            b'-' if label == 0 => return false,
            b'-' | b'_' | b'a'..=b'z' | b'A'..=b'Z' => (label, has_other) = (label + 1, true),
            b'0'..=b'9' => label += 1,
            _ => return false,
        }
        if label > 63 {
            return false;
        }
        last = byte;
    }
    // A single number can be a container name.
    let is_like_address = has_dot && !has_other;
    name.len() <= 253
        && label > 0
        && last != b'-'
        && (!is_like_address || name.parse::<Ipv4Addr>().is_ok())
}

/// RFC 9112 §3.2: a path, an http or https URL, or `*` for `OPTIONS`.
fn check_target(method: &Method, uri: &Uri) -> Result<(), Problem> {
    if method == Method::CONNECT {
        return Err(Problem::new(
            Code::NotImplemented,
            "this server is not a proxy and does not support CONNECT",
        ));
    }
    let is_http = |scheme: &str| {
        ["http", "https"]
            .iter()
            .any(|name| scheme.eq_ignore_ascii_case(name))
    };
    let path = uri.path();
    let is_whole_server = path == "*" && method == Method::OPTIONS;
    if !(path.starts_with('/') || is_whole_server) || !uri.scheme_str().is_none_or(is_http) {
        return Err(invalid(
            "the request target must be a path that begins with /, or an http or https URL",
        ));
    }
    // RFC 9110 §4.2.4: user information in a request is an error.
    let authority = uri.authority().map(Authority::as_str);
    if !authority.is_none_or(|authority| is_host(authority.as_bytes())) {
        return Err(invalid(
            "the host in the request target must be a host name or an IP address, with or without \
             a port and without user information",
        ));
    }
    let query = uri.query().unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\%".contains(&byte);
    if path.bytes().chain(query.bytes()).all(is_plain) {
        return Ok(());
    }
    let is_forbidden = |c: char| c.is_control() || c == '\\';
    if path.contains(is_forbidden) || query.contains(is_forbidden) {
        return Err(invalid(
            "the request target must not contain a backslash or a control character; \
             percent-encode it",
        ));
    }
    if !is_percent_encoded(path) || !is_percent_encoded(query) {
        return Err(invalid(
            "% in the request target must be followed by two hexadecimal digits; write %25 for a \
             percent sign",
        ));
    }
    // A path that is not UTF-8 matches no route. In a query, the invalid bytes would be replaced.
    if query.contains('%') && percent_decode_str(query).decode_utf8().is_err() {
        return Err(invalid("the query is not valid UTF-8 when percent-decoded"));
    }
    Ok(())
}

fn is_percent_encoded(text: &str) -> bool {
    let is_hex = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    text.split('%').skip(1).all(is_hex)
}

/// RFC 9110 §10.1.1; HTTP/1.0 has no expectations.
fn check_expectation(version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    let is_met = |value: &[u8]| value.eq_ignore_ascii_case(b"100-continue");
    let mut expectations = headers.get_all(header::EXPECT).iter();
    if version < Version::HTTP_11 || expectations.all(|value| is_met(value.as_bytes())) {
        return Ok(());
    }
    Err(Problem::new(
        Code::ExpectationFailed,
        "unsupported Expect header; only 100-continue is supported",
    ))
}

/// Returns whether the client waits for `100 Continue` before it sends the body. Call it after
/// [`check`].
pub(super) fn awaits_continue(head: &Parts) -> bool {
    head.version >= Version::HTTP_11 && head.headers.contains_key(header::EXPECT)
}

fn check_body(headers: &HeaderMap) -> Result<(), Problem> {
    let codings = |name| {
        let lines = headers.get_all(name).iter();
        lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
    };
    // RFC 9112 §6.1. So far, only a final `chunked` is certain.
    let is_other = |coding: &[u8]| !coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
    if codings(header::TRANSFER_ENCODING).any(is_other) {
        return Err(Problem::new(
            Code::NotImplemented,
            "unsupported Transfer-Encoding; only chunked is supported",
        ));
    }
    if codings(header::TRANSFER_ENCODING).nth(1).is_some() {
        return Err(invalid(
            "Transfer-Encoding lists chunked more than once; apply it once",
        ));
    }
    let is_plain = |coding: &[u8]| {
        let coding = coding.trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")
    };
    if !codings(header::CONTENT_ENCODING).all(is_plain) {
        return Err(Problem::unsupported_coding());
    }
    Ok(())
}

/// Cuts the query before a parameter `uri`. Proxies that append the path and query of the request
/// they ask about would otherwise let its client add parameters.
pub(super) fn cut_original(uri: &mut Uri) {
    let Some(query) = uri.query() else {
        return;
    };
    let mut kept = 0;
    for parameter in query.split('&') {
        if parameter == "uri" || parameter.starts_with("uri=") {
            let query = query.get(..kept).unwrap_or_default().trim_end_matches('&');
            let path = format!("{}?{query}", uri.path());
            if let Ok(cut) = path.parse() {
                *uri = cut;
            }
            return;
        }
        kept += parameter.len() + 1;
    }
}

/// Returns the maximum size of the body in bytes: for a form, the one that its route declares.
pub(super) fn body_limit(head: &Parts, shared: &Shared) -> usize {
    match head.extensions.get::<MatchedPath>() {
        Some(route) if is_form(&head.headers) => shared.max_form_bytes(route.as_str()),
        _ => MAX_BODY_BYTES,
    }
}

/// Returns whether `Content-Length` exceeds the limit, so that the body need not be read.
pub(super) fn announces_more(headers: &HeaderMap, limit: usize) -> bool {
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok())
        .is_some_and(|bytes| bytes > limit as u64)
}

/// Whether the body is a form of a page (`application/x-www-form-urlencoded`).
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| {
            let essence = essence.trim();
            essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for host in [
            "oi.example.com",
            "oi.example.com:8080",
            "oi_1.internal",
            "localhost:",
            "127.0.0.1:65535",
            "[::1]",
            "[2001:db8::1]:443",
            "xn--bcher-kva.example",
            "xn--n3h",
            "oi.example.com.",
            "oi.example.com.:443",
            "OI.Example.COM",
            "127.0.0.1.",
            "[::ffff:127.0.0.1]:",
            "[::]:0",
            "oi-server",
            "oi--2",
            "_oi._tcp.example",
            "4711",
            "1.oi",
            &format!("{0}.{0}.{0}", "x".repeat(63)),
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            ":8080",
            "user@oi.example.com",
            "user:password@oi.example.com",
            "oi.example.com:65536",
            "oi.example.com:+80",
            "oi.example.com:http",
            "oi.example.com:80:80",
            "oi.example.com/",
            "oi.example.com, evil.example",
            "oi example",
            "http://oi.example.com",
            "[::1",
            "::1",
            "[::1]x",
            "[127.0.0.1]",
            "[fe80::1%25eth0]",
            "b\u{fc}cher.example",
            "a%zz",
            "a%41",
            ".",
            "..",
            "...:80",
            ".example",
            "a..example",
            "oi.example.com..",
            "-oi.example",
            "oi-.example",
            "a;b",
            "a\\b",
            "a\tb",
            "[]",
            "[::1]]",
            "[[::1]]",
            "[::1%lo]",
            "[v1.x]",
            "::1]",
            "@",
            "@oi",
            "256.0.0.1",
            "1.2.3",
            "1.2.3.4.5",
            "oi:-1",
            "oi:0x50",
            &"x".repeat(64),
            &"x.".repeat(128),
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
