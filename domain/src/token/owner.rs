use crate::audit::{AuditAction, AuditEvent};
use crate::clock::Timestamp;
use crate::credential::{Owner, Role};
use crate::id::UserId;

use super::{EndedRuns, OwnerAction, Token};

/// What to change of an owner who has no account in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerChange {
    /// Adds or updates the owner. This can suspend an owner, but not lift a suspension: what the
    /// caller knows may be older than it.
    Put(Owner),
    /// Suspends the owner, and changes nothing else.
    Suspend(UserId),
    /// Lifts the suspension, and changes nothing else.
    Unsuspend(UserId),
}

impl OwnerChange {
    /// Returns the id of the owner.
    #[must_use]
    pub const fn id(&self) -> UserId {
        match self {
            Self::Put(owner) => owner.id,
            Self::Suspend(id) | Self::Unsuspend(id) => *id,
        }
    }

    /// Returns the changed owner; `None` if there is none to change.
    fn apply(&self, current: Option<&Owner>) -> Option<Owner> {
        let with = |active| {
            current.map(|current| Owner {
                active,
                ..current.clone()
            })
        };
        match self {
            Self::Put(owner) => Some(Owner {
                active: owner.active && current.is_none_or(|current| current.active),
                ..owner.clone()
            }),
            Self::Suspend(_) => with(false),
            Self::Unsuspend(_) => with(true),
        }
    }
}

/// The change of an owner who has no account in the store.
#[derive(Debug, Clone)]
pub struct ChangeOwner {
    /// What to change.
    pub change: OwnerChange,
    /// The time of the change.
    pub now: Timestamp,
    /// The event that the audit events to append are derived from, about the owner.
    pub audit: AuditEvent,
}

/// The outcome of a [`ChangeOwner`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum ChangeOwnerOutcome {
    /// The owner was added or changed.
    Changed,
    /// The owner was already recorded exactly so; nothing changed, and no event was written.
    Unchanged,
    /// There is no such owner to suspend or unsuspend.
    NotFound,
    /// The owner has or had an account, which determines all of this; nothing changed.
    HasAccount,
}

/// What a store must write when an owner changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerDecision {
    /// The owner as they are from now on.
    pub owner: Owner,
    /// The agent runs that end.
    pub runs: EndedRuns,
    /// The audit events: one for each property that changes.
    pub events: Vec<AuditEvent>,
}

impl ChangeOwner {
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
    ) -> Result<OwnerDecision, ChangeOwnerOutcome> {
        if has_account {
            return Err(ChangeOwnerOutcome::HasAccount);
        }
        let owner = self
            .change
            .apply(current)
            .ok_or(ChangeOwnerOutcome::NotFound)?;
        let actions = actions(current, &owner);
        if actions.is_empty() {
            return Err(ChangeOwnerOutcome::Unchanged);
        }
        let runs = if owner.active {
            EndedRuns::default()
        } else {
            EndedRuns::with_subject(&self.audit, runs, |run| run.owner == owner.id)
        };
        let mut next = self.audit.id;
        let events = actions.into_iter().map(|action| {
            let id = next;
            next = id.derive(owner.id.uuid());
            AuditEvent {
                id,
                action,
                ..self.audit.clone()
            }
        });
        Ok(OwnerDecision {
            runs,
            events: events.collect(),
            owner,
        })
    }
}

/// Returns what changes. A new owner is one event, whatever their properties.
fn actions(current: Option<&Owner>, owner: &Owner) -> Vec<AuditAction> {
    let Some(current) = current else {
        return vec![OwnerAction::ADDED];
    };
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
