use crate::access::{Principal, Requirement};
use crate::page::PageSize;
use crate::store::Listing;

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
    /// [`MAX_PAGE`](crate::page::MAX_PAGE).
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
        let limit = PageSize::clamp(limit);
        let mut invites = self.store.invites(after, limit.rows_to_read()).await?;
        let next = limit.truncate(&mut invites, |invite| invite.id);
        Ok(InvitePage { invites, next })
    }
}
