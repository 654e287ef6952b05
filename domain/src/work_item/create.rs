use std::num::NonZeroU32;

use crate::access::{ActingRecord, Actor, ActorError, Principal, Requirement};
use crate::agent_run::{DomainKey, WorkItemKey};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::form::SentForm;
use crate::user::{User, UserId};

use super::{
    Description, ExecutionTarget, ItemKind, ItemStatus, Priority, Title, WorkItem,
    WorkItemConflict, WorkItemError, WorkItems,
};

/// Where a new item belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// By itself, as a project or a task of this part of the work.
    Domain(DomainKey, TopKind),
    /// A part of this project or task.
    PartOf(WorkItemKey),
}

/// The kinds of items that stand by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopKind {
    /// [`ItemKind::Project`].
    Project,
    /// [`ItemKind::Task`].
    Task,
}

/// What a new item is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWorkItem {
    /// Where it belongs.
    pub place: Placement,
    /// What it is about.
    pub title: Title,
    /// What is to be done.
    pub description: Description,
    /// How soon.
    pub priority: Priority,
    /// Who may take it on.
    pub target: ExecutionTarget,
    /// Who sees to it.
    pub assignee: Option<UserId>,
}

/// The change: a work item comes into being.
#[derive(Debug, Clone)]
pub struct CreateWorkItem {
    /// Who makes it.
    pub actor: Actor,
    /// The user who does.
    pub creator: UserId,
    /// What it is to be.
    pub item: NewWorkItem,
    /// The trail it leaves; its subject becomes the key.
    pub audit: AuditEvent,
}

/// What became of a [`CreateWorkItem`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum CreateWorkItemOutcome {
    /// It is there.
    Created(WorkItem),
    /// There is no item that it could be a part of; nothing changed.
    NoSuchParent,
    /// It cannot be made as things stand; nothing changed.
    Conflict(WorkItemConflict),
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

/// What a store reads inside the transaction of a [`CreateWorkItem`], under locks.
#[derive(Debug, Clone, Default)]
pub struct CreateFacts {
    /// The number of the domain's last item, by [`Placement::Domain`]; 0 when there was none.
    pub last_number: u32,
    /// The item with the key of [`Placement::PartOf`].
    pub parent: Option<WorkItem>,
    /// The user whom [`NewWorkItem::assignee`] names.
    pub assignee: Option<User>,
}

/// What a store is to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateDecision {
    /// The item.
    pub item: WorkItem,
    /// Its parent, which counts its parts.
    pub parent: Option<WorkItem>,
    /// The trail.
    pub audit: AuditEvent,
}

impl CreateWorkItem {
    /// Returns the actor with what its form creates, if it was sent with one: the key of the item is
    /// known only from `facts`.
    #[must_use]
    pub fn actor_making(&self, facts: &CreateFacts) -> Actor {
        let key = match self.item.place {
            Placement::Domain(domain, _) => {
                next_number(facts.last_number).map(|number| WorkItemKey {
                    domain,
                    number,
                    part: None,
                })
            }
            Placement::PartOf(whole) => {
                let last = facts.parent.as_ref().map_or(0, |parent| parent.last_part);
                next_number(last).map(|part| WorkItemKey {
                    part: Some(part),
                    ..whole
                })
            }
        };
        let made = key.map_or(Subject::User(self.creator), Subject::WorkItem);
        Actor {
            form: self.actor.form.map(|form| SentForm { made, ..form }),
            ..self.actor.clone()
        }
    }

    /// Decides, from the acting credential's record and what else the store read inside the
    /// transaction. The number in the item's key is the next one of its domain or parent: the last
    /// one that was given counts, so that the key of a deleted item stays its own.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
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
            Placement::PartOf(whole) => {
                let parent = facts.parent.filter(|parent| parent.key == whole);
                let mut parent = parent.ok_or(CreateWorkItemOutcome::NoSuchParent)?;
                if parent.key.part.is_some() {
                    return Err(conflict(WorkItemConflict::PartOfPart));
                }
                if parent.status.is_resolved() {
                    return Err(conflict(WorkItemConflict::Resolved(parent.status)));
                }
                let part = next_number(parent.last_part).map_err(conflict)?;
                parent.last_part = part.get();
                let key = WorkItemKey {
                    part: Some(part),
                    ..whole
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

/// Work can be given to somebody who is there and not suspended.
pub(super) fn check_assignee(
    wanted: Option<UserId>,
    found: Option<&User>,
) -> Result<(), WorkItemConflict> {
    let fits =
        wanted.is_none_or(|wanted| found.is_some_and(|user| user.id == wanted && user.is_active()));
    if fits {
        Ok(())
    } else {
        Err(WorkItemConflict::NoSuchAssignee)
    }
}

impl WorkItems {
    /// Makes a work item. The first item of a domain makes the domain.
    ///
    /// # Errors
    ///
    /// [`WorkItemError`]: refused to a run that is bound to an item; the parent and the assignee must
    /// be there; [`ActorError::FormUsed`] when the form of `context` created an item before.
    pub async fn create(
        &self,
        principal: &Principal,
        item: NewWorkItem,
        context: &RequestContext,
    ) -> Result<WorkItem, WorkItemError> {
        let requirement = Requirement::ANY_TOKEN;
        principal.authorize(requirement)?;
        principal.authorize_change_of(None)?;
        let now = self.clock.now();
        let creator = principal.user_id();
        let change = CreateWorkItem {
            actor: Actor::of(principal, requirement, now).with_form(
                context.form,
                creator,
                Subject::User(creator),
            ),
            creator,
            item,
            // The key is known inside the transaction alone.
            audit: AuditEvent::new(
                principal.audit_actor(),
                AuditAction::WorkItemCreated,
                Subject::User(creator),
                context,
                now,
                &*self.entropy,
            )?,
        };
        match self.store.create_item(change).await? {
            CreateWorkItemOutcome::Created(item) => Ok(item),
            CreateWorkItemOutcome::NoSuchParent => Err(WorkItemError::NoSuchParent),
            CreateWorkItemOutcome::Conflict(conflict) => Err(conflict.into()),
            CreateWorkItemOutcome::NotAuthorized(refusal) => Err(refusal.into()),
        }
    }
}
