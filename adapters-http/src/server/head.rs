//! What every request's head must meet before anything else is looked at.

use std::net::Ipv6Addr;

use axum::body::HttpBody as _;
use axum::extract::Request;
use http::{HeaderMap, Method, Uri, Version, header};
use percent_encoding::percent_decode_str;

use super::body::body_too_large;
use super::{Code, MAX_BODY_BYTES, MAX_HEADER_BYTES, Problem};

/// Checks the head of a request.
///
/// # Errors
///
/// 400, 413, 415, 417, 431 or 501 as a [`Problem`]; the body was not read.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    check_size(request.uri(), headers)?;
    check_host(request.version(), headers)?;
    check_target(request.method(), request.uri())?;
    if headers
        .get_all(header::CONTENT_TYPE)
        .iter()
        .nth(1)
        .is_some()
    {
        return Err(invalid("send the Content-Type header once"));
    }
    check_expectation(request.version(), headers)?;
    if request.body().is_end_stream() {
        return Ok(());
    }
    check_body(headers)
}

fn invalid(detail: &str) -> Problem {
    Problem::new(Code::InvalidRequest, detail)
}

pub(super) fn headers_too_large() -> Problem {
    Problem::new(
        Code::HeadersTooLarge,
        format!(
            "the request's target and headers may have at most {MAX_HEADER_BYTES} bytes together, \
             and at most 100 headers"
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
    if fields + target > MAX_HEADER_BYTES {
        return Err(headers_too_large());
    }
    Ok(())
}

/// RFC 9112 §3.2: exactly one valid `Host`; HTTP/1.0 may do without.
fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (None, None) if version < Version::HTTP_11 => Ok(()),
        (None, _) => Err(invalid("send a Host header: HTTP/1.1 requires one")),
        (Some(_), Some(_)) => Err(invalid("send exactly one Host header")),
        (Some(_), None) => Err(invalid(
            "the Host header must be a host name or an IP address, with or without a port",
        )),
    }
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2), without user information and not empty.
fn is_host(value: &[u8]) -> bool {
    let (is_name, rest) = if let Some(literal) = value.strip_prefix(b"[") {
        let Some(end) = literal.iter().position(|byte| *byte == b']') else {
            return false;
        };
        let (address, rest) = (&literal[..end], &literal[end + 1..]);
        let address = std::str::from_utf8(address).ok();
        let is_address = address.is_some_and(|text| text.parse::<Ipv6Addr>().is_ok());
        (is_address, rest)
    } else {
        let end = value.iter().position(|byte| *byte == b':');
        let (name, rest) = value.split_at(end.unwrap_or(value.len()));
        // RFC 3986 §3.2.2: reg-name.
        let is_plain =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(byte);
        (!name.is_empty() && name.iter().all(is_plain), rest)
    };
    let is_port = match rest {
        [] => true,
        // An empty port is the default one.
        [b':', port @ ..] => port.is_empty() || is_number_of_port(port),
        _ => false,
    };
    is_name && is_port
}

fn is_number_of_port(digits: &[u8]) -> bool {
    // `u16` would take a sign.
    let text = std::str::from_utf8(digits).unwrap_or_default();
    digits.iter().all(u8::is_ascii_digit) && text.parse::<u16>().is_ok()
}

/// RFC 9112 §3.2: a path, an absolute URI, or `*` for `OPTIONS`.
fn check_target(method: &Method, uri: &Uri) -> Result<(), Problem> {
    if method == Method::CONNECT {
        return Err(Problem::new(
            Code::NotImplemented,
            "this server is not a proxy and does not implement CONNECT",
        ));
    }
    let path = uri.path();
    let is_whole_server = path == "*" && method == Method::OPTIONS;
    if !path.starts_with('/') && !is_whole_server {
        return Err(invalid(
            "the request target must be a path that begins with /",
        ));
    }
    // RFC 9110 §4.2.4: user information in a request is an error.
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err(invalid("the request target must not have user information"));
    }
    // A path that is not is one where nothing is. Of a query, the wrong bytes would be replaced.
    let query = uri.query().unwrap_or_default();
    if query.contains('%') && percent_decode_str(query).decode_utf8().is_err() {
        return Err(invalid("the query is not valid UTF-8 when percent-decoded"));
    }
    Ok(())
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
        "the only Expect value that this server meets is 100-continue",
    ))
}

fn check_body(headers: &HeaderMap) -> Result<(), Problem> {
    let codings = |name| {
        let lines = headers.get_all(name).iter();
        lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
    };
    // RFC 9112 §6.1. Only that a coding named `chunked` comes last was checked so far.
    let is_other = |coding: &[u8]| !coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
    if codings(header::TRANSFER_ENCODING).any(is_other) {
        return Err(Problem::new(
            Code::NotImplemented,
            "the only transfer coding that this server implements is chunked",
        ));
    }
    if codings(header::TRANSFER_ENCODING).nth(1).is_some() {
        return Err(invalid("apply the transfer coding chunked once"));
    }
    let is_plain = |coding: &[u8]| {
        let coding = coding.trim_ascii();
        coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")
    };
    if !codings(header::CONTENT_ENCODING).all(is_plain) {
        return Err(Problem::unsupported_coding());
    }
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > MAX_BODY_BYTES as u64) {
        return Err(body_too_large());
    }
    Ok(())
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
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
