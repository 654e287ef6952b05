use crate::audit::AuditAction;
use crate::vocabulary::vocabulary;

vocabulary! {
    /// What is done to invites.
    InviteAction: AuditAction {
        /// An invite was created. Subject: the invite; related: the open one that it replaced.
        CREATED = "invite.created",
        /// An invite was withdrawn.
        WITHDRAWN = "invite.withdrawn",
        /// An invite was claimed. Related: the new user, who had no credential before.
        CLAIMED = "invite.claimed".by_related_user,
    }
}
