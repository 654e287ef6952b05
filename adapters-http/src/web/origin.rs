//! Protection against cross-site request forgery: only our own pages can change anything.

use http::{HeaderMap, HeaderName, Method, Uri, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    /// It came from another site, or its origin is unknown.
    Site,
    /// It came from our own page, opened at an address other than the public URL.
    Address,
}

/// Checks that a request was sent by a page at `own`, the origin of the public URL.
///
/// Browsers send the origin of a `POST` in `Origin`, `Sec-Fetch-Site` or both. Each header present
/// must match, and a request with neither is rejected. Other methods change nothing and are not
/// checked.
///
/// # Errors
///
/// [`Foreign`] if the request must not change anything.
pub(super) fn check(method: &Method, headers: &HeaderMap, own: &str) -> Result<(), Foreign> {
    if *method != Method::POST {
        return Ok(());
    }
    let site = only(headers, &SEC_FETCH_SITE)?;
    let is_same_site = match site {
        // "none": the user opened it from the address bar or a bookmark.
        Some("same-origin" | "none") => true,
        Some(_) => return Err(Foreign::Site),
        None => false,
    };
    match only(headers, &header::ORIGIN)? {
        Some(origin) if origin == own => Ok(()),
        Some(origin) if is_same_site && is_origin(origin) => Err(Foreign::Address),
        None if is_same_site => Ok(()),
        Some(_) | None => Err(Foreign::Site),
    }
}

/// Returns the value of a header that must occur at most once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Foreign> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match (value.to_str(), values.next()) {
        (Ok(value), None) => Ok(Some(value)),
        _ => Err(Foreign::Site),
    }
}

fn is_origin(text: &str) -> bool {
    of_url(text).as_deref() == Some(text)
}

/// Returns the origin of an `http` or `https` URL as a browser writes it (RFC 6454 §6.2): in lower
/// case, without the scheme's own port.
pub(super) fn of_url(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?;
    let default = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let host = uri.host()?.to_ascii_lowercase();
    Some(match uri.port_u16() {
        Some(port) if port != default => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const OWN: &str = "https://oi.example.com";

    fn checked(own: &str, sites: &[&str], origins: &[&str]) -> Result<(), Foreign> {
        let mut headers = HeaderMap::new();
        for value in sites {
            headers.append(SEC_FETCH_SITE, HeaderValue::from_str(value).unwrap());
        }
        for value in origins {
            headers.append(header::ORIGIN, HeaderValue::from_str(value).unwrap());
        }
        check(&Method::POST, &headers, own)
    }

    #[test]
    fn our_own_forms_pass_with_either_header_or_both() {
        for (sites, origins) in [
            (&["same-origin"][..], &[OWN][..]),
            (&["none"], &[OWN]),
            (&["same-origin"], &[]),
            (&["none"], &[]),
            (&[], &[OWN]),
        ] {
            assert_eq!(
                checked(OWN, sites, origins),
                Ok(()),
                "{sites:?} {origins:?}"
            );
        }
    }

    #[test]
    fn missing_and_contradictory_headers_are_rejected() {
        for (sites, origins) in [
            (&[][..], &[][..]),
            (&[""], &[]),
            (&[""], &[OWN]),
            (&[], &[""]),
            (&["same-origin"], &[""]),
            (&["same-origin", "same-origin"], &[OWN]),
            (&["same-origin", "cross-site"], &[]),
            (&["same-origin, same-origin"], &[OWN]),
            (&["Same-Origin"], &[]),
            (&["same-site"], &[OWN]),
            (&["cross-site"], &[OWN]),
            (&["unheard-of"], &[OWN]),
            (&[], &[OWN, OWN]),
            (&["same-origin"], &[OWN, "https://evil.example"]),
            (&["same-origin"], &["null"]),
            (&[], &["null"]),
            (&[], &["https://evil.example"]),
            (&[], &["http://oi.example.com"]),
            (&[], &["https://oi.example.com:8443"]),
            (&[], &["https://oi.example.com:443"]),
            (&[], &["https://oi.example.com/"]),
            (&[], &["https://OI.example.com"]),
            (&[], &["https://oi.example.com.evil.example"]),
            (&[], &["https://oi.example.com, https://evil.example"]),
            (&[], &["oi.example.com"]),
        ] {
            let foreign = Err(Foreign::Site);
            assert_eq!(
                checked(OWN, sites, origins),
                foreign,
                "{sites:?} {origins:?}"
            );
        }
    }

    #[test]
    fn our_own_page_at_another_address_has_its_own_error() {
        for origin in [
            "http://oi.example.com",
            "https://oi.example.com:8443",
            "http://localhost:8080",
        ] {
            let address = Err(Foreign::Address);
            assert_eq!(
                checked(OWN, &["same-origin"], &[origin]),
                address,
                "{origin}"
            );
        }
    }

    #[test]
    fn methods_that_change_nothing_are_not_checked() {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_FETCH_SITE, HeaderValue::from_static("cross-site"));
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert_eq!(check(&method, &headers, OWN), Ok(()));
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (url, origin) in [
            ("https://oi.example.com", "https://oi.example.com"),
            ("https://OI.Example.com:443/oi", "https://oi.example.com"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            ("https://example.com:8443/oi", "https://example.com:8443"),
        ] {
            assert_eq!(of_url(url).as_deref(), Some(origin), "{url}");
        }
        assert_eq!(of_url("null"), None);
        assert_eq!(of_url("file:///x"), None);
    }

    proptest! {
        #[test]
        fn requests_pass_only_with_our_own_origin(
            sites in prop::collection::vec(
                prop::sample::select(vec!["same-origin", "same-site", "cross-site", "none", "", "x"]),
                0..3,
            ),
            origins in prop::collection::vec(
                prop::sample::select(vec![OWN, "null", "", "http://oi.example.com", "https://e.example"]),
                0..3,
            ),
        ) {
            let is_ours = sites.iter().all(|site| matches!(*site, "same-origin" | "none"))
                && origins.iter().all(|origin| *origin == OWN)
                && sites.len() < 2
                && origins.len() < 2
                && sites.len() + origins.len() > 0;
            prop_assert_eq!(checked(OWN, &sites, &origins).is_ok(), is_ours);
        }
    }
}
