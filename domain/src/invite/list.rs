use crate::access::{Principal, Requirement};
use crate::store::Listing;
use crate::user::MAX_PAGE;

use super::{Invite, InviteError, InviteId, Invites};

/// Some invites, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitePage {
    /// The invites, the newest first.
    pub invites: Listing<Invite>,
    /// Pass it as `after` for the next page; `None` on the last.
    pub next: Option<InviteId>,
}

impl Invites {
    /// A page of all invites, beginning after `after`; `limit` is held within 1 to
    /// [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// [`InviteError::NotAuthorized`] unless an administrator asks; [`InviteError::Store`].
    pub async fn list(
        &self,
        principal: &Principal,
        after: Option<InviteId>,
        limit: u32,
    ) -> Result<InvitePage, InviteError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = limit.clamp(1, MAX_PAGE);
        let mut invites = self.store.invites(after, limit + 1).await?;
        let next = crate::page::cut(&mut invites, limit, |invite| invite.id);
        Ok(InvitePage { invites, next })
    }
}
