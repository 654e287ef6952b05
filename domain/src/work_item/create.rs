use std::num::NonZeroU32;

use crate::access::{ActingRecord, Actor, ActorError};
use crate::agent_run::{DomainKey, WorkItemKey};
use crate::audit::{AuditEvent, Subject};
use crate::form::SentForm;
use crate::user::{User, UserId};

use super::{
    Description, ExecutionTarget, ItemKind, ItemStatus, Priority, Title, WorkItem, WorkItemConflict,
};

/// The position of a new item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// A project or task of this domain.
    Domain(DomainKey, TopKind),
    /// A sub-task of this project or task.
    PartOf(WorkItemKey),
}

/// The kinds of items that have no parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopKind {
    /// [`ItemKind::Project`].
    Project,
    /// [`ItemKind::Task`].
    Task,
}

/// The properties of a work item to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWorkItem {
    /// Its position.
    pub place: Placement,
    /// The title.
    pub title: Title,
    /// The description.
    pub description: Description,
    /// The priority.
    pub priority: Priority,
    /// Who may claim it.
    pub target: ExecutionTarget,
    /// The user it is assigned to, if any.
    pub assignee: Option<UserId>,
}

/// The change that creates a work item.
#[derive(Debug, Clone)]
pub struct CreateWorkItem {
    /// The acting credential.
    pub actor: Actor,
    /// The user who creates it.
    pub creator: UserId,
    /// The properties of the item.
    pub item: NewWorkItem,
    /// The audit event to append; its subject is replaced by the new key.
    pub audit: AuditEvent,
}

/// The outcome of a [`CreateWorkItem`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum CreateWorkItemOutcome {
    /// The new item.
    Created(WorkItem),
    /// The parent does not exist; nothing changed.
    ParentNotFound,
    /// The current state of the parent or the assignee does not permit it; nothing changed.
    Conflict(WorkItemConflict),
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

/// What a store reads inside the transaction of a [`CreateWorkItem`], under locks.
#[derive(Debug, Clone, Default)]
pub struct CreateFacts {
    /// The last number used in the domain of [`Placement::Domain`]; 0 if none was.
    pub last_number: u32,
    /// The item with the key of [`Placement::PartOf`].
    pub parent: Option<WorkItem>,
    /// The user with the id [`NewWorkItem::assignee`].
    pub assignee: Option<User>,
}

/// What a store must write when a work item is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateDecision {
    /// The new item.
    pub item: WorkItem,
    /// Its updated parent, which contains the last number of its sub-tasks.
    pub parent: Option<WorkItem>,
    /// The audit event, with the new key.
    pub audit: AuditEvent,
}

impl CreateWorkItem {
    /// Returns the actor; if the request was sent with a form, with the key of the new item, which
    /// is known only from `facts`.
    #[must_use]
    pub fn actor_with_form(&self, facts: &CreateFacts) -> Actor {
        let key = match self.item.place {
            Placement::Domain(domain, _) => {
                next_number(facts.last_number).map(|number| WorkItemKey {
                    domain,
                    number,
                    part: None,
                })
            }
            Placement::PartOf(parent) => {
                let last = facts.parent.as_ref().map_or(0, |parent| parent.last_part);
                next_number(last).map(|part| WorkItemKey {
                    part: Some(part),
                    ..parent
                })
            }
        };
        let created = key.map_or(Subject::User(self.creator), Subject::WorkItem);
        Actor {
            form: self.actor.form.map(|form| SentForm { created, ..form }),
            ..self.actor.clone()
        }
    }

    /// Decides the change, given the acting credential's record
    /// ([as an author](ActingRecord::as_author)) and the facts that the store read
    /// inside the transaction. The item gets the next number of its domain or parent. Numbers of
    /// deleted items are not reused.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        facts: CreateFacts,
    ) -> Result<CreateDecision, CreateWorkItemOutcome> {
        let conflict = CreateWorkItemOutcome::Conflict;
        self.actor
            .check(actor)
            .map_err(CreateWorkItemOutcome::NotAuthorized)?;
        check_assignee(self.item.assignee, facts.assignee.as_ref()).map_err(conflict)?;
        let (key, kind, parent) = match self.item.place {
            Placement::Domain(domain, kind) => {
                let key = WorkItemKey {
                    domain,
                    number: next_number(facts.last_number).map_err(conflict)?,
                    part: None,
                };
                let kind = match kind {
                    TopKind::Project => ItemKind::Project,
                    TopKind::Task => ItemKind::Task,
                };
                (key, kind, None)
            }
            Placement::PartOf(parent_key) => {
                let parent = facts.parent.filter(|parent| parent.key == parent_key);
                let mut parent = parent.ok_or(CreateWorkItemOutcome::ParentNotFound)?;
                if parent.key.part.is_some() {
                    return Err(conflict(WorkItemConflict::NestedSubTask));
                }
                if parent.status.is_resolved() {
                    return Err(conflict(WorkItemConflict::Resolved(parent.status)));
                }
                let part = next_number(parent.last_part).map_err(conflict)?;
                parent.last_part = part.get();
                let key = WorkItemKey {
                    part: Some(part),
                    ..parent_key
                };
                (key, ItemKind::SubTask, Some(parent))
            }
        };
        let (new, now) = (self.item.clone(), self.actor.now);
        Ok(CreateDecision {
            item: WorkItem {
                key,
                kind,
                title: new.title,
                description: new.description,
                status: ItemStatus::Todo,
                priority: new.priority,
                target: new.target,
                assignee: new.assignee,
                claim: None,
                created_by: self.creator,
                created_at: now,
                updated_at: now,
                resolved_at: None,
                version: 1,
                last_part: 0,
            },
            audit: AuditEvent {
                subject: Subject::WorkItem(key),
                related: parent.as_ref().map(|parent| Subject::WorkItem(parent.key)),
                ..self.audit.clone()
            },
            parent,
        })
    }
}

fn next_number(last: u32) -> Result<NonZeroU32, WorkItemConflict> {
    last.checked_add(1)
        .filter(|number| *number <= WorkItemKey::MAX_NUMBER)
        .and_then(NonZeroU32::new)
        .ok_or(WorkItemConflict::NumbersExhausted)
}

/// Checks that the assignee exists and is not suspended.
pub(super) fn check_assignee(
    assignee: Option<UserId>,
    found: Option<&User>,
) -> Result<(), WorkItemConflict> {
    let is_valid =
        assignee.is_none_or(|id| found.is_some_and(|user| user.id == id && user.is_active()));
    is_valid
        .then_some(())
        .ok_or(WorkItemConflict::AssigneeNotFound)
}
