//! The mapping of use cases' errors to problems: status, code, challenge and advice. Those of
//! verification, denial and stores are in `guard/mapping.rs`.

mod work_item;

use openindex_domain::StoreError;
use openindex_domain::access::ActorError;
use openindex_domain::admin_tokens::{AdminTokenError, MAX_UNREVIEWED};
use openindex_domain::agent_run::AgentRunError;
use openindex_domain::invite::{InviteError, NotClaimable};
use openindex_domain::rate_limit::RateLimited;
use openindex_domain::session::SessionError;
use openindex_domain::token::{ExpiryError, NotRotatable, RateReached, TokenError};
use openindex_domain::user::{HashError, UserError};

use crate::wire::MatchingTokens;

use super::{Code, Problem};

impl Problem {
    /// Returns the problem for a damaged row, shown only to callers who may read that row.
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
            _ => "contact the operator",
        };
        Self::new(
            Code::Internal,
            format!(
                "row {} of the table {} is damaged (column {}); {advice}, or restore it from a \
                 backup",
                row.id, row.table, row.column.0
            ),
        )
    }
}

impl From<ActorError> for Problem {
    fn from(error: ActorError) -> Self {
        match error {
            ActorError::Rejected(rejection) => rejection.into(),
            ActorError::SessionEnded => Self::authentication_required(),
            ActorError::Denied(denial) => denial.into(),
            // Only web forms have a form key; the pages say what the first submission created.
            ActorError::FormUsed(_) => Self::new(Code::PreconditionFailed, error.to_string()),
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
                "too many passwords are being checked; retry shortly",
            ),
            HashError::Failed(cause) => {
                tracing::error!(%error, %cause, "password hashing failed");
                Self::internal()
            }
        }
    }
}

