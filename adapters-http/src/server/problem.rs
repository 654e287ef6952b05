//! The one place where an error becomes a status, a challenge and a body (RFC 9457).

use std::fmt::Write as _;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use openindex_domain::StoreError;
use openindex_domain::entropy::EntropyError;
use openindex_domain::token::{
    Denied, MAX_OVERLAP_SECONDS, NotRotatable, Rejection, Scope, TokenError, VerifyError,
};
use openindex_domain::user::UserError;

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
    /// 413: the body is too large.
    BodyTooLarge,
    /// 415: the body is not JSON.
    UnsupportedMediaType,
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

    /// What kind of problem it is.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    fn next(mut self, command: &'static str) -> Self {
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
        if self.code == Code::Unavailable {
            set(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        // A challenge is made of ASCII without quotes of its own; were it not, none is better than
        // a broken one.
        if let Some(Ok(challenge)) = self.challenge.map(HeaderValue::try_from) {
            set(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let (code, advice) = match rejection {
            Rejection::Malformed(_) => (Code::TokenMalformed, "copy the whole token and try again"),
            Rejection::Unknown => (
                Code::TokenUnknown,
                "check that it belongs to this server, or create a new one",
            ),
            Rejection::Expired { .. } => (Code::TokenExpired, "create a new one"),
            Rejection::Revoked { .. } => (Code::TokenRevoked, "create a new one"),
            Rejection::OwnerSuspended => (Code::OwnerSuspended, "ask an administrator"),
        };
        Self {
            challenge: Some(format!(
                r#"Bearer realm="openindex", error="invalid_token", error_description="{rejection}""#
            )),
            ..Self::new(code, format!("{rejection}; {advice}"))
        }
        .next("oi auth check")
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::HumanTokenRequired => Self::new(
                Code::HumanTokenRequired,
                "a workflow agent run's token may not do this; use a personal access token (oi_pat_…)",
            )
            .next("oi profile set --token -"),
            Denied::InsufficientScope { required } => Self {
                challenge: Some(format!(
                    r#"Bearer realm="openindex", error="insufficient_scope", scope="{required}""#
                )),
                ..Self::new(
                    Code::InsufficientScope,
                    match required {
                        Scope::Admin => {
                            "this needs a token with the scope admin whose owner is an administrator"
                        }
                        Scope::ReadWrite => "this needs a token with the scope read_write",
                    },
                )
            }
            .next("oi auth check"),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Unavailable(cause) => {
                tracing::error!(error = %error, cause = %cause, "the store failed");
                Self::new(
                    Code::Unavailable,
                    "the token store cannot be reached, so nothing was decided; try again shortly",
                )
            }
            StoreError::Corrupt(cause) => {
                tracing::error!(error = %error, cause = %cause, "the store failed");
                Self::internal()
            }
        }
    }
}

impl From<EntropyError> for Problem {
    fn from(error: EntropyError) -> Self {
        tracing::error!(%error, "no secret could be made");
        Self::new(
            Code::Unavailable,
            "no secret could be made, so nothing was issued; try again shortly",
        )
    }
}

impl From<VerifyError> for Problem {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Rejected(rejection) => rejection.into(),
            VerifyError::Store(error) => error.into(),
        }
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        match error {
            UserError::Denied(denied) => denied.into(),
            UserError::Store(error) => error.into(),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Rejected(rejection) => rejection.into(),
            TokenError::Denied(denied) => denied.into(),
            TokenError::NotFound => Self::new(
                Code::NotFound,
                "you have no token with this id; it may have been deleted",
            )
            .next("oi settings personal tokens list"),
            TokenError::QuotaReached { quota } => Self::new(
                Code::TokenLimitReached,
                format!("you have {quota} live tokens, as many as you may; delete one first"),
            )
            .next("oi settings personal tokens list"),
            TokenError::Expiry(error) => Self::invalid_field("expiresAt", &error),
            TokenError::Overlap(error) => Self::invalid_field("overlapSeconds", &error),
            TokenError::NotRotatable(NotRotatable::Expired) => Self::new(
                Code::TokenNotLive,
                "an expired token cannot be rotated; create a new one",
            )
            .next("oi settings personal tokens create --help"),
            TokenError::NotRotatable(NotRotatable::AlreadyRotated) => Self::new(
                Code::TokenAlreadyRotated,
                format!(
                    "this token has a successor and ends by itself within {} hours; rotate the \
                     successor instead",
                    MAX_OVERLAP_SECONDS / 3600
                ),
            )
            .next("oi settings personal tokens list"),
            TokenError::Entropy(error) => error.into(),
            TokenError::Store(error) => error.into(),
        }
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
    use openindex_domain::token::MalformedSecret;

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
