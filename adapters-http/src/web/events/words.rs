//! The words for actions and actors.

use openindex_domain::audit::{AuditAction, AuditActor, AuditEvent};
use openindex_domain::user::UserId;

/// Returns the actor as shown to the affected user, without naming the administrator.
pub(in crate::web) fn actor(event: &AuditEvent, user: UserId) -> &'static str {
    match event.actor {
        _ if event.acting_user() == Some(user) => "You",
        AuditActor::Token { .. } | AuditActor::Session { .. } => "An administrator",
        AuditActor::Operator => "Server operator",
        AuditActor::Anonymous => "Anonymous",
    }
}

/// Returns the label of an action.
pub(in crate::web) const fn label(action: AuditAction) -> &'static str {
    match action {
        AuditAction::InstanceBootstrapped => "Instance set up",
        AuditAction::TokenCreated => "Token created",
        AuditAction::TokenRotated => "Token rotated",
        AuditAction::TokenRevoked => "Token revoked",
        AuditAction::TokenReportedLeaked => "Token reported as leaked",
        AuditAction::AgentRunStarted => "Agent run started",
        AuditAction::AgentRunEnded => "Agent run ended",
        AuditAction::WorkItemCreated => "Work item created",
        AuditAction::WorkItemUpdated => "Work item updated",
        AuditAction::WorkItemClaimed => "Work item claimed",
        AuditAction::WorkItemReleased => "Work item released",
        AuditAction::WorkItemCompleted => "Work item completed",
        AuditAction::WorkItemDeleted => "Work item deleted",
        AuditAction::InviteCreated => "Invite created",
        AuditAction::InviteWithdrawn => "Invite withdrawn",
        AuditAction::InviteClaimed => "Invite claimed",
        AuditAction::NoticesDismissed => "Notices dismissed",
        AuditAction::UserSuspended => "User suspended",
        AuditAction::UserUnsuspended => "User unsuspended",
        AuditAction::UserDeleted => "User deleted",
        AuditAction::UserEmailChanged => "Email address changed",
        AuditAction::UserNameChanged => "Name changed",
        AuditAction::UserPromoted => "Role changed to administrator",
        AuditAction::UserDemoted => "Role changed to member",
        AuditAction::PasswordChanged => "Password changed",
        AuditAction::SignInLinkCreated => "Sign-in link created",
        AuditAction::SignInLinkUsed => "Sign-in link used",
        AuditAction::SignedIn => "Signed in",
        AuditAction::SignInRejected => "Sign-in rejected",
        AuditAction::SignInRejectedRepeatedly => {
            "Sign-in rejected repeatedly; further attempts not recorded"
        }
        AuditAction::SignedOut => "Signed out",
        AuditAction::SessionsEnded => "Browser sessions ended",
        AuditAction::AdminDenied => "Admin access denied",
        AuditAction::AdminDeniedRepeatedly => {
            "Admin access denied repeatedly; further attempts not recorded"
        }
    }
}
