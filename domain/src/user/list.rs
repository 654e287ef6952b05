use crate::store::StoreError;
use crate::token::{Denied, Principal, Requirement};

use super::{User, UserId, Users};

/// The most users on one page.
pub const MAX_PAGE: u32 = 200;

/// Some users, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// The users, in the order of their joining.
    pub users: Vec<User>,
    /// Pass it as `after` for the next page; `None` on the last.
    pub next: Option<UserId>,
}

/// Why a use case on users did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The principal may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Users {
    /// A page of all users, beginning after `after`; `limit` is held within 1 to [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// [`UserError::Denied`] unless `principal` is a human's token with the effective scope
    /// `admin`; [`UserError::Store`].
    pub async fn list(
        &self,
        principal: &Principal,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<UserPage, UserError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = limit.clamp(1, MAX_PAGE);
        // One more than asked for tells whether there is a next page.
        let mut users = self.store.page(after, limit + 1).await?;
        let more = users.len() > limit as usize;
        users.truncate(limit as usize);
        let next = users.last().filter(|_| more).map(|user| user.id);
        Ok(UserPage { users, next })
    }

    /// Whether anybody is there yet; `false` on a fresh instance, which is then to be bootstrapped.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn any(&self) -> Result<bool, StoreError> {
        Ok(!self.store.page(None, 1).await?.is_empty())
    }
}
