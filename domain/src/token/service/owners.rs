use crate::access::Principal;
use crate::audit::{AuditActor, AuditEvent, RequestContext, Subject};
use crate::credential::Owner;
use crate::entropy::EntropyError;
use crate::id::UserId;
use crate::store::StoreError;
use crate::token::{ChangeOwner, ChangeOwnerOutcome, OwnerAction, OwnerChange, TokenError};

use super::Tokens;

/// Why an owner was not changed. Nothing was changed, except as described at
/// [`OwnerError::Store`].
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// The owner has an account in this store; change the account instead.
    #[error("the owner has an account; change the account instead")]
    HasAccount,
    /// There is no such owner to suspend or unsuspend; they were never
    /// [put](Tokens::put_owner).
    #[error("no owner has this id; put the owner first")]
    NotFound,
    /// No id could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed. If it was unavailable, the change may have been made, but never in part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Tokens {
    /// Adds or updates an owner of tokens. For services that have users of their own: call it when
    /// a user signs up, and whenever their role, name or address changes. It replaces what is
    /// stored, except that it never lifts a suspension: what the caller read may be older. Putting
    /// an owner who is not active suspends them, as [`suspend_owner`](Self::suspend_owner) does.
    ///
    /// A role limits the effective scope of existing tokens from the next verification on. Owners
    /// are never deleted: put them [suspended](Owner::suspended) and without a
    /// [profile](Owner::profile), and their id stays in the audit log.
    ///
    /// Call it only on the service's own authority: it checks no principal.
    ///
    /// # Errors
    ///
    /// [`OwnerError::HasAccount`] when the id is that of a [`User`](crate::user::User);
    /// [`OwnerError::Entropy`] and [`OwnerError::Store`] when a port fails.
    pub async fn put_owner(
        &self,
        owner: Owner,
        context: &RequestContext,
    ) -> Result<(), OwnerError> {
        self.change_owner(OwnerChange::Put(owner), context).await
    }

    /// Suspends an owner of tokens. Once this returns, no verification that starts later accepts
    /// one of their tokens, and their agent runs have ended for good. Suspending an owner again
    /// changes nothing.
    ///
    /// Call it only on the service's own authority: it checks no principal.
    ///
    /// # Errors
    ///
    /// [`OwnerError::NotFound`] when the owner was never [put](Self::put_owner), and the others as
    /// there.
    pub async fn suspend_owner(
        &self,
        owner: UserId,
        context: &RequestContext,
    ) -> Result<(), OwnerError> {
        self.change_owner(OwnerChange::Suspend(owner), context)
            .await
    }

    /// Lifts the suspension of an owner: their tokens are accepted again from the next verification
    /// on. If they are not suspended, nothing changes.
    ///
    /// Call it only on the service's own authority: it checks no principal.
    ///
    /// # Errors
    ///
    /// Like [`suspend_owner`](Self::suspend_owner).
    pub async fn unsuspend_owner(
        &self,
        owner: UserId,
        context: &RequestContext,
    ) -> Result<(), OwnerError> {
        self.change_owner(OwnerChange::Unsuspend(owner), context)
            .await
    }

    async fn change_owner(
        &self,
        change: OwnerChange,
        context: &RequestContext,
    ) -> Result<(), OwnerError> {
        let now = self.clock.now();
        let audit = AuditEvent::new(
            AuditActor::Operator,
            OwnerAction::ADDED,
            Subject::User(change.id()),
            context,
            now,
            &*self.entropy,
        )?;
        let change = ChangeOwner { change, now, audit };
        match self.store.change_owner(change).await? {
            ChangeOwnerOutcome::Changed | ChangeOwnerOutcome::Unchanged => Ok(()),
            ChangeOwnerOutcome::NotFound => Err(OwnerError::NotFound),
            ChangeOwnerOutcome::HasAccount => Err(OwnerError::HasAccount),
        }
    }

    /// Returns an owner; `None` if unknown.
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
    /// [`TokenError::OwnerNotFound`] when the owner was never [put](Self::put_owner);
    /// [`TokenError::NotAuthorized`] with
    /// [`Rejection::OwnerSuspended`](crate::token::Rejection::OwnerSuspended) when they are not
    /// active;
    /// [`TokenError::Store`] when the store fails.
    pub async fn on_behalf_of(&self, owner: UserId) -> Result<Principal, TokenError> {
        let found = self.owner(owner).await?;
        let owner = found.ok_or(TokenError::OwnerNotFound)?;
        let principal = owner.authenticate();
        principal.map_err(|rejection| TokenError::NotAuthorized(rejection.into()))
    }
}
