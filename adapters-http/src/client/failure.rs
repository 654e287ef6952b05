//! Describes connection failures, and pages in place of a response.

use std::io;

use openindex_domain::clock::Timestamp;
use rustls::CertificateError;
use ureq::{Error, Timeout};

use super::connect::{Stage, Unsent};
use super::proxy::Route;
use super::{BaseUrl, Cause, Effect};

/// Maximum number of characters shown of a page's title.
const MAX_TITLE_CHARS: usize = 100;

/// The description of a failure.
pub(super) struct FailureDescription {
    pub(super) reason: String,
    pub(super) cause: Cause,
    /// For a request that asks for a change.
    pub(super) effect: Effect,
}

/// Describes why there was no response. A request that was not completely sent changed nothing.
pub(super) fn describe(
    error: &Error,
    base: &BaseUrl,
    proxy: Option<&Route>,
    seconds: u64,
) -> FailureDescription {
    if let Some(unsent) = unsent(error) {
        let (cause, reason) = before_sent(unsent, base, proxy);
        return FailureDescription {
            reason,
            cause,
            effect: Effect::None,
        };
    }
    let (reason, effect) = match error {
        Error::HostNotFound => (host_not_found(base), Effect::None),
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            ("timed out while connecting".to_owned(), Effect::None)
        }
        Error::Http(_) | Error::BadUri(_) | Error::InvalidProxyUrl => {
            (error.to_string(), Effect::None)
        }
        Error::Timeout(_) => (
            format!("no response within {seconds} seconds"),
            Effect::Possible,
        ),
        Error::Io(error) => match tls(error) {
            Some(tls) => certificate(tls, base).map_or_else(
                || (without_tls(tls), after_handshake(tls)),
                |(_, reason)| (reason, Effect::None),
            ),
            None => (dropped(error), Effect::Possible),
        },
        Error::Protocol(_) => ("the response is not HTTP".to_owned(), Effect::Possible),
        other => (other.to_string(), Effect::Possible),
    };
    FailureDescription {
        reason,
        cause: Cause::Other,
        effect,
    }
}

fn unsent(error: &Error) -> Option<&Unsent> {
    match error {
        Error::Other(other) => other.downcast_ref(),
        _ => None,
    }
}

fn tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// In TLS 1.3, a server that requires a client certificate rejects the client after the handshake,
/// before it reads a request.
fn after_handshake(error: &rustls::Error) -> Effect {
    use rustls::AlertDescription::{AccessDenied, BadCertificate, CertificateRequired, UnknownCA};
    match error {
        rustls::Error::AlertReceived(
            CertificateRequired | BadCertificate | AccessDenied | UnknownCA,
        ) => Effect::None,
        _ => Effect::Possible,
    }
}

fn dropped(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::UnexpectedEof => "connection closed before a complete response".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset before a complete response".to_owned(),
        _ => error.to_string(),
    }
}

fn host_not_found(base: &BaseUrl) -> String {
    format!("host not found: {}", base.host())
}

fn before_sent(unsent: &Unsent, base: &BaseUrl, proxy: Option<&Route>) -> (Cause, String) {
    let plain = match &unsent.error {
        Error::HostNotFound => "host not found".to_owned(),
        Error::Timeout(_) => "timed out".to_owned(),
        Error::Io(error) => match tls(error) {
            Some(error) => {
                if unsent.stage != Stage::Proxy
                    && let Some(described) = certificate(error, base)
                {
                    return described;
                }
                if let (Stage::Server, Some(route), true) = (unsent.stage, proxy, is_no_tls(error))
                {
                    let (host, port) = (base.host(), base.port());
                    let reason = format!(
                        "the proxy {route} connected to {host}:{port}, but the response is not \
                         TLS; it may require a sign-in in a browser"
                    );
                    return (Cause::Proxy, reason);
                }
                without_tls(error)
            }
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof => "connection closed".to_owned(),
                io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
                _ => dropped(error),
            },
        },
        Error::Rustls(error) => without_tls(error),
        Error::ConnectProxyFailed(said) => return not_connected(said, base, proxy),
        error => error.to_string(),
    };
    match (unsent.stage, proxy) {
        (Stage::Proxy, Some(route)) => (
            Cause::Proxy,
            format!("cannot connect to the proxy {route}: {plain}"),
        ),
        (Stage::Server, Some(route)) => {
            (Cause::Other, format!("{plain}, through the proxy {route}"))
        }
        (Stage::Request, _) => (
            Cause::Other,
            format!("the request could not be sent: {plain}"),
        ),
        (_, None) if matches!(unsent.error, Error::HostNotFound) => {
            (Cause::Other, host_not_found(base))
        }
        (_, None) if matches!(unsent.error, Error::Timeout(_)) => {
            (Cause::Other, "timed out while connecting".to_owned())
        }
        (_, None) => (Cause::Other, plain),
    }
}

