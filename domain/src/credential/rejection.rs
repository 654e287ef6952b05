use crate::clock::Timestamp;
use crate::secret::MalformedSecret;
use crate::vocabulary::vocabulary;

use super::TokenRecord;
use super::token::TokenEnd;

/// Why a presented secret is not accepted; over HTTP a 401 (RFC 6750 §3.1 `invalid_token`).
///
/// The variants that describe an existing token disclose nothing to others: without its secret,
/// only `Malformed` and `Unknown` can occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The text cannot be a secret; the store was not queried.
    #[error("the token is malformed: {0}")]
    Malformed(#[from] MalformedSecret),
    /// No token has this secret, or the token was purged.
    #[error("the token is unknown")]
    Unknown,
    /// Another server, which does not tell this service why, does not accept the token.
    #[error("the token is unknown, revoked or expired")]
    NotAccepted,
    /// The token has expired.
    #[error("the token expired at {at}")]
    Expired {
        /// When it expired.
        at: Timestamp,
    },
    /// The token was revoked.
    #[error("the token was revoked at {at}")]
    Revoked {
        /// When it was revoked.
        at: Timestamp,
    },
    /// Its owner is suspended.
    #[error("the token's owner is suspended")]
    OwnerSuspended,
}

vocabulary! {
    /// The kind of a [`Rejection`].
    RejectionReason {
        /// The text cannot be a secret.
        Malformed = "malformed",
        /// No token has this secret; from another server, for any reason.
        Unknown = "unknown",
        /// The token has expired.
        Expired = "expired",
        /// The token was revoked.
        Revoked = "revoked",
        /// Its owner is suspended.
        OwnerSuspended = "owner_suspended",
    }
}

impl Rejection {
    /// Returns the kind.
    #[must_use]
    pub const fn reason(self) -> RejectionReason {
        match self {
            Self::Malformed(_) => RejectionReason::Malformed,
            Self::Unknown | Self::NotAccepted => RejectionReason::Unknown,
            Self::Expired { .. } => RejectionReason::Expired,
            Self::Revoked { .. } => RejectionReason::Revoked,
            Self::OwnerSuspended => RejectionReason::OwnerSuspended,
        }
    }
}

impl TokenRecord {
    /// Returns why the token is not accepted at `now`, or `None` if it is.
    pub(crate) fn rejection(&self, now: Timestamp) -> Option<Rejection> {
        match self.token.ended(now) {
            Some(TokenEnd::Revoked { at }) => Some(Rejection::Revoked { at }),
            Some(TokenEnd::Expired { at }) => Some(Rejection::Expired { at }),
            None if !self.owner.active => Some(Rejection::OwnerSuspended),
            None => None,
        }
    }
}
