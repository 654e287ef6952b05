use std::net::IpAddr;

use crate::access::Principal;
use crate::clock::Timestamp;
use crate::store::StoreError;

use super::{Digest, MalformedSecret, Secret, Status, TokenId, TokenRecord, TokenUse, Tokens};

/// Why a presented secret is not accepted; over HTTP a 401 (RFC 6750 §3.1 `invalid_token`).
///
/// Whoever holds a real secret is told what became of it. That tells nothing to anyone else:
/// without the secret, only `Malformed` and `Unknown` can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It cannot be a secret of ours; the store was not asked.
    #[error("the token is malformed: {0}")]
    Malformed(#[from] MalformedSecret),
    /// No token has it, or its tombstone is gone.
    #[error("the token is unknown")]
    Unknown,
    /// Its time was up.
    #[error("the token expired at {at}")]
    Expired {
        /// When.
        at: Timestamp,
    },
    /// It was deleted.
    #[error("the token was revoked at {at}")]
    Revoked {
        /// When.
        at: Timestamp,
    },
    /// Its owner is suspended.
    #[error("the token's owner is suspended")]
    OwnerSuspended,
}

/// Why there is no principal.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The secret is not accepted.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The store did not answer, so nobody knows; over HTTP a 503, never a 401 and never a pass.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tokens {
    /// Verifies a presented secret: who does its holder act as, now?
    ///
    /// Asks the store once and writes nothing; the use is collected for
    /// [`flush_last_used`](Self::flush_last_used).
    ///
    /// # Errors
    ///
    /// [`VerifyError::Rejected`] when it is not accepted, [`VerifyError::Store`] when that could
    /// not be found out.
    pub async fn verify(&self, presented: &str) -> Result<Principal, VerifyError> {
        self.verify_from(presented, None).await
    }

    /// Verifies the secret of a request from this client address, which is stored as where the token
    /// was last used from.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
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

    /// Verifies a principal's token once more, with a lookup of its own. A response that is sent in
    /// parts asks this before each part, so that it does not outlive the token. That is no further
    /// use of it.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify); [`Rejection::Unknown`] for a browser session, which is no token.
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
        // Compared whatever was found, so that a store which matches loosely (a case-insensitive
        // collation, a truncated index) lets nobody in and takes no telling time.
        let found_digest = found
            .as_ref()
            .map_or(&Digest::NONE, |record| &record.digest);
        let matches = found_digest.matches(&digest);
        let record = found.filter(|_| matches).ok_or(Rejection::Unknown)?;
        // Asked after the lookup: a token that expired while the store answered is expired.
        let now = self.clock.now();
        let id = record.token.id;
        Ok((record.admit(now)?, id, now))
    }
}

/// Whether a token that was found is accepted at `now`, and if not, why.
pub(super) fn rejection_of(record: &TokenRecord, now: Timestamp) -> Option<Rejection> {
    let token = &record.token;
    match token.status(now) {
        Status::Revoked => Some(Rejection::Revoked {
            at: token.revoked_at.unwrap_or(now),
        }),
        Status::Expired => Some(Rejection::Expired {
            at: token.expires_at.unwrap_or(now),
        }),
        Status::Live if !record.owner.active => Some(Rejection::OwnerSuspended),
        Status::Live => None,
    }
}
