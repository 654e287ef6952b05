//! The one mapping of the domain's errors to problems: statuses, codes, challenges and advice.

mod work_item;

use openindex_domain::StoreError;
use openindex_domain::access::{ActorError, Denial};
use openindex_domain::admin_tokens::{AdminTokenError, MAX_UNREVIEWED};
use openindex_domain::agent_run::AgentRunError;
use openindex_domain::audit::AuditError;
use openindex_domain::entropy::EntropyError;
use openindex_domain::invite::{InviteError, NotClaimable};
use openindex_domain::rate_limit::RateLimited;
use openindex_domain::session::SessionError;
use openindex_domain::token::{
    ExpiryError, NotRotatable, RateReached, Rejection, Scope, TokenError, TokenKind, VerifyError,
};
use openindex_domain::user::{HashError, UserError};

use crate::wire::MatchingTokens;

use super::{Code, Problem, outage};

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
        Self::new(code, format!("{rejection}; {advice}"))
            .with_challenge(format!(
                r#"Bearer realm="openindex", error="invalid_token", error_description="{rejection}""#
            ))
            .next("oi auth check")
    }
}

impl Problem {
    /// What is told about a secret that was not verified. Whoever has a run's was handed it, and
    /// cannot make a new one.
    pub(super) fn unverified(error: VerifyError, presented: &str) -> Self {
        let detail = match error {
            VerifyError::Rejected(_)
                if !presented.starts_with(TokenKind::AgentRun.secret_prefix()) =>
            {
                None
            }
            VerifyError::Rejected(Rejection::Unknown) => Some(
                "no agent run has this token, or its run is long over; check that it belongs to \
                 this server, or ask whoever started the run for a new one"
                    .to_owned(),
            ),
            VerifyError::Rejected(Rejection::Expired { at } | Rejection::Revoked { at }) => Some(
                format!("the agent run ended at {at}; ask whoever started it for a new one"),
            ),
            _ => None,
        };
        let problem = Self::from(error);
        match detail {
            Some(detail) => problem.instead(detail),
            None => problem,
        }
    }
}

impl From<Denial> for Problem {
    fn from(denied: Denial) -> Self {
        match denied {
            Denial::HumanTokenRequired => Self::new(
                Code::HumanTokenRequired,
                "a workflow agent run's token may not do this; use a personal access token (oi_pat_…)",
            )
            .next("oi profile set --token -"),
            Denial::InsufficientScope { required } => Self::new(
                Code::InsufficientScope,
                match required {
                    Scope::Admin => {
                        "this needs a token with the scope admin whose owner is an administrator"
                    }
                    Scope::ReadWrite => "this needs a token with the scope read_write",
                },
            )
            .with_challenge(format!(
                r#"Bearer realm="openindex", error="insufficient_scope", scope="{required}""#
            ))
            .next("oi auth check"),
            Denial::BoundToWorkItem { bound_to } => Self::new(
                Code::RunBoundToWorkItem,
                format!(
                    "this agent run is bound to {bound_to} and may change that work item alone; \
                     for other work, start a run that is not bound to it"
                ),
            ),
        }
    }
}

