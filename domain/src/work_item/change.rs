use crate::access::{ActingRecord, Actor, ActorError, Denial};
use crate::agent_run::{EndedRuns, WorkItemKey};
use crate::audit::{AuditAction, AuditEvent};
use crate::clock::Timestamp;
use crate::store::Damaged;
use crate::token::Token;
use crate::user::{User, UserId};
use crate::work_item::WorkItemAction;

use super::create::check_assignee;
use super::{
    Claim, Description, ExecutionTarget, ItemStatus, Priority, Title, WorkItem, WorkItemConflict,
    Worker,
};

/// An edit of an item; `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkItemEdit {
    /// The new title.
    pub title: Option<Title>,
    /// The new description.
    pub description: Option<Description>,
    /// The new status.
    pub status: Option<ItemStatus>,
    /// The new priority.
    pub priority: Option<Priority>,
    /// The new execution target.
    pub target: Option<ExecutionTarget>,
    /// The new assignee; `Some(None)` removes the assignee.
    pub assignee: Option<Option<UserId>>,
}

/// A change of a work item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkItemChange {
    /// Updates fields.
    Edit(WorkItemEdit),
    /// Claims the item for the worker.
    Claim,
    /// Releases the claim.
    Release,
    /// Completes the item.
    Complete,
    /// Deletes the item.
    Delete,
}

impl WorkItemChange {
    pub(super) const fn action(&self) -> AuditAction {
        match self {
            Self::Edit(_) => WorkItemAction::UPDATED,
            Self::Claim => WorkItemAction::CLAIMED,
            Self::Release => WorkItemAction::RELEASED,
            Self::Complete => WorkItemAction::COMPLETED,
            Self::Delete => WorkItemAction::DELETED,
        }
    }
}

/// A set of versions of a work item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    /// Only these versions.
    OneOf(Vec<u64>),
    /// All except these versions.
    NoneOf(Vec<u64>),
}

impl Versions {
    /// Every version.
    pub const ANY: Self = Self::NoneOf(Vec::new());

    /// Returns whether the set contains this version.
    #[must_use]
    pub fn contains(&self, version: u64) -> bool {
        match self {
            Self::OneOf(versions) => versions.contains(&version),
            Self::NoneOf(versions) => !versions.contains(&version),
        }
    }
}

/// The change of a work item, as passed to the store.
#[derive(Debug, Clone)]
pub struct ChangeWorkItem {
    /// The acting credential.
    pub actor: Actor,
    /// The worker who makes the change: a user, or the agent that they act for.
    pub worker: Worker,
    /// The item to change.
    pub key: WorkItemKey,
    /// The versions that the item may have; any other is a conflict.
    pub expected: Versions,
    /// The change to make.
    pub change: WorkItemChange,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`ChangeWorkItem`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum ChangeWorkItemOutcome {
    /// The updated item.
    Changed(WorkItem),
    /// The item, which had this state before; nothing changed, and no event was written.
    Unchanged(WorkItem),
    /// The item was deleted.
    Deleted,
    /// The item does not exist; nothing changed.
    NotFound,
    /// The current state of the item does not permit the change; nothing changed.
    Conflict(WorkItemConflict),
    /// The item's row is damaged; nothing changed.
    Damaged(Damaged),
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

/// What a store reads inside the transaction of a [`ChangeWorkItem`], under locks.
#[derive(Debug, Clone, Default)]
pub struct ChangeFacts {
    /// The item, without a claim that is no longer valid at [`Actor::now`].
    pub item: Option<WorkItem>,
    /// The damage of the item's row, in which case `item` is `None`.
    pub damaged: Option<Damaged>,
    /// Whether it has sub-tasks.
    pub has_sub_tasks: bool,
    /// The user with the id that [`ChangeWorkItem::new_assignee`] returns.
    pub assignee: Option<User>,
    /// The unrevoked runs that are bound to it.
    pub runs: Vec<Token>,
}

/// What a store must write when a work item changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeDecision {
    /// The updated item; `None` deletes it.
    pub item: Option<WorkItem>,
    /// The runs that end.
    pub runs: EndedRuns,
}

impl ChangeWorkItem {
    /// Returns the user to assign the item to, for the store to look up.
    #[must_use]
    pub fn new_assignee(&self) -> Option<UserId> {
        match &self.change {
            WorkItemChange::Edit(edit) => edit.assignee.flatten(),
            _ => None,
        }
    }

