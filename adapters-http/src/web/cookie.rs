//! Cookies: how they are named, set, read and taken back, the one of a browser session first.

use http::{HeaderMap, HeaderValue, header};
use openindex_domain::OpaqueSecret;
use openindex_domain::session::ABSOLUTE_LIMIT_SECONDS;
use openindex_domain::user::UserId;

use super::site::Transport;

/// The two names of a cookie.
#[derive(Clone, Copy)]
pub(super) struct CookieName {
    /// Begins with `__Host-`, which makes a browser refuse the cookie unless it came over https, for
    /// this host alone (RFC 6265bis §4.1.3.2).
    pub(super) secure: &'static str,
    /// For plain http on the own machine, which cannot have the prefix.
    pub(super) loopback: &'static str,
}

/// The cookie of a browser session.
pub(super) const SESSION: CookieName = CookieName {
    secure: "__Host-openindex_session",
    loopback: "openindex_session",
};

/// Who signed in last in this browser: the id of a user, which opens nothing. What was sent when the
/// session had ended comes back to that user alone.
pub(super) const USER: CookieName = CookieName {
    secure: "__Host-openindex_user",
    loopback: "openindex_user",
};

impl CookieName {
    /// `None` where no cookie may be set.
    const fn over(self, transport: Transport) -> Option<&'static str> {
        match transport {
            Transport::Secure => Some(self.secure),
            Transport::Loopback => Some(self.loopback),
            Transport::Readable => None,
        }
    }
}

/// What the request presents. Two cookies of the name are none: which one counts must not be a
/// guess.
pub(super) fn presented(
    headers: &HeaderMap,
    transport: Transport,
    name: CookieName,
) -> Option<&str> {
    let name = name.over(transport)?;
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
pub(super) fn is_presented(headers: &HeaderMap, transport: Transport, name: CookieName) -> bool {
    name.over(transport).is_some_and(|name| {
        headers
            .get_all(header::COOKIE)
            .iter()
            .any(|value| value.to_str().is_ok_and(|value| value.contains(name)))
    })
}

/// Hands a session to the browser; `None` where no cookie may be set.
pub(super) fn set(transport: Transport, secret: &OpaqueSecret) -> Option<HeaderValue> {
    value(transport, SESSION, secret.expose(), ABSOLUTE_LIMIT_SECONDS)
}

/// Leaves the id of the user who signs in; see [`USER`].
pub(super) fn set_user(transport: Transport, user: UserId) -> Option<HeaderValue> {
    value(transport, USER, &user.to_string(), ABSOLUTE_LIMIT_SECONDS)
}

/// Takes the session back.
pub(super) fn clear(transport: Transport) -> Option<HeaderValue> {
    value(transport, SESSION, "", 0)
}

/// Sets a cookie for `max_age` seconds, for this host and hidden from scripts; 0 takes it back. `None`
/// where no cookie may be set.
pub(super) fn value(
    transport: Transport,
    name: CookieName,
    value: &str,
    max_age: i64,
) -> Option<HeaderValue> {
    let name = name.over(transport)?;
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
            presented(&headers(values), Transport::Secure, SESSION).map(str::to_owned)
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
        assert_eq!(presented(&given, Transport::Readable, SESSION), None);
        assert_eq!(clear(Transport::Readable), None);
    }
}
