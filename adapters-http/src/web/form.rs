//! What a person filled in and sent.

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use http::header;
use http_body_util::LengthLimitError;
use openindex_domain::token::Secret;
use openindex_domain::user::{Password, TooLongPassword};
use zeroize::Zeroizing;

use crate::server::{Code, Context, HeldBack, MAX_BODY_BYTES};

use super::error::WebError;

/// The fields of a form (`application/x-www-form-urlencoded`), at most 64 KiB. Unknown ones are
/// ignored; one that is given twice is refused.
#[derive(Default)]
pub(super) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// A field as it was typed; empty when it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(given, _)| given == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// Returns a field as a page may show it again: empty when it contains a token.
    pub(super) fn shown(&self, name: &str) -> &str {
        let value = self.get(name);
        if Secret::is_in(value) { "" } else { value }
    }

    /// A field that may be a password, white space included.
    pub(super) fn password(&self, name: &str) -> Result<Password, TooLongPassword> {
        Password::parse(self.get(name))
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = WebError;

    async fn from_request(request: Request, _: &S) -> Result<Self, WebError> {
        let is_form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .map(|essence| {
                essence
                    .trim()
                    .eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        match is_form {
            Some(true) => {}
            None if request.body().is_end_stream() => {}
            Some(false) | None => return Err(WebError::of(Code::UnsupportedMediaType)),
        }
        HeldBack::ask(request.extensions())?;
        let bytes = axum::body::to_bytes(request.into_body(), MAX_BODY_BYTES)
            .await
            .map_err(|error| unreadable(&error))?;
        let mut fields: Vec<(String, Zeroizing<String>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(&bytes) {
            let value = Zeroizing::new(value.into_owned());
            if fields.iter().any(|(given, _)| *given == name) {
                return Err(WebError::of(Code::InvalidRequest));
            }
            fields.push((name.into_owned(), value));
        }
        Ok(Self(fields))
    }
}

fn unreadable(error: &axum::Error) -> WebError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return WebError::of(Code::BodyTooLarge);
        }
        cause = error.source();
    }
    WebError::of(Code::InvalidRequest)
}

/// A form, and the request it came in: one argument, since a handler has only so many.
pub(super) struct Sent {
    pub(super) context: Context,
    pub(super) form: Form,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebError> {
        let (mut parts, body) = request.into_parts();
        let Ok(context) = Context::from_request_parts(&mut parts, state).await;
        let form = Form::from_request(Request::from_parts(parts, body), state).await?;
        Ok(Self { context, form })
    }
}