    /// Returns whether the changed item refers to the acting user, for whom the store calls
    /// [`ActingRecord::as_author`].
    #[must_use]
    pub fn stores_author(&self) -> bool {
        self.change == WorkItemChange::Claim
    }

    /// Decides the change, given the acting credential's record and the facts that the store read
    /// inside the transaction.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        facts: &ChangeFacts,
    ) -> Result<ChangeDecision, ChangeWorkItemOutcome> {
        self.actor
            .check(actor)
            .map_err(ChangeWorkItemOutcome::NotAuthorized)?;
        if let Some(damaged) = &facts.damaged {
            return self.delete_damaged(damaged, facts);
        }
        let item = facts.item.clone().filter(|item| item.key == self.key);
        let current = item.ok_or(ChangeWorkItemOutcome::NotFound)?;
        if matches!(self.worker, Worker::Agent { .. }) && self.retargets(&current) {
            // Only people may change who may claim an item.
            let denied = Denial::HumanTokenRequired;
            return Err(ChangeWorkItemOutcome::NotAuthorized(denied.into()));
        }
        if !self.expected.contains(current.version) {
            return Err(ChangeWorkItemOutcome::Conflict(
                WorkItemConflict::VersionMismatch {
                    current: current.version,
                },
            ));
        }
        let was_open = !current.status.is_resolved();
        let item = self
            .apply(&current, facts, actor)
            .map_err(ChangeWorkItemOutcome::Conflict)?;
        if item.as_ref() == Some(&current) {
            return Err(ChangeWorkItemOutcome::Unchanged(current));
        }
        let is_open = item.as_ref().is_some_and(|item| !item.status.is_resolved());
        Ok(ChangeDecision {
            runs: if was_open && !is_open {
                self.bound_runs(facts)
            } else {
                EndedRuns::default()
            },
            item: item.map(|item| WorkItem {
                version: current.version.saturating_add(1),
                updated_at: self.actor.now,
                ..item
            }),
        })
    }

    /// The claim and the version of a damaged item are unknown, so the only permitted change is its
    /// deletion by a user.
    fn delete_damaged(
        &self,
        damaged: &Damaged,
        facts: &ChangeFacts,
    ) -> Result<ChangeDecision, ChangeWorkItemOutcome> {
        let is_person = matches!(self.worker, Worker::Person(_));
        if !is_person || self.change != WorkItemChange::Delete || self.expected != Versions::ANY {
            return Err(ChangeWorkItemOutcome::Damaged(damaged.clone()));
        }
        if facts.has_sub_tasks {
            return Err(ChangeWorkItemOutcome::Conflict(
                WorkItemConflict::HasSubTasks,
            ));
        }
        Ok(ChangeDecision {
            item: None,
            runs: self.bound_runs(facts),
        })
    }

    /// Ends the runs that are bound to the item, which is now resolved or deleted.
    fn bound_runs(&self, facts: &ChangeFacts) -> EndedRuns {
        EndedRuns::with_subject(&self.audit, &facts.runs, |run| {
            run.run.as_ref().and_then(|run| run.work_item) == Some(self.key)
        })
    }

    fn retargets(&self, current: &WorkItem) -> bool {
        match &self.change {
            WorkItemChange::Edit(edit) => {
                edit.target.is_some_and(|target| target != current.target)
            }
            _ => false,
        }
    }

    /// Returns the changed item; the same if there is nothing to change, `None` if it is deleted.
    fn apply(
        &self,
        current: &WorkItem,
        facts: &ChangeFacts,
        actor: Option<&ActingRecord>,
    ) -> Result<Option<WorkItem>, WorkItemConflict> {
        let now = self.actor.now;
        match &self.change {
            WorkItemChange::Edit(edit) => {
                self.worker.check_may_change(current)?;
                check_assignee(self.new_assignee(), facts.assignee.as_ref())?;
                let edited = edit.apply(current, now)?;
                if edited.status != current.status {
                    self.worker.check_has_claim(current)?;
                }
                Ok(Some(edited))
            }
            WorkItemChange::Claim => {
                let user = actor.and_then(ActingRecord::owner).map(|owner| owner.id);
                self.worker.claim(current, user, now).map(Some)
            }
            WorkItemChange::Release => {
                self.worker.check_may_change(current)?;
                Ok(Some(self.worker.release(current, now)))
            }
            WorkItemChange::Complete => self.worker.complete(current, now).map(Some),
            WorkItemChange::Delete => {
                self.worker.check_may_change(current)?;
                self.worker.check_has_claim(current)?;
                if facts.has_sub_tasks {
                    return Err(WorkItemConflict::HasSubTasks);
                }
                Ok(None)
            }
        }
    }
}

