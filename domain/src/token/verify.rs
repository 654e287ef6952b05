use std::net::IpAddr;

use crate::access::Principal;
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::vocabulary::vocabulary;

use super::entity::TokenEnd;
use super::{Digest, MalformedSecret, Secret, TokenId, TokenRecord, TokenUse, Tokens};

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
        /// No token has this secret.
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
            Self::Unknown => RejectionReason::Unknown,
            Self::Expired { .. } => RejectionReason::Expired,
            Self::Revoked { .. } => RejectionReason::Revoked,
            Self::OwnerSuspended => RejectionReason::OwnerSuspended,
        }
    }
}

/// Why a verification returned no principal.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The secret is not accepted.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The store failed, so the token's status is unknown; over HTTP a 503, never a 401 and never a
    /// success.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tokens {
    /// Verifies a presented secret and returns the principal that it authenticates.
    ///
    /// Queries the store once and writes nothing; the use is collected for
    /// [`flush_last_used`](Self::flush_last_used).
    ///
    /// # Errors
    ///
    /// [`VerifyError::Rejected`] when the secret is not accepted, [`VerifyError::Store`] when the
    /// store failed.
    pub async fn verify(&self, presented: &str) -> Result<Principal, VerifyError> {
        self.verify_from(presented, None).await
    }

    /// Verifies the secret of a request from this client address, which is recorded with the use.
    ///
    /// # Errors
    ///
    /// As for [`verify`](Self::verify).
    pub async fn verify_from(
        &self,
        presented: &str,
        from: Option<IpAddr>,
    ) -> Result<Principal, VerifyError> {
        let digest = Secret::digest_of(presented).map_err(Rejection::Malformed)?;
        let (principal, token, at) = self.verify_digest(digest).await?;
        self.last_used.record(TokenUse { token, at, from });
        Ok(principal)
    }

    /// Verifies a principal's token again with a fresh lookup. A streamed response calls this
    /// before each part, so that it does not continue after the token has ended. It does not count
    /// as a use.
    ///
    /// # Errors
    ///
    /// As for [`verify`](Self::verify); [`Rejection::Unknown`] for a browser session.
    pub async fn reverify(&self, principal: &Principal) -> Result<Principal, VerifyError> {
        let digest = principal.token_digest().ok_or(Rejection::Unknown)?;
        let (principal, _, _) = self.verify_digest(digest).await?;
        Ok(principal)
    }

    async fn verify_digest(
        &self,
        digest: Digest,
    ) -> Result<(Principal, TokenId, Timestamp), VerifyError> {
        let found = self.store.find_by_digest(&digest).await?;
        // Compared even if nothing was found: a store that matches loosely (a case-insensitive
        // collation, a truncated index) must neither authenticate anyone nor reveal anything by its
        // timing.
        let found_digest = found
            .as_ref()
            .map_or(&Digest::NONE, |record| &record.digest);
        let matches = found_digest.matches(&digest);
        let record = found.filter(|_| matches).ok_or(Rejection::Unknown)?;
        // Read after the lookup, so that a token which expires during the lookup is rejected.
        let now = self.clock.now();
        let id = record.token.id;
        Ok((record.authenticate(now)?, id, now))
    }
}

/// Returns why a token is not accepted at `now`, or `None` if it is.
pub(super) fn rejection_of(record: &TokenRecord, now: Timestamp) -> Option<Rejection> {
    match record.token.ended(now) {
        Some(TokenEnd::Revoked { at }) => Some(Rejection::Revoked { at }),
        Some(TokenEnd::Expired { at }) => Some(Rejection::Expired { at }),
        None if !record.owner.active => Some(Rejection::OwnerSuspended),
        None => None,
    }
}
