use std::net::IpAddr;
use std::sync::Arc;

use crate::access::Principal;
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::token::{Digest, Rejection, TokenId, TokenRecord, TokenUse};

use super::Tokens;

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
        let claimed = self.prefixes.claimed_digest(presented);
        let digest = claimed.map_err(Rejection::Malformed)?;
        let mut found = self.store.remembered(&digest);
        // Whatever has the digest of a token is its secret, with a checksum that matches.
        if found.is_none() {
            let checked = self.prefixes.check(presented);
            checked.map_err(Rejection::Malformed)?;
            found = self.store.find_by_digest(&digest).await?;
        }
        let (principal, token, at) = self.authenticate(digest, found)?;
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
        let found = self.store.find_by_digest(&digest).await?;
        let (principal, _, _) = self.authenticate(digest, found)?;
        Ok(principal)
    }

    /// Returns the principal of the record that was found for this digest, its token, and when that
    /// was decided.
    fn authenticate(
        &self,
        digest: Digest,
        found: Option<Arc<TokenRecord>>,
    ) -> Result<(Principal, TokenId, Timestamp), Rejection> {
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
