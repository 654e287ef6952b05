//! Problems (RFC 9457): kinds, statuses, bodies. What becomes which is in `mapping.rs`.

use std::fmt::Write as _;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use openindex_domain::StoreError;

use crate::wire::{FieldError, ProblemBody};

/// How long a client should wait before it asks again while the store is away, in seconds.
const RETRY_AFTER_SECONDS: u32 = 2;

/// Every kind of problem there is: a stable code for programs, its status and its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// 400: the request itself cannot be understood.
    InvalidRequest,
    /// 400: a field or a parameter is wrong; `errors` says which.
    InvalidField,
    /// 401: no bearer token was presented.
    AuthenticationRequired,
    /// 401: what was presented cannot be a token.
    TokenMalformed,
    /// 401: no such token.
    TokenUnknown,
    /// 401: its time is up.
    TokenExpired,
    /// 401: it was deleted.
    TokenRevoked,
    /// 401: its owner is suspended.
    OwnerSuspended,
    /// 403: the token's effective scope is too small.
    InsufficientScope,
    /// 403: an agent run's token was presented where a human's is needed.
    HumanTokenRequired,
    /// 403: only somebody who is signed in with a browser may do this.
    SessionRequired,
    /// 404: there is nothing here, or nothing of yours.
    NotFound,
    /// 405: not with this method.
    MethodNotAllowed,
    /// 409: no more live tokens for this user.
    TokenLimitReached,
    /// 409: an expired token cannot be rotated.
    TokenNotLive,
    /// 409: the token was rotated already.
    TokenAlreadyRotated,
    /// 409: nobody would be left to administer the instance.
    LastAdmin,
    /// 409: somebody with this address has an account.
    EmailTaken,
    /// 409: the invite was claimed or withdrawn, or has expired.
    InviteNotOpen,
    /// 413: the body is too large.
    BodyTooLarge,
    /// 415: the body is not JSON.
    UnsupportedMediaType,
    /// 429: too many calls.
    RateLimited,
    /// 431: the headers are too large.
    HeadersTooLarge,
    /// 500: a fault of ours.
    Internal,
    /// 503: the store is away, or too slow.
    Unavailable,
}

impl Code {
    /// The code on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.parts().0
    }

    /// Its HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.parts().1
    }

    /// What every problem of this kind is called.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.parts().2
    }

    const fn parts(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::InvalidRequest => (
                "invalid_request",
                S::BAD_REQUEST,
                "The request cannot be understood",
            ),
            Self::InvalidField => (
                "invalid_field",
                S::BAD_REQUEST,
                "A field or parameter is invalid",
            ),
            Self::AuthenticationRequired => (
                "authentication_required",
                S::UNAUTHORIZED,
                "A token is required",
            ),
            Self::TokenMalformed => ("token_malformed", S::UNAUTHORIZED, "The token is malformed"),
            Self::TokenUnknown => ("token_unknown", S::UNAUTHORIZED, "The token is unknown"),
            Self::TokenExpired => ("token_expired", S::UNAUTHORIZED, "The token has expired"),
            Self::TokenRevoked => (
                "token_revoked",
                S::UNAUTHORIZED,
                "The token has been revoked",
            ),
            Self::OwnerSuspended => (
                "owner_suspended",
                S::UNAUTHORIZED,
                "The token's owner is suspended",
            ),
            Self::InsufficientScope => (
                "insufficient_scope",
                S::FORBIDDEN,
                "The token's scope does not allow this",
            ),
            Self::HumanTokenRequired => (
                "human_token_required",
                S::FORBIDDEN,
                "A human's token is required",
            ),
            Self::SessionRequired => (
                "session_required",
                S::FORBIDDEN,
                "A browser session is required",
            ),
            Self::NotFound => ("not_found", S::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => (
                "method_not_allowed",
                S::METHOD_NOT_ALLOWED,
                "The method is not allowed here",
            ),
            Self::TokenLimitReached => (
                "token_limit_reached",
                S::CONFLICT,
                "The limit of live tokens is reached",
            ),
            Self::TokenNotLive => ("token_not_live", S::CONFLICT, "The token is not live"),
            Self::TokenAlreadyRotated => (
                "token_already_rotated",
                S::CONFLICT,
                "The token was rotated already",
            ),
            Self::LastAdmin => (
                "last_admin",
                S::CONFLICT,
                "The last administrator must stay",
            ),
            Self::EmailTaken => (
                "email_taken",
                S::CONFLICT,
                "The email address has an account",
            ),
            Self::InviteNotOpen => ("invite_not_open", S::CONFLICT, "The invite is not open"),
            Self::BodyTooLarge => (
                "body_too_large",
                S::PAYLOAD_TOO_LARGE,
                "The body is too large",
            ),
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                S::UNSUPPORTED_MEDIA_TYPE,
                "The body must be JSON",
            ),
            Self::RateLimited => ("rate_limited", S::TOO_MANY_REQUESTS, "Too many requests"),
            Self::HeadersTooLarge => (
                "headers_too_large",
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The headers are too large",
            ),
            Self::Internal => (
                "internal_error",
                S::INTERNAL_SERVER_ERROR,
                "An internal error",
            ),
            Self::Unavailable => (
                "unavailable",
                S::SERVICE_UNAVAILABLE,
                "The service is temporarily unavailable",
            ),
        }
    }
}

