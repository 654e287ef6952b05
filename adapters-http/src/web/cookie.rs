//! The cookie of a browser session: its one name, how it is set, read and taken back.

use http::{HeaderMap, HeaderValue, header};
use openindex_domain::OpaqueSecret;
use openindex_domain::session::ABSOLUTE_LIMIT_SECONDS;

use super::site::Transport;

impl Transport {
    /// The prefix makes a browser refuse the cookie unless it came over https, for this host alone
    /// (RFC 6265bis §4.1.3.2). Plain http on the own machine cannot have it.
    const fn cookie_name(self) -> Option<&'static str> {
        match self {
            Self::Secure => Some("__Host-openindex_session"),
            Self::Loopback => Some("openindex_session"),
            Self::Readable => None,
        }
    }
}

/// What the request presents. Two cookies of the name are none: which one counts must not be a
/// guess.
pub(super) fn presented(headers: &HeaderMap, transport: Transport) -> Option<&str> {
    let name = transport.cookie_name()?;
    let mut values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(given, _)| *given == name)
        .map(|(_, value)| value);
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

/// Whether the request has a cookie of the name at all, good or not.
pub(super) fn is_presented(headers: &HeaderMap, transport: Transport) -> bool {
    transport.cookie_name().is_some_and(|name| {
        headers
            .get_all(header::COOKIE)
            .iter()
            .any(|value| value.to_str().is_ok_and(|value| value.contains(name)))
    })
}

/// Hands a session to the browser; `None` where no cookie may be set.
pub(super) fn set(transport: Transport, secret: &OpaqueSecret) -> Option<HeaderValue> {
    value(transport, secret.expose(), ABSOLUTE_LIMIT_SECONDS)
}

/// Takes it back.
pub(super) fn clear(transport: Transport) -> Option<HeaderValue> {
    value(transport, "", 0)
}

fn value(transport: Transport, value: &str, max_age: i64) -> Option<HeaderValue> {
    let name = transport.cookie_name()?;
    let secure = match transport {
        Transport::Secure => "; Secure",
        Transport::Loopback | Transport::Readable => "",
    };
    let text = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    // Kept out of whatever prints headers.
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (header::COOKIE, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn is_read_by_its_whole_name_and_only_when_there_is_one() {
        let of = |values: &[&'static str]| {
            presented(&headers(values), Transport::Secure).map(str::to_owned)
        };
        assert_eq!(
            of(&["a=b; __Host-openindex_session=x; c=d"]).as_deref(),
            Some("x")
        );
        assert_eq!(
            of(&["a=b", "__Host-openindex_session=x"]).as_deref(),
            Some("x")
        );
        assert_eq!(of(&["openindex_session=x"]), None);
        assert_eq!(of(&["x__Host-openindex_session=x"]), None);
        assert_eq!(of(&["__host-openindex_session=x"]), None);
        assert_eq!(
            of(&["__Host-openindex_session=x; __Host-openindex_session=y"]),
            None
        );
        assert_eq!(of(&["__Host-openindex_session"]), None);
    }

    #[test]
    fn over_a_readable_network_there_is_no_cookie() {
        let given = headers(&["openindex_session=x; __Host-openindex_session=x"]);
        assert_eq!(presented(&given, Transport::Readable), None);
        assert_eq!(clear(Transport::Readable), None);
    }
}
