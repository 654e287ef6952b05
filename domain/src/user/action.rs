use crate::audit::AuditAction;
use crate::vocabulary::vocabulary;

vocabulary! {
    /// What is done to the instance.
    InstanceAction: AuditAction {
        /// The first administrator and their first token were created. Subject: the user; related:
        /// the token.
        BOOTSTRAPPED = "instance.bootstrapped",
    }
}

vocabulary! {
    /// What is done to users.
    UserAction: AuditAction {
        /// A user dismissed their notices.
        NOTICES_DISMISSED = "notices.dismissed",
        /// A user was suspended; their sessions ended and their sign-in links were deleted.
        SUSPENDED = "user.suspended",
        /// A user was unsuspended.
        UNSUSPENDED = "user.unsuspended",
        /// A user was deleted, together with their data. Their id stays in the audit log.
        DELETED = "user.deleted",
        /// A user's email address was changed; the event contains both addresses.
        EMAIL_CHANGED = "user.email_changed",
        /// A user changed their name.
        NAME_CHANGED = "user.name_changed",
        /// A user was made an administrator.
        PROMOTED = "user.promoted",
        /// An administrator was made a member.
        DEMOTED = "user.demoted",
    }
}
