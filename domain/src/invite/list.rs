use crate::access::{Principal, Requirement};
use crate::store::Listing;
use crate::user::MAX_PAGE;

use super::{Invite, InviteError, InviteId, Invites};

/// A page of invites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitePage {
    /// The invites, newest first.
    pub invites: Listing<Invite>,
    /// Pass it as `after` for the next page; `None` on the last page.
    pub next: Option<InviteId>,
}

impl Invites {
    /// Returns a page of all invites, starting after `after`. `limit` is clamped to 1 to
    /// [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// [`InviteError::NotAuthorized`] unless `principal` is an administrator;
    /// [`InviteError::Store`] when the store fails.
    pub async fn list(
        &self,
        principal: &Principal,
        after: Option<InviteId>,
        limit: u32,
    ) -> Result<InvitePage, InviteError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = limit.clamp(1, MAX_PAGE);
        let mut invites = self.store.invites(after, limit + 1).await?;
        let next = crate::page::truncate(&mut invites, limit, |invite| invite.id);
        Ok(InvitePage { invites, next })
    }
}
