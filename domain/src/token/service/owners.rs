use crate::access::Principal;
use crate::audit::{AuditActor, AuditEvent, RequestContext, Subject};
use crate::credential::{Owner, Rejection};
use crate::entropy::EntropyError;
use crate::id::UserId;
use crate::store::StoreError;
use crate::token::{OwnerAction, PutOwner, PutOwnerOutcome, TokenError};

use super::Tokens;

/// Why an owner was not added or updated. Nothing was changed, except as described at
/// [`PutOwnerError::Store`].
#[derive(Debug, thiserror::Error)]
pub enum PutOwnerError {
    /// The owner has an account in this store; change the account instead.
    #[error("the owner has an account; change the account instead")]
    HasAccount,
    /// No id could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed. If it was unavailable, the change may have been made, but never in part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tokens {
    /// Adds or updates an owner of tokens. For services that have users of their own: call it when
    /// a user signs up, and whenever their role, their name or whether they are active changes. It
    /// replaces what is stored, so putting an [`Owner::new`] again lifts a suspension.
    ///
    /// An owner who is inactive is suspended: once this returns, no verification that starts later
    /// accepts one of their tokens, and their agent runs have ended for good. When they are active
    /// again, their tokens are accepted again. A role limits the effective scope of existing tokens
    /// in the same way. Owners are never deleted: suspend them without a [profile](Owner::profile),
    /// and their id stays in the audit log.
    ///
    /// Call it only on the service's own authority: it checks no principal.
    ///
    /// # Errors
    ///
    /// [`PutOwnerError::HasAccount`] when the id is that of a [`User`](crate::user::User);
    /// [`PutOwnerError::Entropy`] and [`PutOwnerError::Store`] when a port fails.
    pub async fn put_owner(
        &self,
        owner: Owner,
        context: &RequestContext,
    ) -> Result<(), PutOwnerError> {
        let now = self.clock.now();
        let audit = AuditEvent::new(
            AuditActor::Operator,
            OwnerAction::ADDED,
            Subject::User(owner.id),
            context,
            now,
            &*self.entropy,
        )?;
        let change = PutOwner { owner, now, audit };
        match self.store.put_owner(change).await? {
            PutOwnerOutcome::Written | PutOwnerOutcome::Unchanged => Ok(()),
            PutOwnerOutcome::HasAccount => Err(PutOwnerError::HasAccount),
        }
    }

    /// Returns an owner, for example to suspend them: `put_owner(owner.suspended(), …)`; `None` if
    /// unknown.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn owner(&self, id: UserId) -> Result<Option<Owner>, StoreError> {
        self.store.find_owner(id).await
    }

    /// Returns the principal of a user that the embedding service has authenticated itself, for
    /// example with its own session cookie. It acts as a human with the highest scope of the
    /// owner's role, so it can create the user's first token. The audit log shows it as
    /// [`AuditActor::External`], and each change checks the owner again in its transaction.
    ///
    /// Call it only for a user who is signed in: it checks no secret.
    ///
    /// # Errors
    ///
    /// [`TokenError::NotAuthorized`] with [`Rejection::Unknown`] when the owner was never
    /// [put](Self::put_owner), and with [`Rejection::OwnerSuspended`] when they are not active;
    /// [`TokenError::Store`] when the store fails.
    pub async fn on_behalf_of(&self, owner: UserId) -> Result<Principal, TokenError> {
        let found = self.owner(owner).await?;
        let owner = found
            .ok_or(Rejection::Unknown)
            .and_then(Owner::authenticate);
        owner.map_err(|rejection| TokenError::NotAuthorized(rejection.into()))
    }
}
