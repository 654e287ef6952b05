//! Where a form was sent from: only our own pages may change anything.

use http::{HeaderMap, HeaderName, Method, Uri, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request must not change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    /// A page of another site sent it, or it cannot be told where it came from.
    Site,
    /// A page of this server sent it, which was opened at another address than the public URL.
    Address,
}

/// Checks that a request was sent by a page at `own`, the origin of the public URL.
///
/// Every browser says where a `POST` comes from: in `Origin`, in `Sec-Fetch-Site`, or in both. What is
/// there must be ours, and a request that says nothing is not a browser's. No page takes another
/// method that changes something, and what changes nothing may come from anywhere.
pub(super) fn check(method: &Method, headers: &HeaderMap, own: &str) -> Result<(), Foreign> {
    if *method != Method::POST {
        return Ok(());
    }
    let site = only(headers, &SEC_FETCH_SITE)?;
    let is_same_site = match site {
        // "none" is a person at the address bar.
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

/// Returns the value of a header that is there at most once.
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
    fn a_form_of_ours_says_so_in_either_header_or_in_both() {
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
    fn absence_and_contradiction_do_not_pass() {
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
    fn a_page_of_ours_at_another_address_is_told_apart() {
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
    fn what_changes_nothing_may_come_from_anywhere() {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_FETCH_SITE, HeaderValue::from_static("cross-site"));
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert_eq!(check(&method, &headers, OWN), Ok(()));
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_do() {
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
        fn what_passes_names_our_origin_and_no_other(
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
