//! Problem details (RFC 9457) and their responses. Which error becomes which problem is in
//! `mapping.rs`.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use openindex_domain::StoreError;
use openindex_domain::token::{SecretPrefixes, TokenId, TokenKind};

use crate::wire::{FieldError, Holder, MatchingTokens, ProblemBody};

use super::{Code, GuardSettings, outage};

/// Value of `Retry-After` when the database is unavailable, in seconds.
const RETRY_AFTER_SECONDS: u32 = 2;
/// The same when the server is overloaded, which passes sooner.
const OVERLOADED_RETRY_AFTER_SECONDS: u32 = 1;

/// An error response. Clients see everything in it; causes go to the log instead.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    next_command: Option<&'static str>,
    /// The parameters of the challenge after the realm, if there is a challenge.
    challenge: Option<String>,
    retry_after: Option<u32>,
    accept_encoding: bool,
    // Boxed to keep `Result<_, Problem>` small: few problems have these.
    holder: Option<Box<Holder>>,
    successor: Option<TokenId>,
    matching: Option<Box<MatchingTokens>>,
    settings: Option<Arc<GuardSettings>>,
}

impl Problem {
    /// Creates a problem. `detail` says what went wrong in this request and what to do about it.
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
                Code::Overloaded => Some(OVERLOADED_RETRY_AFTER_SECONDS),
                _ => None,
            },
            accept_encoding: false,
            holder: None,
            successor: None,
            matching: None,
            settings: None,
        }
    }

    /// Creates a 400 that lists these fields.
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

    /// Creates a 400 for one field.
    #[must_use]
    pub fn invalid_field(field: &str, message: &impl ToString) -> Self {
        Self::invalid_fields(vec![FieldError {
            field: field.to_owned(),
            message: message.to_string(),
        }])
    }

    /// Creates the 401 for a request without a bearer token. RFC 6750 §3.1: no error code in the
    /// challenge.
    #[must_use]
    pub fn authentication_required() -> Self {
        Self {
            next_command: Some("oi profile set --token -"),
            challenge: Some(String::new()),
            ..Self::new(
                Code::AuthenticationRequired,
                "no bearer token; send the header Authorization: Bearer oi_pat_…",
            )
        }
    }

    /// Creates the 415 for a body with a content coding. RFC 9110 §15.5.16: the response names the
    /// supported ones.
    pub(crate) fn unsupported_coding() -> Self {
        Self {
            accept_encoding: true,
            ..Self::new(
                Code::UnsupportedMediaType,
                "unsupported Content-Encoding; send the body uncompressed, without that header",
            )
        }
    }

    /// Adds a challenge with these parameters after its realm.
    pub(crate) fn with_challenge(mut self, parameters: String) -> Self {
        self.challenge = Some(parameters);
        self
    }

    /// Sets how the service presents it, and the prefixes of its secrets.
    pub(crate) fn presented(
        mut self,
        settings: &Arc<GuardSettings>,
        prefixes: SecretPrefixes,
    ) -> Self {
        self.settings = Some(settings.clone());
        // Advice names the default ones; rejections name those that they are about.
        for kind in TokenKind::ALL {
            let named = format!("{}…", kind.secret_prefix());
            let own = format!("{}…", prefixes.of(kind));
            self.detail = self.detail.replace(&named, &own);
        }
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Returns the value of `Retry-After` in seconds, if there is one.
    pub(crate) const fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after
    }

    pub(crate) fn held_by(mut self, holder: Holder) -> Self {
        self.holder = Some(Box::new(holder));
        self
    }

    pub(crate) fn succeeded_by(mut self, successor: TokenId) -> Self {
        self.successor = Some(successor);
        self
    }

    pub(crate) fn matching(mut self, tokens: MatchingTokens) -> Self {
        self.matching = Some(Box::new(tokens));
        self
    }

    /// Replaces the detail and drops everything else that is specific to the original error.
    pub(crate) fn instead(self, detail: String) -> Self {
        Self {
            detail,
            next_command: None,
            ..self
        }
    }

    /// Returns the kind of problem.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    pub(crate) fn next(mut self, command: &'static str) -> Self {
        self.next_command = Some(command);
        self
    }

    /// Returns the response body.
    pub(crate) fn body(&self) -> ProblemBody {
        let settings = self.settings.as_deref().unwrap_or(&GuardSettings::DEFAULT);
        let next_command = self.next_command.filter(|_| settings.names_commands);
        ProblemBody {
            type_uri: format!("{}{}", settings.problem_types, self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            code: self.code.as_str().to_owned(),
            errors: self.errors.clone(),
            next_command: next_command.map(str::to_owned),
            holder: self.holder.as_deref().cloned(),
            successor_id: self.successor.map(|id| id.to_string()),
            matching: self.matching.as_deref().cloned(),
        }
    }
}

impl From<Vec<FieldError>> for Problem {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::invalid_fields(errors)
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
        if self.accept_encoding {
            set(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static("identity"),
            );
        }
        let settings = self.settings.as_deref().unwrap_or(&GuardSettings::DEFAULT);
        // A challenge is ASCII without quotes of its own; were it not, none is better than a broken
        // one.
        let challenge = self
            .challenge
            .map(|parameters| settings.challenge(&parameters));
        if let Some(Ok(challenge)) = challenge.map(HeaderValue::try_from) {
            set(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl Problem {
    /// Returns 503 for a readiness probe, whatever the cause: a server with pending migrations is
    /// not ready either.
    pub(crate) fn not_ready(error: &StoreError) -> Self {
        outage::report(error, "readiness");
        Self::new(
            Code::Unavailable,
            "the database is unreachable, not migrated, or denies a permission; see the server log",
        )
    }

    /// Returns 500. The cause is in the log.
    pub(crate) fn internal() -> Self {
        Self::new(
            Code::Internal,
            "internal error; report the request id (X-Request-Id) to the operator",
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http::StatusCode;
    use openindex_domain::testing::fixtures;
    use openindex_domain::token::{MalformedSecret, Rejection, RejectionReason, TokenError};

    use super::*;

    #[test]
    fn a_description_never_breaks_its_challenge() {
        // RFC 6750 §3: the description is ASCII without quotes and backslashes.
        let rejections = [
            Rejection::Malformed(MalformedSecret::Prefix(SecretPrefixes::DEFAULT)),
            Rejection::Malformed(MalformedSecret::Length(55)),
            Rejection::Malformed(MalformedSecret::Alphabet),
            Rejection::Malformed(MalformedSecret::Checksum),
            Rejection::Unknown,
            Rejection::NotAccepted,
            Rejection::Expired { at: fixtures::NOW },
            Rejection::Revoked { at: fixtures::NOW },
            Rejection::OwnerSuspended,
        ];
        let reasons: HashSet<_> = rejections.map(Rejection::reason).into();
        assert_eq!(reasons, RejectionReason::ALL.into());
        for rejection in rejections {
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