impl Problem {
    /// What is told to those who may read a row: that it is damaged, and what to do.
    fn of_row(error: StoreError) -> Self {
        let row = match error.into_damaged() {
            Ok(row) => row,
            Err(error) => return error.into(),
        };
        tracing::error!(
            table = row.table,
            id = row.id,
            column = row.column.0,
            "damaged row"
        );
        let advice = match row.table {
            "work_items" => "delete it with a personal access token: oi work-item delete --yes",
            "tokens" => "delete it: oi settings personal tokens delete",
            "users" => "suspend or delete the user: oi settings admin users",
            "invites" => "withdraw it: oi settings admin invites",
            _ => "ask the operator",
        };
        Self::new(
            Code::Internal,
            format!(
                "the database row {} of {} is damaged (column {}); {advice}, or restore it from a \
                 backup",
                row.id, row.table, row.column.0
            ),
        )
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        outage::report(&error, "request");
        match error {
            StoreError::Unavailable(_) => Self::new(
                Code::Unavailable,
                "the token store cannot be reached, so nothing was decided; try again shortly",
            ),
            StoreError::Corrupt(_) => Self::internal(),
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

impl From<ActorError> for Problem {
    fn from(refusal: ActorError) -> Self {
        match refusal {
            ActorError::Rejected(rejection) => rejection.into(),
            ActorError::SessionEnded => Self::authentication_required(),
            ActorError::Denied(denied) => denied.into(),
            // No API request sends a form; the pages say what it created.
            ActorError::FormUsed(_) => Self::new(Code::PreconditionFailed, refusal.to_string()),
        }
    }
}

impl From<RateLimited> for Problem {
    fn from(throttled: RateLimited) -> Self {
        Self::new(Code::RateLimited, throttled.to_string())
            .retry_after(throttled.retry_after_seconds)
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match &error {
            HashError::Busy => Self::new(
                Code::Unavailable,
                "too many passwords are being checked; try again shortly",
            ),
            HashError::Failed(cause) => {
                tracing::error!(%error, %cause, "a password could not be hashed");
                Self::internal()
            }
        }
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        match error {
            UserError::NotAuthorized(refusal) => refusal.into(),
            UserError::NotFound => Self::new(Code::NotFound, "there is no user with this id")
                .next("oi settings admin users list"),
            UserError::LastAdmin => Self::new(
                Code::LastAdmin,
                "this is the last active administrator; make another user an administrator first",
            ),
            UserError::OwnAccount => Self::new(
                Code::OwnAccount,
                "you cannot delete your own account; ask another administrator to delete it",
            ),
            UserError::EmailTaken => Self::new(
                Code::EmailTaken,
                "another user has this email address; choose another one",
            )
            .next("oi settings admin users list"),
            UserError::Entropy(error) => error.into(),
            UserError::Store(error) => Self::of_row(error),
        }
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NotAuthorized(refusal) => refusal.into(),
            SessionError::SessionRequired => Self::new(
                Code::SessionRequired,
                "this is done in the web interface, after signing in",
            ),
            SessionError::WrongPassword => Self::invalid_field("currentPassword", &"is wrong"),
            SessionError::WeakPassword(weak) => Self::invalid_field("password", &weak),
            SessionError::NotFound => Self::new(
                Code::NotFound,
                "there is no such user, or they are suspended",
            )
            .next("oi settings admin users list"),
            SessionError::RateLimited(throttled) => throttled.into(),
            SessionError::Hash(error) => error.into(),
            SessionError::Entropy(error) => error.into(),
            SessionError::Store(error) => error.into(),
        }
    }
}

impl From<InviteError> for Problem {
    fn from(error: InviteError) -> Self {
        match error {
            InviteError::NotAuthorized(refusal) => refusal.into(),
            InviteError::NotFound => Self::new(
                Code::NotFound,
                "there is no such invite, or it was claimed or withdrawn",
            )
            .next("oi settings admin invites list"),
            InviteError::EmailTaken => Self::new(
                Code::EmailTaken,
                "somebody with this email address has an account; they can be given a sign-in link",
            )
            .next("oi settings admin users list"),
            InviteError::NotClaimable(NotClaimable::Unknown) => Self::new(
                Code::NotFound,
                "there is no such invite; copy the whole link, or ask for a new one",
            ),
            InviteError::NotClaimable(
                reason @ (NotClaimable::InviterNotAdmin
                | NotClaimable::Claimed
                | NotClaimable::Withdrawn
                | NotClaimable::Expired
                | NotClaimable::InstanceHasUsers),
            ) => Self::new(Code::InviteNotOpen, format!("{reason}; ask for a new one")),
            InviteError::EmailRequired => Self::invalid_field("email", &"is required"),
            InviteError::EmailMismatch => {
                Self::invalid_field("email", &"must be the invited address")
            }
            InviteError::NoCredential => {
                Self::invalid_field("password", &"or tokenName is required")
            }
            InviteError::WeakPassword(weak) => Self::invalid_field("password", &weak),
            InviteError::RateLimited(throttled) => throttled.into(),
            InviteError::Hash(error) => error.into(),
            InviteError::Entropy(error) => error.into(),
            InviteError::Store(error) => error.into(),
        }
    }
}

impl From<AdminTokenError> for Problem {
    fn from(error: AdminTokenError) -> Self {
        match error {
            AdminTokenError::NotAuthorized(refusal) => refusal.into(),
            AdminTokenError::NotFound => Self::new(
                Code::NotFound,
                "there is no token with this id, or it was deleted",
            )
            .next("oi settings admin tokens list"),
            AdminTokenError::FilterRequired => Self::new(
                Code::InvalidRequest,
                "give at least one filter; without one, every token would be revoked",
            ),
            AdminTokenError::ReviewOutdated(review) => Self::new(
                Code::ReviewOutdated,
                format!(
                    "the matching tokens have changed since you reviewed them ({} match now), so \
                     nothing was revoked; review the list again with dryRun, then present its \
                     expected",
                    review.count
                ),
            )
            .matching(MatchingTokens {
                count: review.count as u64,
                expected: review.digest.to_string(),
            }),
            AdminTokenError::ReviewRequired(review) => Self::new(
                Code::ReviewRequired,
                format!(
                    "{} tokens match, and more than {MAX_UNREVIEWED} are revoked only after a \
                     review, so nothing was revoked; review them with dryRun, then present its \
                     expected",
                    review.count
                ),
            ),
            AdminTokenError::TooMany => Self::invalid_field("tokens", &error),
            AdminTokenError::RateLimited(throttled) => throttled.into(),
            AdminTokenError::Entropy(error) => error.into(),
            AdminTokenError::Store(error) => Self::of_row(error),
        }
    }
}

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Denied(denied) => denied.into(),
            AuditError::Entropy(error) => error.into(),
            AuditError::Store(error) => error.into(),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::NotAuthorized(refusal) => refusal.into(),
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
            TokenError::RateReached(reached) => issue_rate(reached, "tokens were created for"),
            TokenError::Expiry(error @ ExpiryError::Lifetime) => {
                Self::invalid_field("expiresIn", &error)
            }
            TokenError::Expiry(error) => Self::invalid_field("expiresAt", &error),
            TokenError::Overlap(error) => Self::invalid_field("overlapSeconds", &error),
            TokenError::NotRotatable(NotRotatable::Expired) => Self::new(
                Code::TokenNotLive,
                "an expired token cannot be rotated; create a new one",
            )
            .next("oi settings personal tokens create --help"),
            TokenError::NotRotatable(NotRotatable::AlreadyRotated { successor }) => Self::new(
                Code::TokenAlreadyRotated,
                format!(
                    "this token was already rotated to {successor}; rotate that one if its secret \
                     was lost"
                ),
            )
            .succeeded_by(successor)
            .next("oi settings personal tokens list"),
            TokenError::Entropy(error) => error.into(),
            TokenError::Store(error) => Self::of_row(error),
        }
    }
}

