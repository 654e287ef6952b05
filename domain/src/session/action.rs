use crate::audit::AuditAction;
use crate::vocabulary::vocabulary;

vocabulary! {
    /// What is done to sessions, and to what they start with.
    SessionAction: AuditAction {
        /// A user changed their password; their other sessions ended. By the operator: it was
        /// removed, because a restored backup had an earlier one.
        PASSWORD_CHANGED = "password.changed",
        /// A sign-in link was created for a user.
        SIGN_IN_LINK_CREATED = "sign_in_link.created",
        /// A sign-in link was used: it set a new password and ended all earlier sessions.
        SIGN_IN_LINK_USED = "sign_in_link.used",
        /// A user signed in.
        SIGNED_IN = "session.started",
        /// A sign-in failed: wrong password, suspended user or unknown account.
        SIGN_IN_REJECTED = "sign_in.rejected",
        /// The tenth failed sign-in from one network address within 15 minutes; further ones in
        /// that window are not recorded.
        SIGN_IN_REJECTED_REPEATEDLY = "sign_in.rejected_repeatedly",
        /// A user signed out. Subject: the session.
        SIGNED_OUT = "session.ended",
        /// A user ended several of their sessions.
        SESSIONS_ENDED = "sessions.ended",
    }
}
