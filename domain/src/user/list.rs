use crate::access::{ActorError, Denial, Principal, Requirement};
use crate::entropy::EntropyError;
use crate::store::{Listing, StoreError};

use super::{PersonName, User, UserId, Users};

/// The most items on one page of any list.
pub const MAX_PAGE: u32 = 200;

/// Some users, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// The users, in the order of their joining.
    pub users: Listing<User>,
    /// Pass it as `after` for the next page; `None` on the last.
    pub next: Option<UserId>,
}

/// Why a use case on users did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The acting credential is not good (any more), or may not do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// There is no such user.
    #[error("there is no such user")]
    NotFound,
    /// Nobody would be left to administer the instance.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// The acting credential is the user's own, and they asked for their own deletion.
    #[error("you cannot delete your own account")]
    OwnAccount,
    /// Another user has the address.
    #[error("another user has this email address")]
    EmailTaken,
    /// No id could be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Denial> for UserError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}

impl Users {
    /// A page of all users, beginning after `after`; `limit` is held within 1 to [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless an administrator asks; [`UserError::Store`].
    pub async fn list(
        &self,
        principal: &Principal,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<UserPage, UserError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = limit.clamp(1, MAX_PAGE);
        let mut users = self.store.page(after, limit + 1).await?;
        let next = crate::page::cut(&mut users, limit, |user| user.id);
        Ok(UserPage { users, next })
    }

    /// One user.
    ///
    /// # Errors
    ///
    /// [`UserError::NotFound`]; [`UserError::NotAuthorized`] unless an administrator asks;
    /// [`UserError::Store`].
    pub async fn get(&self, principal: &Principal, id: UserId) -> Result<User, UserError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        self.store.find(id).await?.ok_or(UserError::NotFound)
    }

    /// Returns what a colleague is called whose id the caller has met, as on a work item: the name
    /// alone, without the address. `None` when the user was deleted.
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless a human asks; [`UserError::Store`].
    pub async fn name_of(
        &self,
        principal: &Principal,
        id: UserId,
    ) -> Result<Option<PersonName>, UserError> {
        principal.authorize(Requirement::HUMAN)?;
        Ok(self.store.find(id).await?.map(|user| user.name))
    }

    /// Whether anybody is there yet; `false` on a fresh instance, which is then to be bootstrapped.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn any(&self) -> Result<bool, StoreError> {
        Ok(self.store.page(None, 1).await?.count() > 0)
    }
}