impl From<UserError> for Problem {
    fn from(error: UserError) -> Self {
        match error {
            UserError::NotAuthorized(error) => error.into(),
            UserError::NotFound => Self::new(Code::NotFound, "no user has this id")
                .next("oi settings admin users list"),
            UserError::LastAdmin => Self::new(
                Code::LastAdmin,
                "this user is the last active administrator; make another user an administrator \
                 first",
            ),
            UserError::OwnAccount => Self::new(
                Code::OwnAccount,
                "you cannot delete your own account; ask another administrator to delete it",
            ),
            UserError::EmailTaken => Self::new(
                Code::EmailTaken,
                "this email address belongs to another user; use a different one",
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
            SessionError::NotAuthorized(error) => error.into(),
            SessionError::SessionRequired => Self::new(
                Code::SessionRequired,
                "this requires a browser session; sign in to the web interface",
            ),
            SessionError::WrongPassword => Self::invalid_field("currentPassword", &"is incorrect"),
            SessionError::WeakPassword(weak) => Self::invalid_field("password", &weak),
            SessionError::NotFound => Self::new(Code::NotFound, "user not found or suspended")
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
            InviteError::NotAuthorized(error) => error.into(),
            InviteError::NotFound => Self::new(
                Code::NotFound,
                "invite not found, or already claimed, withdrawn or replaced",
            )
            .next("oi settings admin invites list"),
            InviteError::EmailTaken => Self::new(
                Code::EmailTaken,
                "this email address already has an account; create a sign-in link for it instead",
            )
            .next("oi settings admin users list"),
            InviteError::NotClaimable(NotClaimable::Unknown) => Self::new(
                Code::NotFound,
                "invite not found; copy the whole link, or ask for a new one",
            ),
            InviteError::NotClaimable(
                reason @ (NotClaimable::InviterNotAdmin
                | NotClaimable::Claimed
                | NotClaimable::Withdrawn
                | NotClaimable::Expired
                | NotClaimable::InstanceHasUsers),
            ) => Self::new(Code::InviteNotOpen, format!("{reason}; ask for a new one")),
            InviteError::NotClaimable(reason @ NotClaimable::Replaced) => {
                Self::new(Code::InviteNotOpen, format!("{reason}; use the newer link"))
            }
            InviteError::EmailRequired => Self::invalid_field("email", &"is required"),
            InviteError::EmailMismatch => {
                Self::invalid_field("email", &"must be the invited email address")
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
            AdminTokenError::NotAuthorized(error) => error.into(),
            AdminTokenError::NotFound => {
                Self::new(Code::NotFound, "token not found, or already revoked")
                    .next("oi settings admin tokens list")
            }
            AdminTokenError::FilterRequired => Self::new(
                Code::InvalidRequest,
                "at least one filter is required; without one, every token would be revoked",
            ),
            AdminTokenError::ReviewOutdated(review) => Self::new(
                Code::ReviewOutdated,
                format!(
                    "the matching tokens have changed since you reviewed them ({} match now); \
                     nothing was revoked; review them again with dryRun, then send the new \
                     expected value",
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
                    "{} tokens match, and revoking more than {MAX_UNREVIEWED} requires a review; \
                     nothing was revoked; review them with dryRun, then send its expected value",
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

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::NotAuthorized(error) => error.into(),
            TokenError::NotFound => Self::new(
                Code::NotFound,
                "you have no token with this id; it may have been deleted",
            )
            .next("oi settings personal tokens list"),
            TokenError::QuotaReached { quota } => Self::new(
                Code::TokenLimitReached,
                format!("you have reached the maximum of {quota} active tokens; delete one first"),
            )
            .next("oi settings personal tokens list"),
            TokenError::RateReached(reached) => creation_rate(reached, "new tokens", "deleted"),
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
                    "this token was already rotated to {successor}; rotate that one if you lost \
                     its secret"
                ),
            )
            .succeeded_by(successor)
            .next("oi settings personal tokens list"),
            TokenError::Entropy(error) => error.into(),
            TokenError::Store(error) => Self::of_row(error),
        }
    }
}

fn creation_rate(reached: RateReached, what: &str, gone: &str) -> Problem {
    let RateReached {
        limit,
        until,
        retry_after_seconds,
    } = reached;
    let detail = format!(
        "you have reached the maximum of {limit} {what} within 24 hours, including {gone} ones; \
         retry after {until}"
    );
    Problem::new(Code::CreationRateReached, detail).retry_after(retry_after_seconds)
}

impl From<AgentRunError> for Problem {
    fn from(error: AgentRunError) -> Self {
        match error {
            AgentRunError::NotAuthorized(error) => error.into(),
            AgentRunError::TokenRequired => Self::new(
                Code::HumanTokenRequired,
                "a browser session cannot start an agent run, because a run is revoked with the \
                 token that started it; use a personal access token (oi_pat_…)",
            )
            .next("oi profile set --token -"),
            AgentRunError::IssuerNotFound(id) => Self::invalid_field(
                "token",
                &format!("must be the id of one of your active tokens (got {id})"),
            )
            .next("oi settings personal tokens list"),
            AgentRunError::NotFound => Self::new(
                Code::NotFound,
                "you have no agent run with this id; it may have ended",
            )
            .next("oi agent-run list"),
            AgentRunError::WorkItemNotFound(key) => Self::invalid_field(
                "workItemKey",
                &format!("must be the key of an existing work item ({key} not found)"),
            )
            .next("oi work-item list"),
            AgentRunError::WorkItemResolved(key) => Self::new(
                Code::WorkItemResolved,
                format!(
                    "{key} is done or cancelled; set its status to todo first, or choose another \
                     work item"
                ),
            )
            .next("oi queue list"),
            AgentRunError::QuotaReached { quota } => Self::new(
                Code::RunLimitReached,
                format!("you have reached the maximum of {quota} active agent runs; end one first"),
            )
            .next("oi agent-run list"),
            AgentRunError::RateReached(reached) => {
                creation_rate(reached, "new agent runs", "ended")
            }
            AgentRunError::Entropy(error) => error.into(),
            AgentRunError::Store(error) => Self::of_row(error),
        }
    }
}
