//! The bearer token of a request (RFC 6750 §2.1), from the `Authorization` header only.

use http::{HeaderMap, header};

use super::{Code, Problem};

/// Returns the presented token; `None` without `Bearer` credentials. A value that is not text is
/// returned as one that cannot be a token.
///
/// # Errors
///
/// 400 for two `Authorization` headers, because choosing one would be a guess.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Problem::new(
            Code::InvalidRequest,
            "duplicate Authorization header; send exactly one",
        ));
    }
    let bytes = value.as_bytes();
    let end = bytes
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(bytes.len());
    let (scheme, presented) = bytes.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    Ok(Some(
        std::str::from_utf8(presented.trim_ascii()).unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(value: &[u8]) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_bytes(value).unwrap(),
        );
        bearer(&headers).unwrap().map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_case_insensitive_and_the_token_is_read_verbatim() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(of(value.as_bytes()).as_deref(), Some("abc"), "{value}");
        }
        assert_eq!(of(b"Bearer abc def").as_deref(), Some("abc def"));
    }

    #[test]
    fn another_scheme_is_no_credential_and_an_empty_token_is_a_malformed_one() {
        for value in ["Basic abc", "Bearerabc", "", "Token abc"] {
            assert_eq!(of(value.as_bytes()), None, "{value}");
        }
        for value in [&b"Bearer"[..], b"Bearer ", b"Bearer \xff\xfe"] {
            assert_eq!(of(value).as_deref(), Some(""), "{value:?}");
        }
    }

    #[test]
    fn two_headers_are_an_error_even_when_they_agree() {
        let mut headers = HeaderMap::new();
        for _ in 0..2 {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        }
        assert_eq!(bearer(&headers).unwrap_err().code(), Code::InvalidRequest);
    }
}