/// Describes a response to CONNECT other than 200, which ureq returns as text.
fn not_connected(said: &str, base: &BaseUrl, proxy: Option<&Route>) -> (Cause, String) {
    let route = proxy;
    let proxy = named(route);
    let (host, port) = (base.host(), base.port());
    let status: Option<u16> = said
        .rsplit_once('/')
        .and_then(|(_, status)| status.parse().ok());
    match status {
        Some(407) => (Cause::ProxyLogin, login_required(route)),
        Some(status @ 500..) => (
            Cause::Proxy,
            format!("the proxy{proxy} cannot connect to {host}:{port} (HTTP {status})"),
        ),
        Some(status @ 300..400) => (
            Cause::Proxy,
            format!(
                "the proxy{proxy} redirects elsewhere instead of connecting to {host}:{port} (HTTP \
                 {status}); it may require a sign-in in a browser"
            ),
        ),
        Some(status) => (
            Cause::Proxy,
            format!("the proxy{proxy} does not allow connections to {host}:{port} (HTTP {status})"),
        ),
        None => (Cause::Proxy, format!("the proxy{proxy} did not respond")),
    }
}

/// Describes a proxy's response 407.
pub(super) fn login_required(route: Option<&Route>) -> String {
    let proxy = named(route);
    match route.and_then(|route| route.proxy.username()) {
        None => format!("the proxy{proxy} requires a user name and password (HTTP 407)"),
        Some(_) => format!("the proxy{proxy} rejected the user name and password (HTTP 407)"),
    }
}

fn named(proxy: Option<&Route>) -> String {
    proxy.map_or_else(String::new, |route| format!(" {route}"))
}

/// Describes what is wrong with the server's certificate.
fn certificate(error: &rustls::Error, base: &BaseUrl) -> Option<(Cause, String)> {
    let rustls::Error::InvalidCertificate(error) = error else {
        return None;
    };
    let day = |seconds: u64| {
        i64::try_from(seconds)
            .ok()
            .and_then(|seconds| Timestamp::from_unix_millis(seconds.checked_mul(1_000)?))
            .map_or_else(String::new, |at| format!(" {}", &at.to_string()[..10]))
    };
    Some(match error {
        CertificateError::UnknownIssuer => (
            Cause::UnknownAuthority,
            "its certificate is signed by an unknown authority (private or self-signed)".to_owned(),
        ),
        CertificateError::ExpiredContext { not_after, time } => (
            Cause::CertificateTime,
            format!(
                "its certificate expired on{} (this machine's clock says{})",
                day(not_after.as_secs()),
                day(time.as_secs())
            ),
        ),
        CertificateError::NotValidYetContext { not_before, time } => (
            Cause::CertificateTime,
            format!(
                "its certificate is not valid before{} (this machine's clock says{})",
                day(not_before.as_secs()),
                day(time.as_secs())
            ),
        ),
        CertificateError::Expired => (
            Cause::CertificateTime,
            "its certificate has expired".to_owned(),
        ),
        CertificateError::NotValidYet => (
            Cause::CertificateTime,
            "its certificate is not valid yet".to_owned(),
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            Cause::Certificate,
            format!("its certificate is not for the host {}", base.host()),
        ),
        // webpki exposes this only through `Debug`.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => (
            Cause::Certificate,
            "its certificate is a self-signed CA certificate (CA:TRUE), which servers must not \
             use; replace it with one that has CA:FALSE"
                .to_owned(),
        ),
        other => (
            Cause::Certificate,
            format!("its certificate is invalid: {other}"),
        ),
    })
}

/// Describes an HTML page by its title, on one line.
pub(super) fn page(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(16 * 1024)]);
    let lower = text.to_ascii_lowercase();
    let title = lower
        .find("<title")
        .and_then(|start| Some(start + lower[start..].find('>')? + 1))
        .and_then(|start| Some(&text[start..start + lower[start..].find("</title")?]));
    let title: Vec<&str> = title.unwrap_or_default().split_whitespace().collect();
    let title: String = title.join(" ").chars().take(MAX_TITLE_CHARS).collect();
    if title.is_empty() {
        "an HTML page".to_owned()
    } else {
        format!("an HTML page titled \"{title}\"")
    }
}

/// Describes a TLS failure.
fn without_tls(error: &rustls::Error) -> String {
    if is_no_tls(error) {
        "the server does not use TLS; if that is intended, use an http:// URL".to_owned()
    } else {
        format!("TLS failed: {error}")
    }
}

/// Returns whether the received data is not TLS.
const fn is_no_tls(error: &rustls::Error) -> bool {
    matches!(
        error,
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_described_only_by_its_title() {
        for (body, described) in [
            (
                "<html><head><TITLE lang=en>\n 502  Bad\tGateway </Title></head>secret",
                "an HTML page titled \"502 Bad Gateway\"",
            ),
            ("<html>secret", "an HTML page"),
            ("<title>", "an HTML page"),
            ("<title></title>secret", "an HTML page"),
            ("", "an HTML page"),
        ] {
            assert_eq!(page(body.as_bytes()), described);
        }
        let long = format!("<title>{}</title>", "x".repeat(1_000));
        assert!(page(long.as_bytes()).len() < 130);
    }
}
