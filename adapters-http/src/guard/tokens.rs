//! The mapping of errors of the use cases of tokens and agent runs to problems, also for a service
//! that has such routes of its own.

use openindex_domain::StoreError;
use openindex_domain::access::ActorError;
use openindex_domain::agent_run::AgentRunError;
use openindex_domain::token::{ExpiryError, NotRotatable, OwnerError, RateReached, TokenError};

use super::{Code, Problem};

impl Problem {
    /// Returns the problem for a damaged row, shown only to callers who may read that row.
    pub(crate) fn of_row(error: StoreError) -> Self {
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

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::NotAuthorized(error) => error.into(),
            TokenError::NotFound => Self::new(
                Code::NotFound,
                "you have no token with this id; it may have been deleted",
            )
            .next("oi settings personal tokens list"),
            // A mistake of the service, not of its caller.
            TokenError::OwnerNotFound => {
                tracing::error!(%error, "request failed");
                Self::internal()
            }
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

impl From<OwnerError> for Problem {
    fn from(error: OwnerError) -> Self {
        match error {
            OwnerError::Store(error) => error.into(),
            OwnerError::Entropy(error) => error.into(),
            OwnerError::NotFound => Self::new(Code::NotFound, "no owner of tokens has this id"),
            // A mistake of the service, which should change the account.
            OwnerError::HasAccount => {
                tracing::error!(%error, "request failed");
                Self::internal()
            }
        }
    }
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
