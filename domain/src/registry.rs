//! Joins what the modules declare for the audit log, so that stored and sent text can be parsed.

use crate::audit::{AdminAction, AuditAction};
use crate::invite::InviteAction;
use crate::session::SessionAction;
use crate::token::{AgentRunAction, OwnerAction, TokenAction};
use crate::user::{InstanceAction, UserAction};
use crate::work_item::WorkItemAction;

const ACTIONS: [&[AuditAction]; 9] = [
    InstanceAction::ALL,
    TokenAction::ALL,
    AgentRunAction::ALL,
    OwnerAction::ALL,
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
    use std::fs;
    use std::path::Path;

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

    #[test]
    fn every_declared_action_is_registered() {
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let modules = fs::read_dir(modules).expect("the modules");
        let mut declared = HashSet::new();
        for module in modules {
            let path = module.expect("a module").path().join("action.rs");
            let Ok(source) = fs::read_to_string(path) else {
                continue;
            };
            let names = source.lines().filter_map(|line| line.split_once(" = \""));
            let names = names.filter_map(|(_, rest)| rest.split_once('"'));
            declared.extend(names.map(|(name, _)| name.to_owned()));
        }
        let registered = AuditAction::all().map(|action| action.as_str().to_owned());
        assert_eq!(registered.collect::<HashSet<String>>(), declared);
    }
}
