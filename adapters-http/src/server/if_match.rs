//! The header `If-Match` (RFC 9110 §13.1.1): a change is made only to the version that it was
//! meant for.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};

use super::{Code, Problem};

/// The versions of which an item must have one for a change; `None` takes any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IfMatch(pub(super) Option<Vec<u64>>);

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

fn read(headers: &HeaderMap) -> Result<Option<Vec<u64>>, Problem> {
    let lines: Vec<&[u8]> = headers
        .get_all(header::IF_MATCH)
        .iter()
        .map(|line| line.as_bytes().trim_ascii())
        .collect();
    match lines.as_slice() {
        [] | [b"*"] => return Ok(None),
        _ => {}
    }
    // Several lines are one list (RFC 9110 §5.3).
    versions(&lines.join(&b',')).map(Some).ok_or_else(|| {
        Problem::new(
            Code::InvalidRequest,
            "If-Match must be entity tags as in \"7\", the ETag that an answer had, with commas \
                 between them, or * alone",
        )
    })
}

/// The versions that a list of entity tags stands for; `None` when it is no such list, or an empty
/// one.
fn versions(list: &[u8]) -> Option<Vec<u64>> {
    let mut versions = Vec::new();
    let mut any = false;
    let mut rest = list.trim_ascii_start();
    loop {
        // What is between two commas may be nothing (RFC 9110 §5.6.1.2).
        if !rest.is_empty() && rest[0] != b',' {
            let (version, after) = tag(rest)?;
            any = true;
            versions.extend(version);
            rest = after.trim_ascii_start();
        }
        match rest {
            [] => return any.then_some(versions),
            [b',', after @ ..] => rest = after.trim_ascii_start(),
            _ => return None,
        }
    }
}

/// The entity tag at the beginning, as the version that it stands for if it does for one, and what
/// follows on it; `None` when it is no tag.
fn tag(list: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let (weak, quoted) = match list.strip_prefix(b"W/") {
        Some(quoted) => (true, quoted),
        None => (false, list),
    };
    let quoted = quoted.strip_prefix(b"\"")?;
    let end = quoted.iter().position(|byte| *byte == b'"')?;
    let (tag, after) = (&quoted[..end], &quoted[end + 1..]);
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
    Some((version, after))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&[u8]]) -> Result<Option<Vec<u64>>, Code> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value).unwrap();
            headers.append(header::IF_MATCH, value);
        }
        read(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn a_version_is_what_its_tag_says() {
        assert_eq!(of(&[etag(7).as_bytes()]), Ok(Some(vec![7])));
        assert_eq!(of(&[b" \"7\" "]), Ok(Some(vec![7])));
        let last = u64::MAX;
        assert_eq!(of(&[etag(last).as_bytes()]), Ok(Some(vec![last])));
    }

    #[test]
    fn several_tags_are_several_versions() {
        for values in [
            &[&b"\"7\", \"9\""[..]][..],
            &[b"\"7\",\"9\""],
            &[b"\"7\"\t,\t\"9\""],
            &[b",, \"7\" , ,\"9\","],
            &[b"\"7\"", b"\"9\""],
            &[b"", b"\"7\", W/\"8\"", b"\"7,8\", \"9\""],
        ] {
            assert_eq!(of(values), Ok(Some(vec![7, 9])), "{values:?}");
        }
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
            b"\"*\"",
            b"\"\xff\"",
            b"\"18446744073709551616\"",
        ] {
            assert_eq!(of(&[tag]), Ok(Some(vec![])), "{tag:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for values in [
            &[&b""[..]][..],
            &[b","],
            &[b"", b" , "],
            &[b"7"],
            &[b"\"7"],
            &[b"7\""],
            &[b"\""],
            &[b"w/\"7\""],
            &[b"W/7"],
            &[b"W/ \"7\""],
            &[b"\"7 8\""],
            &[b"\"7\" \"8\""],
            &[b"\"7\"\"8\""],
            &[b"\"7\"; \"8\""],
            &[b"\"7\", 8"],
            &[b"**"],
            &[b"*, \"7\""],
            &[b"*", b"*"],
            &[b"\"7\"", b"*"],
        ] {
            assert_eq!(of(values), Err(Code::InvalidRequest), "{values:?}");
        }
    }
}
