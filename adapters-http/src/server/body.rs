//! Bodies and parameters, field by field: every field that is wrong is named at once, with what it
//! must be, and an unknown one is refused, so that a mistyped `expiresAt` does not make a token
//! that never expires.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::response::IntoResponse as _;
use http::header;
use http::request::Parts;
use openindex_domain::clock::Timestamp;
use openindex_domain::user::MAX_PAGE;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::wire::FieldError;

use super::{Code, MAX_BODY_BYTES, Problem};

/// How many unknown fields are named at most.
const MAX_UNKNOWN: usize = 20;
/// How many items a page has unless asked otherwise.
const DEFAULT_PAGE: u32 = 50;

/// The fields of a JSON object, or of a query, each to be taken once.
#[derive(Debug, Default)]
pub(super) struct Fields {
    values: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Takes a field with a parser for text. An absent field, or null, is `None`; one that is not
    /// text or does not parse is noted as an error and `None`.
    pub(super) fn text<T, E: ToString>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.values.remove(field)? {
            Value::Null => None,
            Value::String(text) => match parse(&text) {
                Ok(value) => Some(value),
                Err(error) => self.refuse(field, error.to_string()),
            },
            _ => self.refuse(field, "must be a string"),
        }
    }

    /// Takes a field that can be emptied, as [`Fields::text`] takes one: absent is `None`, null
    /// `Some(None)`.
    #[expect(
        clippy::option_option,
        reason = "absent, null and given are three answers"
    )]
    pub(super) fn nullable<T, E: ToString>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        if self.values.get(field) == Some(&Value::Null) {
            self.values.remove(field);
            return Some(None);
        }
        self.text(field, parse).map(Some)
    }

    /// Takes a field that can be left out but not emptied, as [`Fields::text`] takes one: null, by
    /// which somebody may mean either, is an error.
    pub(super) fn not_null<T, E: ToString>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.values.get(field) == Some(&Value::Null) {
            self.values.remove(field);
            return self.refuse(field, "must not be null; leave it out to keep it");
        }
        self.text(field, parse)
    }

    /// Whether a field was sent that is not null and was not taken yet.
    pub(super) fn has(&self, field: &str) -> bool {
        self.values.get(field).is_some_and(|value| !value.is_null())
    }

    /// Takes a field that must not be there, with the reason.
    pub(super) fn forbid(&mut self, field: &str, message: &str) {
        if self
            .values
            .remove(field)
            .is_some_and(|value| !value.is_null())
        {
            self.refuse::<()>(field, message);
        }
    }

    /// Takes a whole number with a check of its range, as [`Fields::text`] takes text. A query
    /// carries numbers as text.
    pub(super) fn integer<T, E: ToString>(
        &mut self,
        field: &str,
        parse: impl FnOnce(i64) -> Result<T, E>,
    ) -> Option<T> {
        let number = match self.values.remove(field)? {
            Value::Null => return None,
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number.map(parse) {
            Some(Ok(value)) => Some(value),
            Some(Err(error)) => self.refuse(field, error.to_string()),
            None => self.refuse(field, "must be a whole number"),
        }
    }

    /// Takes a yes or no. A query carries it as text. Null is neither: `dryRun: null` must not be
    /// taken for a no.
    pub(super) fn boolean(&mut self, field: &str) -> Option<bool> {
        match self.values.remove(field)? {
            Value::Bool(value) => Some(value),
            Value::String(text) if text == "true" => Some(true),
            Value::String(text) if text == "false" => Some(false),
            _ => self.refuse(field, "must be true or false"),
        }
    }

    /// Takes a list of texts, as [`Fields::text`] takes one.
    pub(super) fn texts(&mut self, field: &str) -> Option<Vec<Zeroizing<String>>> {
        let wrong = "must be a list of strings";
        match self.values.remove(field)? {
            Value::Null => None,
            Value::Array(values) => {
                let texts = values.into_iter().map(|value| match value {
                    Value::String(text) => Some(Zeroizing::new(text)),
                    _ => None,
                });
                match texts.collect() {
                    Some(texts) => Some(texts),
                    None => self.refuse(field, wrong),
                }
            }
            _ => self.refuse(field, wrong),
        }
    }

    /// Takes a date or a date-time from which, or up to which, something is wanted.
    pub(super) fn instant(&mut self, field: &str) -> Option<Timestamp> {
        self.text(field, |text| {
            Timestamp::parse_since(text)
                .ok_or("must be a date such as 2026-12-31, or an RFC 3339 date-time")
        })
    }

    /// Takes how many items a page is to have.
    pub(super) fn limit(&mut self) -> u32 {
        self.integer("limit", |limit| {
            u32::try_from(limit)
                .ok()
                .filter(|limit| (1..=MAX_PAGE).contains(limit))
                .ok_or_else(|| format!("must be from 1 to {MAX_PAGE}"))
        })
        .unwrap_or(DEFAULT_PAGE)
    }

    /// Takes where a page begins.
    pub(super) fn cursor<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.text("cursor", |text| {
            parse(text).ok_or("must be the nextCursor of the page before")
        })
    }

    /// Notes that a field without which nothing can be done is missing, unless it is already known
    /// to be wrong.
    pub(super) fn require<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        self.require_since(field, value, "is required")
    }

    /// As [`Fields::require`], saying why it is.
    pub(super) fn require_since<T>(
        &mut self,
        field: &str,
        value: Option<T>,
        message: &str,
    ) -> Option<T> {
        if value.is_none() && !self.errors.iter().any(|error| error.field == field) {
            self.refuse::<T>(field, message);
        }
        value
    }

    /// Refuses what is left over, and answers with all errors, if there are any.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        // Some are enough to see what is wrong; thousands would be an answer larger than the body.
        for field in std::mem::take(&mut self.values).keys().take(MAX_UNKNOWN) {
            // The name is the client's own text; a long one is not repeated whole.
            let field: String = field.chars().take(64).collect();
            self.refuse::<()>(&field, "is not known here");
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid_fields(self.errors))
        }
    }

    /// Notes an error.
    pub(super) fn refuse<T>(&mut self, field: &str, message: impl Into<String>) -> Option<T> {
        self.errors.push(FieldError {
            field: field.to_owned(),
            message: message.into(),
        });
        None
    }
}

