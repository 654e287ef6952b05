//! An example of each kind of problem, built by the server's own code where that needs no request.

use openindex_domain::access::Denial;
use openindex_domain::admin_tokens::{AdminTokenError, Review};
use openindex_domain::agent_run::AgentRunError;
use openindex_domain::clock::Timestamp;
use openindex_domain::invite::{InviteError, NotClaimable};
use openindex_domain::rate_limit::RateLimited;
use openindex_domain::token::{
    MalformedSecret, NotRotatable, RateReached, Rejection, Scope, TokenError, TokenId, TokenKind,
};
use openindex_domain::user::UserError;
use openindex_domain::work_item::{ExecutionTarget, ItemStatus, WorkItemConflict};

use crate::server::{Code, MAX_BODY_BYTES, MAX_HEADER_BYTES, Problem};
use crate::wire::Holder;

/// When the token in the examples ended: 2026-11-24T06:00:00Z.
const ENDED: i64 = 1_795_500_000_000;
/// The token in the examples that replaced another.
const SUCCESSOR: u128 = 0x0199_f3a1_c6d0_7c35_b2f0_e8a4_d1c7_b9e2;

pub(super) fn example(code: Code) -> Problem {
    let at = Timestamp::from_unix_millis(ENDED).unwrap_or(Timestamp::MIN);
    let successor = TokenId::new(TokenKind::Personal, uuid::Uuid::from_u128(SUCCESSOR));
    let plain = |detail: &str| Problem::new(code, detail);
    match code {
        Code::InvalidRequest => plain("the body is not valid JSON at line 1 column 18"),
        Code::InvalidField => Problem::invalid_field("name", &"must not be blank"),
        Code::AuthenticationRequired => Problem::authentication_required(),
        Code::TokenMalformed => Rejection::Malformed(MalformedSecret::Checksum).into(),
        Code::TokenUnknown => Rejection::Unknown.into(),
        Code::TokenExpired => Rejection::Expired { at }.into(),
        Code::TokenRevoked => Rejection::Revoked { at }.into(),
        Code::OwnerSuspended => Rejection::OwnerSuspended.into(),
        Code::InsufficientScope => Denial::InsufficientScope {
            required: Scope::Admin,
        }
        .into(),
        Code::AgentRunTokenRequired => Denial::AgentRunTokenRequired.into(),
        Code::HumanTokenRequired => Denial::HumanTokenRequired.into(),
        Code::AccountRequired => Denial::AccountRequired.into(),
        Code::SessionRequired => {
            plain("this requires a browser session; sign in to the web interface")
        }
        Code::RunBoundToWorkItem => {
            plain("this agent run is bound to OPS-42 and can change only that work item")
        }
        Code::AgentMismatch => plain(
            "this agent run belongs to builder-7; leave agentId out, or start a run for the other \
             agent",
        ),
        Code::NotFound => plain("no resource has this id or key; it may have been deleted"),
        Code::MethodNotAllowed => plain("this path does not support PUT; see the Allow header"),
        Code::TokenLimitReached => TokenError::QuotaReached { quota: 100 }.into(),
        Code::TokenNotLive => TokenError::NotRotatable(NotRotatable::Expired).into(),
        Code::TokenAlreadyRotated => {
            TokenError::NotRotatable(NotRotatable::AlreadyRotated { successor }).into()
        }
        Code::ReviewOutdated => AdminTokenError::ReviewOutdated(Review::of([successor])).into(),
        Code::ReviewRequired => AdminTokenError::ReviewRequired(Review {
            count: 336,
            ..Review::of([])
        })
        .into(),
        Code::OwnAccount => UserError::OwnAccount.into(),
        Code::LastAdmin => UserError::LastAdmin.into(),
        Code::EmailTaken => InviteError::EmailTaken.into(),
        Code::InviteNotOpen => InviteError::NotClaimable(NotClaimable::Expired).into(),
        Code::RunLimitReached => AgentRunError::QuotaReached { quota: 100 }.into(),
        Code::WorkItemClaimed => plain(
            "claimed by the agent builder-7; choose another work item, or wait until it is \
             released or the agent's run ends",
        )
        .held_by(Holder::AgentId("builder-7".to_owned()))
        .next("oi queue list"),
        Code::WorkItemResolved => WorkItemConflict::Resolved(ItemStatus::Done).into(),
        Code::WorkItemNotClaimed => WorkItemConflict::NotClaimed.into(),
        Code::WrongExecutionTarget => WorkItemConflict::WrongTarget(ExecutionTarget::Human).into(),
        Code::InvalidTransition => WorkItemConflict::Transition {
            from: ItemStatus::Cancelled,
            to: ItemStatus::Done,
        }
        .into(),
        Code::HasSubTasks => WorkItemConflict::HasSubTasks.into(),
        Code::NumbersExhausted => WorkItemConflict::NumbersExhausted.into(),
        Code::VersionMismatch => WorkItemConflict::VersionMismatch { current: 8 }.into(),
        Code::PreconditionFailed => {
            plain("If-Match does not apply: this resource has no ETag; nothing was changed")
        }
        Code::RequestTimeout => plain(
            "the request body did not arrive within 30 seconds; nothing was changed, so it is \
             safe to retry",
        ),
        Code::ExpectationFailed => {
            plain("unsupported Expect header; only 100-continue is supported")
        }
        Code::NotImplemented => plain("unsupported Transfer-Encoding; only chunked is supported"),
        Code::BodyTooLarge => plain(&format!("the body must not exceed {MAX_BODY_BYTES} bytes")),
        Code::UnsupportedMediaType => {
            plain("the body must be UTF-8 JSON, sent with Content-Type: application/json")
        }
        Code::RateLimited => RateLimited {
            until: at,
            retry_after_seconds: 840,
        }
        .into(),
        Code::CreationRateReached => TokenError::RateReached(RateReached {
            limit: 1_000,
            until: at,
            retry_after_seconds: 840,
        })
        .into(),
        Code::HeadersTooLarge => plain(&format!(
            "the request target and headers must not exceed {MAX_HEADER_BYTES} bytes in total, or \
             100 headers"
        )),
        Code::Internal => Problem::internal(),
        Code::Unavailable => Problem::unavailable("database"),
        Code::Overloaded => {
            plain("the server is overloaded; nothing was changed, so it is safe to retry shortly")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_problem_has_an_example_of_that_kind() {
        for code in Code::ALL {
            assert_eq!(example(*code).code(), *code);
        }
    }
}
