use crate::audit::{AuditAction, AuditEvent};
use crate::clock::Timestamp;
use crate::credential::{Owner, Role};

use super::{EndedRuns, OwnerAction, Token};

/// The change that adds or updates an owner who has no account in the store.
#[derive(Debug, Clone)]
pub struct PutOwner {
    /// The owner as they are from now on.
    pub owner: Owner,
    /// The time of the change.
    pub now: Timestamp,
    /// The event that the audit events to append are derived from, about the owner.
    pub audit: AuditEvent,
}

/// The outcome of a [`PutOwner`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum PutOwnerOutcome {
    /// The owner was added or updated.
    Written,
    /// The owner was already recorded exactly so; nothing changed, and no event was written.
    Unchanged,
    /// The owner has or had an account, which determines all of this; nothing changed.
    HasAccount,
}

/// What a store must write besides the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerDecision {
    /// The agent runs that end.
    pub runs: EndedRuns,
    /// The audit events: one for each property that changes.
    pub events: Vec<AuditEvent>,
}

impl PutOwner {
    /// Decides the change, given what the store read inside the transaction: the owner as recorded,
    /// whether they have an account, and their unrevoked agent runs.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        current: Option<&Owner>,
        has_account: bool,
        runs: &[Token],
    ) -> Result<OwnerDecision, PutOwnerOutcome> {
        if has_account {
            return Err(PutOwnerOutcome::HasAccount);
        }
        let actions = self.actions(current);
        if actions.is_empty() {
            return Err(PutOwnerOutcome::Unchanged);
        }
        let runs = if self.owner.active {
            EndedRuns::default()
        } else {
            EndedRuns::with_subject(&self.audit, runs, |run| run.owner == self.owner.id)
        };
        let mut next = self.audit.id;
        let events = actions.into_iter().map(|action| {
            let id = next;
            next = id.derive(self.owner.id.uuid());
            AuditEvent {
                id,
                action,
                ..self.audit.clone()
            }
        });
        Ok(OwnerDecision {
            runs,
            events: events.collect(),
        })
    }

    /// Returns what changes. A new owner is one event, whatever their properties.
    fn actions(&self, current: Option<&Owner>) -> Vec<AuditAction> {
        let Some(current) = current else {
            return vec![OwnerAction::ADDED];
        };
        let owner = &self.owner;
        let activity = if owner.active {
            OwnerAction::UNSUSPENDED
        } else {
            OwnerAction::SUSPENDED
        };
        let role = match owner.role {
            Role::Admin => OwnerAction::PROMOTED,
            Role::Member => OwnerAction::DEMOTED,
        };
        let changes = [
            (owner.active != current.active, activity),
            (owner.role != current.role, role),
            (owner.profile != current.profile, OwnerAction::UPDATED),
        ];
        let changes = changes.into_iter().filter(|(differs, _)| *differs);
        changes.map(|(_, action)| action).collect()
    }
}
