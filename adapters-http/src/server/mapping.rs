//! The mapping of use cases' errors to problems: status, code, challenge and advice. Those of
//! verification, denial and stores, of tokens and of agent runs are in `guard`.

mod work_item;

use openindex_domain::admin_tokens::{AdminTokenError, MAX_REPORTED, MAX_UNREVIEWED};
use openindex_domain::invite::{InviteError, NotClaimable};
use openindex_domain::rate_limit::RateLimited;
use openindex_domain::session::SessionError;
use openindex_domain::user::{HashError, UserError};

use crate::wire::MatchingTokens;

use super::{Code, Problem};

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
            AdminTokenError::TooMany => {
                let limit = format!("must have at most {MAX_REPORTED} entries");
                Self::invalid_field("tokens", &limit)
            }
            AdminTokenError::RateLimited(throttled) => throttled.into(),
            AdminTokenError::Entropy(error) => error.into(),
            AdminTokenError::Store(error) => Self::of_row(error),
        }
    }
}
