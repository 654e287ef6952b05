//! The mapping of rejections, denials and failures to problems: status, code, challenge and advice.

use openindex_domain::StoreError;
use openindex_domain::access::Denial;
use openindex_domain::audit::AuditError;
use openindex_domain::entropy::EntropyError;
use openindex_domain::token::{Rejection, RejectionReason, Scope, TokenKind, VerifyError};

use super::{Code, Problem, outage};

impl Code {
    /// Returns the kind of problem of a rejected token.
    pub(crate) const fn of_rejection(reason: RejectionReason) -> Self {
        match reason {
            RejectionReason::Malformed => Self::TokenMalformed,
            RejectionReason::Unknown => Self::TokenUnknown,
            RejectionReason::Expired => Self::TokenExpired,
            RejectionReason::Revoked => Self::TokenRevoked,
            RejectionReason::OwnerSuspended => Self::OwnerSuspended,
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let code = Code::of_rejection(rejection.reason());
        let advice = match rejection.reason() {
            RejectionReason::Malformed => "copy the whole token and retry",
            RejectionReason::Unknown => "check that it belongs to this server, or create a new one",
            RejectionReason::Expired | RejectionReason::Revoked => "create a new one",
            RejectionReason::OwnerSuspended => "contact an administrator",
        };
        Self::new(code, format!("{rejection}; {advice}"))
            .with_challenge(format!(
                r#"error="invalid_token", error_description="{rejection}""#
            ))
            .next("oi auth check")
    }
}

impl Problem {
    /// Returns the problem for a secret that failed verification and claims this kind. An agent
    /// cannot replace its own token, so for an agent run token the advice is to ask the user who
    /// started the run.
    /// `what` is what the verification depends on.
    pub(crate) fn unverified(error: VerifyError, claimed: Option<TokenKind>, what: &str) -> Self {
        let rejection = match error {
            VerifyError::Rejected(rejection) => rejection,
            VerifyError::Store(error) => return Self::failed(&error, what),
        };
        let detail = match rejection {
            _ if claimed != Some(TokenKind::AgentRun) => None,
            Rejection::Unknown => Some(
                "unknown agent run token: it belongs to another server, or its run ended long ago; \
                 ask the user who started the run for a new one"
                    .to_owned(),
            ),
            Rejection::NotAccepted => Some(
                "the token is unknown, or its run has ended; ask the user who started the run for a \
                 new one"
                    .to_owned(),
            ),
            Rejection::Expired { at } | Rejection::Revoked { at } => Some(
                format!("the agent run ended at {at}; ask the user who started it for a new one"),
            ),
            _ => None,
        };
        let problem = Self::from(rejection);
        match detail {
            Some(detail) => problem.instead(detail),
            None => problem,
        }
    }

    /// Returns the problem for a failure of what a request depends on. The cause is logged.
    fn failed(error: &StoreError, what: &str) -> Self {
        outage::report_failed(what, error, "request");
        match error {
            StoreError::Unavailable(_) => Self::unavailable(what),
            StoreError::Corrupt(_) => Self::internal(),
        }
    }

    /// Returns 503 for what a request depends on.
    pub(crate) fn unavailable(what: &str) -> Self {
        Self::new(
            Code::Unavailable,
            format!("the {what} is unavailable; retry shortly"),
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

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::HumanTokenRequired => Self::new(
                Code::HumanTokenRequired,
                "agent run tokens cannot do this; use a personal access token (oi_pat_…)",
            )
            .next("oi profile set --token -"),
            Denial::AgentRunTokenRequired => Self::new(
                Code::AgentRunTokenRequired,
                "only agent runs can do this; use the token of an agent run (oi_run_…)",
            ),
            Denial::InsufficientScope { required } => Self::new(
                Code::InsufficientScope,
                match required {
                    Scope::Admin => {
                        "this requires a token with the scope admin, owned by an administrator"
                    }
                    Scope::ReadWrite => "this requires a token with the scope read_write",
                },
            )
            .with_challenge(format!(r#"error="insufficient_scope", scope="{required}""#))
            .next("oi auth check"),
            Denial::BoundToWorkItem { bound_to } => Self::new(
                Code::RunBoundToWorkItem,
                format!(
                    "this agent run is bound to {bound_to} and can change only that work item; \
                     for other work, start a run that is not bound to it"
                ),
            ),
            Denial::AccountRequired => Self::new(
                Code::AccountRequired,
                "this requires a user with an account, and the token's owner has none",
            ),
        }
    }
}

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Denied(denial) => denial.into(),
            AuditError::Entropy(error) => error.into(),
            AuditError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::failed(&error, outage::DATABASE)
    }
}

impl From<EntropyError> for Problem {
    fn from(error: EntropyError) -> Self {
        tracing::error!(%error, "secret generation failed");
        Self::new(
            Code::Unavailable,
            "secret generation failed, so nothing was created; retry shortly",
        )
    }
}