impl WorkItemEdit {
    fn apply(&self, current: &WorkItem, now: Timestamp) -> Result<WorkItem, WorkItemConflict> {
        let mut item = current.clone();
        set(&mut item.title, self.title.as_ref());
        set(&mut item.description, self.description.as_ref());
        set(&mut item.priority, self.priority.as_ref());
        set(&mut item.target, self.target.as_ref());
        set(&mut item.assignee, self.assignee.as_ref());
        match self.status {
            Some(status) => to_status(item, status, now),
            None => Ok(item),
        }
    }
}

fn set<T: Clone>(field: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        field.clone_from(new);
    }
}

fn to_status(item: WorkItem, to: ItemStatus, now: Timestamp) -> Result<WorkItem, WorkItemConflict> {
    let from = item.status;
    if from != to && !from.next().contains(&to) {
        return Err(WorkItemConflict::Transition { from, to });
    }
    Ok(item.with_status(to, now))
}

impl Worker {
    /// Agents may not change items for people only, or items that another worker has claimed;
    /// people may.
    fn check_may_change(&self, item: &WorkItem) -> Result<(), WorkItemConflict> {
        if matches!(self, Self::Person(_)) {
            return Ok(());
        }
        if item.target == ExecutionTarget::Human {
            return Err(WorkItemConflict::WrongTarget(item.target));
        }
        match item.claimed_by_other(self) {
            Some(claim) => Err(WorkItemConflict::Claimed(claim.holder.clone())),
            None => Ok(()),
        }
    }

    /// Agents must claim an item before they change its status or delete it, so that no two work on
    /// the same item and no work is dropped unnoticed.
    fn check_has_claim(&self, item: &WorkItem) -> Result<(), WorkItemConflict> {
        if matches!(self, Self::Agent { .. }) && item.claim.is_none() {
            return Err(WorkItemConflict::NotClaimed);
        }
        Ok(())
    }

    /// `user` is the user of the acting credential.
    fn claim(
        &self,
        current: &WorkItem,
        user: Option<UserId>,
        now: Timestamp,
    ) -> Result<WorkItem, WorkItemConflict> {
        if current.status.is_resolved() {
            return Err(WorkItemConflict::Resolved(current.status));
        }
        if let Some(claim) = current.claimed_by_other(self) {
            return Err(WorkItemConflict::Claimed(claim.holder.clone()));
        }
        let not_for_us = match self {
            Self::Agent { .. } => ExecutionTarget::Human,
            Self::Person(_) => ExecutionTarget::Agent,
        };
        if current.target == not_for_us {
            return Err(WorkItemConflict::WrongTarget(current.target));
        }
        let mut item = current.clone();
        // The time of an existing claim of this worker is not changed.
        item.claim.get_or_insert_with(|| Claim {
            holder: self.as_holder(),
            run: self.run(),
            on_behalf: user.filter(|_| matches!(self, Self::Agent { run: None, .. })),
            at: now,
        });
        if let Self::Person(user) = self {
            item.assignee = Some(*user);
        }
        to_status(item, ItemStatus::InProgress, now)
    }

    /// Ends any claim, and the assignment as well if the claim is the user's own.
    fn release(&self, current: &WorkItem, now: Timestamp) -> WorkItem {
        let mut item = current.clone();
        let claim = item.claim.take();
        let own = match (self, &claim) {
            (Self::Person(_), Some(claim)) => self.is_holder(claim),
            (Self::Person(_), None) => true,
            (Self::Agent { .. }, _) => false,
        };
        if let Self::Person(user) = self
            && own
            && item.assignee == Some(*user)
            && !item.status.is_resolved()
        {
            item.assignee = None;
        }
        if claim.is_some() && item.status == ItemStatus::InProgress {
            return item.with_status(ItemStatus::Todo, now);
        }
        item
    }

    fn complete(&self, current: &WorkItem, now: Timestamp) -> Result<WorkItem, WorkItemConflict> {
        if current.status == ItemStatus::Done {
            return Ok(current.clone());
        }
        self.check_may_change(current)?;
        if !current.status.is_resolved() {
            self.check_has_claim(current)?;
        }
        to_status(current.clone(), ItemStatus::Done, now)
    }
}
