use crate::access::{ActorError, Denial, Principal, Requirement};
use crate::entropy::EntropyError;
use crate::page::{MAX_PAGE, PageSize};
use crate::store::{Listing, StoreError};

use super::{Email, PersonName, User, UserId, Users};

/// A page of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// The users, in the order in which they joined.
    pub users: Listing<User>,
    /// Pass it as `after` for the next page; `None` on the last page.
    pub next: Option<UserId>,
}

/// A failure of a use case on users.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The acting credential is invalid, or not permitted to do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// The user does not exist.
    #[error("user not found")]
    NotFound,
    /// No active administrator would be left.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// Callers cannot delete their own account.
    #[error("you cannot delete your own account")]
    OwnAccount,
    /// Another user has this email address.
    #[error("another user has this email address")]
    EmailTaken,
    /// No id could be generated.
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
    /// Returns a page of all users, starting after `after`. `limit` is clamped to 1 to
    /// [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless `principal` is an administrator; [`UserError::Store`]
    /// when the store fails.
    pub async fn list(
        &self,
        principal: &Principal,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<UserPage, UserError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = PageSize::clamp(limit);
        let mut users = self.store.page(after, limit.rows_to_read()).await?;
        let next = limit.truncate(&mut users, |user| user.id);
        Ok(UserPage { users, next })
    }

    /// Returns one user.
    ///
    /// # Errors
    ///
    /// [`UserError::NotFound`] when the user does not exist; [`UserError::NotAuthorized`] unless
    /// `principal` is an administrator; [`UserError::Store`] when the store fails.
    pub async fn get(&self, principal: &Principal, id: UserId) -> Result<User, UserError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        self.store.find(id).await?.ok_or(UserError::NotFound)
    }

    /// Returns the name of another user, without the address, for example to show who a work item
    /// is assigned to. `None` if the user was deleted.
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless `principal` is a human; [`UserError::Store`] when the
    /// store fails.
    pub async fn name_of(
        &self,
        principal: &Principal,
        id: UserId,
    ) -> Result<Option<PersonName>, UserError> {
        principal.authorize(Requirement::HUMAN)?;
        Ok(self.store.find(id).await?.map(|user| user.name))
    }

    /// Returns whether there are any users. A new instance has none and must be bootstrapped.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn any(&self) -> Result<bool, StoreError> {
        Ok(self.store.page(None, 1).await?.count() > 0)
    }

    /// Returns the address of an active administrator among the first [`MAX_PAGE`] users:
    /// `preferred` if it is one, otherwise that of the first who joined. For the operator's shell.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn administrator(&self, preferred: &Email) -> Result<Option<Email>, StoreError> {
        let users = self.store.page(None, MAX_PAGE).await?;
        let admins = || users.iter().filter(|user| user.is_active_admin());
        let found = admins()
            .find(|user| user.email.key() == preferred.key())
            .or_else(|| admins().next());
        Ok(found.map(|user| user.email.clone()))
    }
}
