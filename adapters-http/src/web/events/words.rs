//! The words for actions and actors.

use openindex_domain::agent_run::AgentRunAction;
use openindex_domain::audit::{AdminAction, AuditAction, AuditActor, AuditEvent};
use openindex_domain::invite::InviteAction;
use openindex_domain::session::SessionAction;
use openindex_domain::token::{OwnerAction, TokenAction};
use openindex_domain::user::{InstanceAction, UserAction, UserId};
use openindex_domain::work_item::WorkItemAction;

/// Returns the actor as shown to the affected user, without naming the administrator.
pub(in crate::web) fn actor(event: &AuditEvent, user: UserId) -> &'static str {
    match event.actor {
        _ if event.acting_user() == Some(user) => "You",
        AuditActor::Token { .. } | AuditActor::Session { .. } | AuditActor::External { .. } => {
            "An administrator"
        }
        AuditActor::Operator => "Server operator",
        AuditActor::Anonymous => "Anonymous",
    }
}

pub(super) const UNKNOWN: &str = "Unknown action";

/// Returns the label of an action.
pub(in crate::web) fn label(action: AuditAction) -> &'static str {
    match action {
        InstanceAction::BOOTSTRAPPED => "Instance set up",
        TokenAction::CREATED => "Token created",
        TokenAction::ROTATED => "Token rotated",
        TokenAction::REVOKED => "Token revoked",
        TokenAction::REPORTED_LEAKED => "Token reported as leaked",
        AgentRunAction::STARTED => "Agent run started",
        AgentRunAction::ENDED => "Agent run ended",
        OwnerAction::ADDED => "Owner added",
        OwnerAction::SUSPENDED => "Owner suspended",
        OwnerAction::UNSUSPENDED => "Owner unsuspended",
        OwnerAction::PROMOTED => "Owner's role changed to administrator",
        OwnerAction::DEMOTED => "Owner's role changed to member",
        OwnerAction::UPDATED => "Owner's name or email address changed",
        WorkItemAction::CREATED => "Work item created",
        WorkItemAction::UPDATED => "Work item updated",
        WorkItemAction::CLAIMED => "Work item claimed",
        WorkItemAction::RELEASED => "Work item released",
        WorkItemAction::COMPLETED => "Work item completed",
        WorkItemAction::DELETED => "Work item deleted",
        InviteAction::CREATED => "Invite created",
        InviteAction::WITHDRAWN => "Invite withdrawn",
        InviteAction::CLAIMED => "Invite claimed",
        UserAction::NOTICES_DISMISSED => "Notices dismissed",
        UserAction::SUSPENDED => "User suspended",
        UserAction::UNSUSPENDED => "User unsuspended",
        UserAction::DELETED => "User deleted",
        UserAction::EMAIL_CHANGED => "Email address changed",
        UserAction::NAME_CHANGED => "Name changed",
        UserAction::PROMOTED => "Role changed to administrator",
        UserAction::DEMOTED => "Role changed to member",
        SessionAction::PASSWORD_CHANGED => "Password changed",
        SessionAction::SIGN_IN_LINK_CREATED => "Sign-in link created",
        SessionAction::SIGN_IN_LINK_USED => "Sign-in link used",
        SessionAction::SIGNED_IN => "Signed in",
        SessionAction::SIGN_IN_REJECTED => "Sign-in rejected",
        SessionAction::SIGN_IN_REJECTED_REPEATEDLY => {
            "Sign-in rejected repeatedly; further attempts not recorded"
        }
        SessionAction::SIGNED_OUT => "Signed out",
        SessionAction::SESSIONS_ENDED => "Browser sessions ended",
        AdminAction::DENIED => "Admin access denied",
        AdminAction::DENIED_REPEATEDLY => {
            "Admin access denied repeatedly; further attempts not recorded"
        }
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_label() {
        for action in AuditAction::all() {
            assert_ne!(label(action), UNKNOWN, "{action}");
        }
    }
}