fn issue_rate(reached: RateReached, what: &str) -> Problem {
    let RateReached {
        limit,
        until,
        retry_after_seconds,
    } = reached;
    let detail = format!(
        "{limit} {what} you within 24 hours, as many as allowed, deleted ones included; the next one \
         is possible from {until}"
    );
    Problem::new(Code::CreationRateReached, detail).retry_after(retry_after_seconds)
}

impl From<AgentRunError> for Problem {
    fn from(error: AgentRunError) -> Self {
        match error {
            AgentRunError::NotAuthorized(refusal) => refusal.into(),
            AgentRunError::TokenRequired => Self::new(
                Code::HumanTokenRequired,
                "a run ends with the token that started it; start it with a personal access token \
                 (oi_pat_…)",
            )
            .next("oi profile set --token -"),
            AgentRunError::IssuerNotFound(id) => Self::invalid_field(
                "token",
                &format!("must be the id of a live token of yours; {id} is none"),
            )
            .next("oi token list"),
            AgentRunError::NotFound => Self::new(
                Code::NotFound,
                "you have no agent run with this id, or it was ended before",
            )
            .next("oi agent-run list"),
            AgentRunError::WorkItemNotFound(key) => Self::invalid_field(
                "workItemKey",
                &format!("must be the key of a work item; there is no {key}"),
            )
            .next("oi work-item list"),
            AgentRunError::WorkItemResolved(key) => Self::new(
                Code::WorkItemResolved,
                format!(
                    "{key} is done or cancelled, so there is nothing for a run to do; set its \
                     status to todo first, or choose another work item"
                ),
            )
            .next("oi queue list"),
            AgentRunError::QuotaReached { quota } => Self::new(
                Code::RunLimitReached,
                format!("you have {quota} live agent runs, as many as you may; end one first"),
            )
            .next("oi agent-run list"),
            AgentRunError::RateReached(reached) => {
                issue_rate(reached, "agent runs were started by")
            }
            AgentRunError::Entropy(error) => error.into(),
            AgentRunError::Store(error) => Self::of_row(error),
        }
    }
}
