//! Cookies: names, parsing, setting and clearing.

use http::{HeaderMap, HeaderValue, header};
use openindex_domain::OpaqueSecret;
use openindex_domain::session::ABSOLUTE_LIMIT_SECONDS;
use openindex_domain::user::UserId;

use super::site::Transport;

/// The name of a cookie, for each transport that allows one.
#[derive(Clone, Copy)]
pub(super) struct CookieName {
    /// Starts with `__Host-`: a browser accepts the cookie only over https and for this host
    /// (RFC 6265bis §4.1.3.2).
    pub(super) secure: &'static str,
    /// For plain http on a loopback address, where the prefix is not allowed.
    pub(super) loopback: &'static str,
}

/// The cookie of a browser session.
pub(super) const SESSION: CookieName = CookieName {
    secure: "__Host-openindex_session",
    loopback: "openindex_session",
};

/// The ID of the user who signed in last in this browser. It grants nothing: a form that was sent
/// after the session had ended is restored only for this user.
pub(super) const USER: CookieName = CookieName {
    secure: "__Host-openindex_user",
    loopback: "openindex_user",
};

impl CookieName {
    /// Returns the name, or `None` if the transport allows no cookie.
    const fn over(self, transport: Transport) -> Option<&'static str> {
        match transport {
            Transport::Secure => Some(self.secure),
            Transport::Loopback => Some(self.loopback),
            Transport::Readable => None,
        }
    }
}

/// Returns the value of a cookie. Two cookies with the name count as none, since it is ambiguous
/// which one is ours.
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

/// Returns whether the request has a cookie with this name, valid or not.
pub(super) fn is_presented(headers: &HeaderMap, transport: Transport, name: CookieName) -> bool {
    name.over(transport).is_some_and(|name| {
        headers
            .get_all(header::COOKIE)
            .iter()
            .any(|value| value.to_str().is_ok_and(|value| value.contains(name)))
    })
}

/// Returns the header that sets the session cookie, or `None` if the transport allows no cookie.
pub(super) fn set(transport: Transport, secret: &OpaqueSecret) -> Option<HeaderValue> {
    value(transport, SESSION, secret.expose(), ABSOLUTE_LIMIT_SECONDS)
}

/// Returns the header that sets the [`USER`] cookie, or `None` if the transport allows no cookie.
pub(super) fn set_user(transport: Transport, user: UserId) -> Option<HeaderValue> {
    value(transport, USER, &user.to_string(), ABSOLUTE_LIMIT_SECONDS)
}

/// Returns the header that clears the session cookie, or `None` if the transport allows no cookie.
pub(super) fn clear(transport: Transport) -> Option<HeaderValue> {
    value(transport, SESSION, "", 0)
}

/// Returns the header that sets a cookie for `max_age` seconds, for this host and hidden from
/// scripts. 0 clears it. `None` if the transport allows no cookie.
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
    // Keeps the value out of logged headers.
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
    fn is_matched_by_full_name_and_ignored_if_repeated() {
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
    fn plain_http_over_a_network_allows_no_cookie() {
        let given = headers(&["openindex_session=x; __Host-openindex_session=x"]);
        assert_eq!(presented(&given, Transport::Readable, SESSION), None);
        assert_eq!(clear(Transport::Readable), None);
    }
}