/// An error on its way to the client: everything in it may be seen. Causes go to the log instead.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    next_command: Option<&'static str>,
    challenge: Option<String>,
    retry_after: Option<u32>,
}

impl Problem {
    /// A problem of this kind. `detail` says what happened here and what to do about it.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            next_command: None,
            challenge: None,
            retry_after: match code {
                Code::Unavailable => Some(RETRY_AFTER_SECONDS),
                _ => None,
            },
        }
    }

    /// 400 for these fields.
    #[must_use]
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let mut detail = String::new();
        for FieldError { field, message } in &errors {
            let separator = if detail.is_empty() { "" } else { "; " };
            let _ = write!(detail, "{separator}{field} {message}");
        }
        Self {
            errors,
            ..Self::new(Code::InvalidField, detail)
        }
    }

    /// 400 for one field.
    #[must_use]
    pub fn invalid_field(field: &str, message: &impl ToString) -> Self {
        Self::invalid_fields(vec![FieldError {
            field: field.to_owned(),
            message: message.to_string(),
        }])
    }

    /// 401 for a request without a bearer token (RFC 6750 §3.1: no error code in the challenge).
    #[must_use]
    pub fn authentication_required() -> Self {
        Self {
            next_command: Some("oi profile set --token -"),
            challenge: Some(r#"Bearer realm="openindex""#.to_owned()),
            ..Self::new(
                Code::AuthenticationRequired,
                "send a personal access token in the header Authorization: Bearer oi_pat_…",
            )
        }
    }

    pub(super) fn with_challenge(mut self, challenge: String) -> Self {
        self.challenge = Some(challenge);
        self
    }

    pub(super) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What kind of problem it is.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    pub(super) fn next(mut self, command: &'static str) -> Self {
        self.next_command = Some(command);
        self
    }

    /// The body.
    pub(super) fn body(&self) -> ProblemBody {
        ProblemBody {
            type_uri: format!("urn:openindex:problem:{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            code: self.code.as_str().to_owned(),
            errors: self.errors.clone(),
            next_command: self.next_command.map(str::to_owned),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.code.status(), Json(self.body())).into_response();
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: HeaderValue| {
            headers.insert(name, value);
        };
        set(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        set(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            set(header::RETRY_AFTER, seconds.into());
        }
        // A challenge is made of ASCII without quotes of its own; were it not, none is better than
        // a broken one.
        if let Some(Ok(challenge)) = self.challenge.map(HeaderValue::try_from) {
            set(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl Problem {
    /// 503 for a probe, whatever the cause: an instance that is not migrated is not ready either.
    pub(super) fn not_ready(error: &StoreError) -> Self {
        let (StoreError::Unavailable(cause) | StoreError::Corrupt(cause)) = error;
        tracing::warn!(%error, %cause, "not ready");
        Self::new(
            Code::Unavailable,
            "the token store cannot be reached or is not migrated",
        )
    }

    /// 500. What went wrong is in the log.
    pub(super) fn internal() -> Self {
        Self::new(
            Code::Internal,
            "something went wrong on our side; the operator finds it in the log by the request id",
        )
    }
}

#[cfg(test)]
mod tests {
    use openindex_domain::testing::fixtures;
    use openindex_domain::token::{MalformedSecret, Rejection, TokenError};

    use super::*;

    #[test]
    fn a_description_never_breaks_its_challenge() {
        // RFC 6750 §3: the description is ASCII without quotes and backslashes.
        for rejection in [
            Rejection::Malformed(MalformedSecret::Prefix),
            Rejection::Malformed(MalformedSecret::Length),
            Rejection::Malformed(MalformedSecret::Alphabet),
            Rejection::Malformed(MalformedSecret::Checksum),
            Rejection::Unknown,
            Rejection::Expired { at: fixtures::NOW },
            Rejection::Revoked { at: fixtures::NOW },
            Rejection::OwnerSuspended,
        ] {
            let text = rejection.to_string();
            assert!(
                text.bytes()
                    .all(|b| (0x20..=0x7e).contains(&b) && b != b'"' && b != b'\\'),
                "{text}"
            );
            let response = Problem::from(rejection).into_response();
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            let challenge = &response.headers()[header::WWW_AUTHENTICATE];
            assert_eq!(
                challenge,
                &format!(
                    r#"Bearer realm="openindex", error="invalid_token", error_description="{text}""#
                )
            );
        }
    }

    #[test]
    fn an_outage_is_503_with_retry_after_and_no_internal_text() {
        let cause = StoreError::unavailable("password authentication failed for user hunter2");
        let response = Problem::from(TokenError::from(cause));
        assert!(!format!("{response:?}").contains("hunter2"));
        let response = response.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert!(!response.headers().contains_key(header::WWW_AUTHENTICATE));
    }
}
