//! Joins what the modules declare for the audit log, so that stored and sent text can be parsed.

use crate::audit::{AdminAction, AuditAction};
use crate::invite::InviteAction;
use crate::session::SessionAction;
use crate::token::{AgentRunAction, TokenAction};
use crate::user::{InstanceAction, UserAction};
use crate::work_item::WorkItemAction;

const ACTIONS: [&[AuditAction]; 8] = [
    InstanceAction::ALL,
    TokenAction::ALL,
    AgentRunAction::ALL,
    WorkItemAction::ALL,
    InviteAction::ALL,
    UserAction::ALL,
    SessionAction::ALL,
    AdminAction::ALL,
];

impl AuditAction {
    /// Returns every action of every module.
    pub fn all() -> impl Iterator<Item = Self> {
        ACTIONS.iter().flat_map(|actions| actions.iter().copied())
    }

    /// Parses the output of [`AuditAction::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|action| action.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn actions_have_names_of_their_own_and_round_trip() {
        let names: HashSet<&str> = AuditAction::all().map(AuditAction::as_str).collect();
        assert_eq!(names.len(), AuditAction::all().count());
        for action in AuditAction::all() {
            assert_eq!(AuditAction::parse(action.as_str()), Some(action));
        }
        assert_eq!(AuditAction::parse("token"), None);
    }
}
