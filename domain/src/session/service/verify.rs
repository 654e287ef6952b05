use std::sync::Arc;

use crate::access::Principal;
use crate::digest::Digest;
use crate::opaque::OpaqueSecret;
use crate::store::StoreError;

use super::Sessions;

impl Sessions {
    /// Verifies the value of a session cookie and returns the principal that it authenticates;
    /// `None` for anything but a live session of an active user.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails: the session is then neither accepted nor ended.
    pub async fn verify(&self, presented: &str) -> Result<Option<Principal>, StoreError> {
        let Some(secret) = OpaqueSecret::parse(presented) else {
            return Ok(None);
        };
        self.verify_digest(secret.digest()).await
    }

    /// Verifies the principal's browser session again; `None` when it has ended since, and for any
    /// other credential.
    ///
    /// # Errors
    ///
    /// As for [`verify`](Self::verify).
    pub async fn reverify(&self, principal: &Principal) -> Result<Option<Principal>, StoreError> {
        match principal.session_digest() {
            Some(digest) => self.verify_digest(digest).await,
            None => Ok(None),
        }
    }

    async fn verify_digest(&self, digest: Digest) -> Result<Option<Principal>, StoreError> {
        let found = match self.ports.store.find_session(&digest).await {
            // A damaged row counts as no session: the user can sign in again.
            Err(error) => error.into_damaged().map(|_| None)?,
            found => found?,
        };
        let found_digest = found.as_ref().map_or(Digest::NONE, |record| record.digest);
        let matches = found_digest.matches(&digest);
        let now = self.ports.clock.now();
        let principal = found
            .filter(|_| matches)
            .and_then(|record| Arc::new(record).authenticate(now));
        if let Some(session) = principal.as_ref().and_then(Principal::session)
            && session.is_to_be_touched(now)
        {
            self.ports.store.touch_session(session.id, now).await?;
        }
        Ok(principal)
    }
}
