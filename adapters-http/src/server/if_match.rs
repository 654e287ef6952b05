//! Conditional requests (RFC 9110 §13). A change is applied only to the state it was meant for; if
//! a condition is false or cannot be evaluated, nothing changes.
//!
//! Work items have an `ETag`, and their routes evaluate it inside the change ([`IfMatch`]). Other
//! resources have no `ETag`: `Routes::declare` adds [`check`] to their routes, and their permissions
//! call it. For reads, conditions are evaluated on the response ([`OnRead`]).

use std::time::UNIX_EPOCH;

use axum::body::Body;
use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use openindex_domain::clock::Timestamp;
use openindex_domain::work_item::Versions;

use super::{Access, Code, Guard, Permission, Problem};

/// The permission of a route that changes a resource with an `ETag` and reads [`IfMatch`].
pub(super) struct Versioned<P>(pub(super) P);

impl<P: Permission> Permission for Versioned<P> {
    const ACCESS: Access = P::ACCESS;
    const HAS_ETAG: bool = true;
}

impl<S: Sync, P: FromRequestParts<S>> FromRequestParts<S> for Versioned<P> {
    type Rejection = P::Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, P::Rejection> {
        P::from_request_parts(parts, state).await.map(Self)
    }
}

/// The versions of a work item that a change accepts, from `If-Match` and `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IfMatch(pub(super) Versions);

impl<S> FromRequestParts<S> for IfMatch
where
    S: Sync,
    Guard: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        check_date(&parts.headers, Guard::from_ref(state).now())?;
        versions(&parts.headers).map(Self)
    }
}

/// Returns the `ETag` of a version.
pub(super) fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// Evaluates the conditions of a request whose target has no `ETag`. `now` is `None` if no clock is
/// available.
///
/// # Errors
///
/// 412 when a condition is false or cannot be evaluated, 400 when one is malformed. Reads always
/// pass; see [`OnRead`].
pub(crate) fn check(
    method: &Method,
    headers: &HeaderMap,
    now: Option<Timestamp>,
) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    if let Some(Tags::These(_)) = tags(headers, &header::IF_MATCH)? {
        return Err(failed("If-Match does not apply: this resource has no ETag"));
    }
    check_date(headers, now)?;
    if let Some(Tags::Any) = tags(headers, &header::IF_NONE_MATCH)? {
        return Err(failed("If-None-Match is *, and this resource exists"));
    }
    Ok(())
}

/// Evaluates `If-Unmodified-Since`, which is ignored if `If-Match` is present (RFC 9110 §13.1.4).
/// No response has `Last-Modified`, so whether the resource changed since a past date is unknown;
/// reject the change instead of guessing.
fn check_date(headers: &HeaderMap, now: Option<Timestamp>) -> Result<(), Problem> {
    let Some(since) = headers.get(header::IF_UNMODIFIED_SINCE) else {
        return Ok(());
    };
    if headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    let since = since
        .to_str()
        .ok()
        .and_then(|text| httpdate::parse_http_date(text).ok())
        .ok_or_else(|| malformed("If-Unmodified-Since must be an HTTP date"))?;
    let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
    let is_past =
        now.is_none_or(|now| u128::try_from(now.unix_millis()).unwrap_or(0) > since.as_millis());
    if is_past {
        return Err(failed(
            "If-Unmodified-Since cannot be evaluated: this server sends no Last-Modified; omit it, \
             or use If-Match where responses have an ETag",
        ));
    }
    Ok(())
}

/// The conditions of a `GET` or `HEAD`, to be applied to its response.
pub(super) struct OnRead(HeaderMap);

impl OnRead {
    pub(super) fn of(method: &Method, headers: &HeaderMap) -> Option<Self> {
        if method != Method::GET && method != Method::HEAD {
            return None;
        }
        let names = [&header::IF_MATCH, &header::IF_NONE_MATCH];
        if !names.iter().any(|name| headers.contains_key(*name)) {
            return None;
        }
        let pairs = names.into_iter().flat_map(|name| {
            let values = headers.get_all(name).iter();
            values.map(move |value| (name.clone(), value.clone()))
        });
        Some(Self(pairs.collect()))
    }

    /// Returns the response, or 412 or 304 instead of a success. A malformed condition is ignored,
    /// because a read changes nothing.
    pub(super) fn apply(&self, mut response: Response) -> Response {
        if !response.status().is_success() {
            return response;
        }
        let etag = response.headers().get(header::ETAG);
        let etag = etag.and_then(|tag| Some(tag_at_start(tag.as_bytes())?.0));
        if let Ok(Some(Tags::These(tags))) = tags(&self.0, &header::IF_MATCH) {
            let matches = |own: Tag<'_>| {
                tags.iter()
                    .any(|tag| tag.names(&own) && (!tag.is_weak || tag.version().is_some()))
            };
            if !etag.is_some_and(matches) {
                return failed("If-Match does not match the ETag of this resource").into_response();
            }
        }
        let is_known = match tags(&self.0, &header::IF_NONE_MATCH) {
            Ok(Some(Tags::Any)) => true,
            Ok(Some(Tags::These(tags))) => {
                etag.is_some_and(|own| tags.iter().any(|tag| tag.names(&own)))
            }
            Ok(None) | Err(_) => false,
        };
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = Body::empty();
            for name in [header::CONTENT_LENGTH, header::CONTENT_TYPE] {
                response.headers_mut().remove(name);
            }
        }
        response
    }
}

