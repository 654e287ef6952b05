//! Bodies: read whole, as JSON, into the one type that a handler names.

use axum::body::{Body as RawBody, Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::given::{Given, Reader};
use super::requests::Request as Readable;
use super::{Code, MAX_BODY_BYTES, Problem};

/// A JSON object as the body. No body at all, or null, is an empty object.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: Readable> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(body).await?;
        check_type(&parts.headers, &bytes)?;
        parse(&bytes).map(Self)
    }
}

/// Reads a type from a body.
fn parse<T: Readable>(bytes: &[u8]) -> Result<T, Problem> {
    let given = given(bytes)?;
    let mut reader = Reader::new(&given, "field");
    let value = reader.read(&required::<T>());
    if let Some(faults) = T::check(&reader) {
        reader.refuse_all(faults);
    }
    reader.finish()?;
    // A reader that could not read has said why.
    value.ok_or_else(Problem::internal)
}

/// The fields that must be there, as the description says.
fn required<T: Readable>() -> Vec<String> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.required,
        _ => Vec::new(),
    }
}

/// What a body gives.
fn given(bytes: &[u8]) -> Result<Given, Problem> {
    // What some editors put before UTF-8.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Ok(Given::default());
    }
    serde_json::from_slice(bytes).map_err(|error| {
        // The words of the parser are about the syntax; those of ours are about what was read.
        let detail = if error.is_data() {
            "the body must be a JSON object".to_owned()
        } else {
            format!("the body is not valid JSON: {error}")
        };
        Problem::new(Code::InvalidRequest, detail)
    })
}

fn check_type(headers: &HeaderMap, bytes: &[u8]) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (None, _) if bytes.is_empty() => Ok(()),
        (Some(value), None) if is_json(value.as_bytes()) => Ok(()),
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            "send the body with the header Content-Type: application/json, in UTF-8",
        )),
    }
}

/// How much of a body is looked at where none is read.
const MAX_UNREAD_BYTES: usize = 1_024;

/// Refuses the body of a request to a route that takes none. An empty object is as good as nothing.
pub(super) async fn refuse(body: RawBody) -> Result<(), Problem> {
    let refusal = || {
        Problem::new(
            Code::InvalidRequest,
            "send no body here; an empty object is taken, too",
        )
    };
    if body.is_end_stream() {
        return Ok(());
    }
    let bytes = axum::body::to_bytes(body, MAX_UNREAD_BYTES)
        .await
        .map_err(|_| refusal())?;
    let given = given(&bytes).map_err(|_| refusal())?;
    if given.is_empty() {
        Ok(())
    } else {
        Reader::new(&given, "field").finish()
    }
}

/// Reads a whole body.
///
/// # Errors
///
/// 413 when it is too large, 400 when it breaks off.
pub(super) async fn read(body: RawBody) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, MAX_BODY_BYTES)
        .await
        .map_err(|error| unreadable(&error))
}

/// Whether a body is JSON in UTF-8, by its content type. JSON has no other encoding (RFC 8259
/// §8.1), so a body that claims one is not what it says.
fn is_json(content_type: &[u8]) -> bool {
    let mut parts = content_type
        .split(|byte| *byte == b';')
        .map(<[u8]>::trim_ascii);
    let json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case(b"application/json"));
    json && parts.all(|parameter| {
        let mut sides = parameter.splitn(2, |byte| *byte == b'=');
        let is_charset = sides
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(b"charset"));
        let value = sides.next().unwrap_or_default().trim_ascii();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let value = value.strip_suffix(b"\"").unwrap_or(value);
        !is_charset || value.eq_ignore_ascii_case(b"utf-8") || value.eq_ignore_ascii_case(b"utf8")
    })
}

fn unreadable(error: &axum::Error) -> Problem {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return body_too_large();
        }
        cause = error.source();
    }
    Problem::new(
        Code::InvalidRequest,
        "the body ended before it was complete",
    )
}

pub(super) fn body_too_large() -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("the body may have at most {MAX_BODY_BYTES} bytes"),
    )
}