/// A JSON object as the body. No body at all, or null, is an empty object.
pub(super) struct JsonFields(pub(super) Fields);

impl<S: Send + Sync> FromRequest<S> for JsonFields {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
        let bytes = read(request.into_body()).await?;
        match content_type {
            None if bytes.is_empty() => return Ok(Self(Fields::default())),
            Some(value) if is_json(value.as_bytes()) => {}
            _ => {
                return Err(Problem::new(
                    Code::UnsupportedMediaType,
                    "send the body with the header Content-Type: application/json",
                ));
            }
        }
        if bytes.is_empty() {
            return Ok(Self(Fields::default()));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Null) => Ok(Self(Fields::default())),
            Ok(Value::Object(values)) => Ok(Self(Fields {
                values,
                errors: Vec::new(),
            })),
            Ok(_) => Err(Problem::new(
                Code::InvalidRequest,
                "the body must be a JSON object",
            )),
            Err(error) => Err(Problem::new(
                Code::InvalidRequest,
                format!(
                    "the body is not valid JSON at line {} column {}",
                    error.line(),
                    error.column()
                ),
            )),
        }
    }
}

/// Reads a whole body.
///
/// # Errors
///
/// 413 when it is too large, 400 when it breaks off.
pub(super) async fn read(body: Body) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, MAX_BODY_BYTES)
        .await
        .map_err(|error| unreadable(&error))
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next();
    essence.is_some_and(|essence| {
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(b"application/json")
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

/// The query's parameters. One that is given twice is refused.
pub(super) struct QueryFields(pub(super) Fields);

impl<S: Send + Sync> FromRequestParts<S> for QueryFields {
    type Rejection = axum::response::Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let refused = |detail| Problem::new(Code::InvalidRequest, detail).into_response();
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| refused("the query cannot be read"))?;
        let mut values = Map::new();
        for (name, value) in pairs {
            if values.insert(name, Value::String(value)).is_some() {
                return Err(refused("give each query parameter once"));
            }
        }
        Ok(Self(Fields {
            values,
            errors: Vec::new(),
        }))
    }
}