fn failed(detail: &str) -> Problem {
    Problem::new(
        Code::PreconditionFailed,
        format!("{detail}; nothing was changed"),
    )
}

fn malformed(detail: &str) -> Problem {
    Problem::new(Code::InvalidRequest, detail)
}

/// The value of `If-Match` or `If-None-Match`.
enum Tags<'a> {
    Any,
    These(Vec<Tag<'a>>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Tag<'a> {
    is_weak: bool,
    /// The text between the quotes.
    opaque: &'a [u8],
}

/// Suffixes that compressing proxies append to a tag: one dash in Apache's `mod_deflate` and
/// `mod_brotli`, two in Jetty, a semicolon in others.
const CODINGS: [&str; 9] = [
    "--gzip", "-gzip", ";gzip", "--br", "-br", ";br", "--zstd", "-zstd", ";zstd",
];

impl Tag<'_> {
    /// Returns the version that this tag stands for, also after a compressing proxy has rewritten
    /// it: nginx makes it weak, others append the coding. RFC 9110 §13.1.1 requires the strong
    /// comparison so that parts of different representations are not combined. Here the version
    /// identifies the state of an item, not bytes, and a change applies to that state.
    fn version(&self) -> Option<u64> {
        let text = std::str::from_utf8(self.opaque).ok()?;
        let text = CODINGS
            .iter()
            .find_map(|coding| text.strip_suffix(coding))
            .unwrap_or(text);
        let version: u64 = text.parse().ok()?;
        (version.to_string() == text).then_some(version)
    }

    /// Returns whether both tags identify the same state.
    fn names(&self, own: &Self) -> bool {
        self.opaque == own.opaque || self.version().is_some_and(|it| Some(it) == own.version())
    }
}

fn versions(headers: &HeaderMap) -> Result<Versions, Problem> {
    let wanted = tags(headers, &header::IF_MATCH)?;
    let unwanted = match tags(headers, &header::IF_NONE_MATCH)? {
        // The item exists, or the response is 404.
        Some(Tags::Any) => return Ok(Versions::OneOf(Vec::new())),
        Some(Tags::These(tags)) => tags.iter().filter_map(Tag::version).collect(),
        None => Vec::new(),
    };
    Ok(match wanted {
        None | Some(Tags::Any) => Versions::NoneOf(unwanted),
        Some(Tags::These(tags)) => Versions::OneOf(
            tags.iter()
                .filter_map(Tag::version)
                .filter(|version| !unwanted.contains(version))
                .collect(),
        ),
    })
}

/// Parses `*` or a list of entity tags; multiple lines are one list (RFC 9110 §5.3).
fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<Tags<'a>>, Problem> {
    let mut lines = headers.get_all(name).iter();
    let Some(first) = lines.next() else {
        return Ok(None);
    };
    if first.as_bytes().trim_ascii() == b"*" && lines.next().is_none() {
        return Ok(Some(Tags::Any));
    }
    let mut tags = Vec::new();
    for line in headers.get_all(name) {
        read_line(line.as_bytes(), &mut tags).ok_or_else(|| wrong_list(name))?;
    }
    if tags.is_empty() {
        return Err(wrong_list(name));
    }
    Ok(Some(Tags::These(tags)))
}

fn wrong_list(name: &HeaderName) -> Problem {
    let name = if *name == header::IF_MATCH {
        "If-Match"
    } else {
        "If-None-Match"
    };
    malformed(&format!(
        "{name} must be * or a comma-separated list of entity tags, such as the ETag \"7\" of a \
         response"
    ))
}

/// Appends the entity tags of one line; `None` if it is not a list of them.
fn read_line<'a>(line: &'a [u8], tags: &mut Vec<Tag<'a>>) -> Option<()> {
    let mut rest = line.trim_ascii_start();
    loop {
        // Empty list elements are allowed (RFC 9110 §5.6.1.2).
        if !rest.is_empty() && rest[0] != b',' {
            let (tag, after) = tag_at_start(rest)?;
            tags.push(tag);
            rest = after.trim_ascii_start();
        }
        match rest {
            [] => return Some(()),
            [b',', after @ ..] => rest = after.trim_ascii_start(),
            _ => return None,
        }
    }
}

/// Splits off the first entity tag; `None` if there is none.
fn tag_at_start(list: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let (is_weak, quoted) = match list.strip_prefix(b"W/") {
        Some(quoted) => (true, quoted),
        None => (false, list),
    };
    let quoted = quoted.strip_prefix(b"\"")?;
    let end = quoted.iter().position(|byte| *byte == b'"')?;
    let (opaque, after) = (&quoted[..end], &quoted[end + 1..]);
    // RFC 9110 §8.8.3: etagc.
    let is_tag = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..=0xff);
    opaque
        .iter()
        .all(is_tag)
        .then_some((Tag { is_weak, opaque }, after))
}

#[cfg(test)]
mod tests;
