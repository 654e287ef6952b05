//! The header `If-Match` (RFC 9110 §13.1.1): a change is made only to the version that it was
//! meant for.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};

use super::{Code, Problem};

/// No item has this version, since they are counted from 1.
const NO_VERSION: u64 = 0;

/// The version that an item must have for a change; `None` takes any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IfMatch(pub(super) Option<u64>);

/// An item's version as its `ETag`.
pub(super) fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(&parts.headers).map(Self)
    }
}

fn read(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let version = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => match value.as_bytes().trim_ascii() {
            b"*" => return Ok(None),
            tag => version(tag),
        },
        (Some(_), Some(_)) => None,
    };
    version.map(Some).ok_or_else(|| {
        Problem::new(
            Code::InvalidRequest,
            "If-Match must be one entity tag as in \"7\", the ETag that an answer had, or *",
        )
    })
}

/// The version that an entity tag stands for; `None` when it is no tag.
fn version(value: &[u8]) -> Option<u64> {
    let (weak, tag) = match value.strip_prefix(b"W/") {
        Some(tag) => (true, tag),
        None => (false, value),
    };
    let tag = tag.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    // RFC 9110 §8.8.3: etagc.
    let is_tag = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..=0xff);
    if !tag.iter().all(is_tag) {
        return None;
    }
    // A weak tag never matches, and one that we did not give matches nothing of ours: a version has
    // one spelling.
    let version = std::str::from_utf8(tag)
        .ok()
        .and_then(|tag| tag.parse::<u64>().ok())
        .filter(|version| !weak && version.to_string().as_bytes() == tag);
    Some(version.unwrap_or(NO_VERSION))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&[u8]]) -> Result<Option<u64>, Code> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value).unwrap();
            headers.append(header::IF_MATCH, value);
        }
        read(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn a_version_is_what_its_tag_says() {
        assert_eq!(of(&[etag(7).as_bytes()]), Ok(Some(7)));
        assert_eq!(of(&[b" \"7\" "]), Ok(Some(7)));
        let last = u64::MAX;
        assert_eq!(of(&[etag(last).as_bytes()]), Ok(Some(last)));
    }

    #[test]
    fn no_header_and_a_star_take_any() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[b"*"]), Ok(None));
    }

    #[test]
    fn weak_and_foreign_tags_match_nothing() {
        for tag in [
            &b"W/\"7\""[..],
            b"\"\"",
            b"\"07\"",
            b"\"+7\"",
            b"\"-1\"",
            b"\"seven\"",
            b"\"7,8\"",
            b"\"\xff\"",
            b"\"18446744073709551616\"",
        ] {
            assert_eq!(of(&[tag]), Ok(Some(NO_VERSION)), "{tag:?}");
        }
    }

    #[test]
    fn what_is_no_tag_or_more_than_one_is_refused() {
        for value in [
            &b""[..],
            b"7",
            b"\"7",
            b"7\"",
            b"\"",
            b"w/\"7\"",
            b"W/7",
            b"\"7 8\"",
            b"\"7\", \"8\"",
            b"**",
        ] {
            assert_eq!(of(&[value]), Err(Code::InvalidRequest), "{value:?}");
        }
        assert_eq!(of(&[b"\"7\"", b"\"7\""]), Err(Code::InvalidRequest));
    }
}
