use std::sync::Arc;

use crate::access::{ActorError, Denial, Principal, Requirement};
use crate::agent_run::{AgentId, WorkItemKey};
use crate::audit::{RequestContext, Subject};
use crate::change::begin;
use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, EntropyError};
use crate::page::PageSize;
use crate::store::{Listing, StoreError};
use crate::work_item::WorkItemAction;

use super::{
    ChangeWorkItem, ChangeWorkItemOutcome, CreateWorkItem, CreateWorkItemOutcome, NewWorkItem,
    QueueSection, Versions, WorkItem, WorkItemChange, WorkItemConflict, WorkItemCursor,
    WorkItemFilter, WorkItemStore, Worker,
};

/// The use cases of work items: [`create`](Self::create), [`get`](Self::get),
/// [`list`](Self::list), [`queue`](Self::queue) and [`change`](Self::change). Cheap to clone.
#[derive(Clone)]
pub struct WorkItems {
    pub(super) store: Arc<dyn WorkItemStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// A failure of a use case on work items.
#[derive(Debug, thiserror::Error)]
pub enum WorkItemError {
    /// The acting credential is invalid, or not permitted to do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// The work item does not exist.
    #[error("work item not found")]
    NotFound,
    /// The parent does not exist.
    #[error("parent not found")]
    ParentNotFound,
    /// A run can only work for its own agent.
    #[error("this agent run can only work for the agent {own}")]
    OtherAgent {
        /// The run's agent.
        own: AgentId,
    },
    /// The current state of the item does not permit the change.
    #[error(transparent)]
    Conflict(#[from] WorkItemConflict),
    /// No id could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Denial> for WorkItemError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}

/// A page of work items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkItemPage {
    /// The items, newest first.
    pub items: Listing<WorkItem>,
    /// Pass it as `after` for the next page; `None` on the last page.
    pub next: Option<WorkItemCursor>,
}

/// The queue: sections of open items, most urgent first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Items that an agent can claim.
    pub available: QueueItems,
    /// Items that the caller is working on.
    pub mine: QueueItems,
}

/// The first items of a section of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueItems {
    /// The items.
    pub items: Listing<WorkItem>,
    /// Whether the section has more items.
    pub more: bool,
}

impl WorkItems {
    /// Creates the use cases on a store, a clock and a source of entropy.
    #[must_use]
    pub fn new(
        store: Arc<dyn WorkItemStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
        }
    }

    /// Returns one work item.
    ///
    /// # Errors
    ///
    /// [`WorkItemError::NotAuthorized`] when the principal is not permitted to read work items;
    /// [`WorkItemError::NotFound`] when the item does not exist; [`WorkItemError::Store`] when the
    /// store fails.
    pub async fn get(
        &self,
        principal: &Principal,
        key: WorkItemKey,
    ) -> Result<WorkItem, WorkItemError> {
        principal.authorize(Requirement::ANY_TOKEN)?;
        let found = self.store.item(key, self.clock.now()).await?;
        found.ok_or(WorkItemError::NotFound)
    }

    /// Returns a page of the items that match the filter, newest first. `limit` is clamped to 1 to
    /// [`MAX_PAGE`](crate::page::MAX_PAGE), in all lists of this type.
    ///
    /// # Errors
    ///
    /// [`WorkItemError::NotAuthorized`] when the principal is not permitted to read work items;
    /// [`WorkItemError::Store`] when the store fails.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &WorkItemFilter,
        after: Option<WorkItemCursor>,
        limit: u32,
    ) -> Result<WorkItemPage, WorkItemError> {
        principal.authorize(Requirement::ANY_TOKEN)?;
        let now = self.clock.now();
        let limit = PageSize::clamp(limit);
        let found = self.store.items(filter, now, after, limit.rows_to_read());
        let mut items = found.await?;
        let next = limit.truncate(&mut items, WorkItemCursor::of);
        Ok(WorkItemPage { items, next })
    }

    /// Returns the queue: the items that any agent can claim, and those that the caller is working
    /// on. The latter are, for a run, the items claimed in it; for a user, the items that `agent`
    /// has claimed in any run, or without an agent, the items assigned to the user.
    ///
    /// # Errors
    ///
    /// [`WorkItemError::NotAuthorized`] when the principal is not permitted to read work items;
    /// [`WorkItemError::OtherAgent`] for a run that names another agent; [`WorkItemError::Store`]
    /// when the store fails.
    pub async fn queue(
        &self,
        principal: &Principal,
        agent: Option<AgentId>,
        limit: u32,
    ) -> Result<Queue, WorkItemError> {
        principal.authorize(Requirement::ANY_TOKEN)?;
        let mine = match Worker::of(principal, agent)? {
            Worker::Person(user) => QueueSection::OfPerson(user),
            Worker::Agent { run: Some(run), .. } => QueueSection::OfRun(run),
            Worker::Agent { agent, run: None } => QueueSection::OfAgent(agent),
        };
        let now = self.clock.now();
        Ok(Queue {
            available: self.section(&QueueSection::Available, now, limit).await?,
            mine: self.section(&mine, now, limit).await?,
        })
    }

    /// Returns the items that any user can claim, most urgent first.
    ///
    /// # Errors
    ///
    /// [`WorkItemError::NotAuthorized`] when the principal is not permitted to read work items;
    /// [`WorkItemError::Store`] when the store fails.
    pub async fn available_to_people(
        &self,
        principal: &Principal,
        limit: u32,
    ) -> Result<QueueItems, WorkItemError> {
        principal.authorize(Requirement::ANY_TOKEN)?;
        Ok(self
            .section(&QueueSection::AvailableToPeople, self.clock.now(), limit)
            .await?)
    }

    async fn section(
        &self,
        section: &QueueSection,
        now: Timestamp,
        limit: u32,
    ) -> Result<QueueItems, StoreError> {
        let limit = PageSize::clamp(limit);
        let found = self.store.queue(section, now, limit.rows_to_read());
        let mut items = found.await?;
        let more = items.count() > limit.rows() as usize;
        limit.truncate(&mut items, WorkItemCursor::of);
        Ok(QueueItems { items, more })
    }

    /// Creates a work item. The first item of a domain creates the domain.
    ///
    /// # Errors
    ///
    /// - [`WorkItemError::NotAuthorized`] for a run that is bound to a work item; with
    ///   [`ActorError::FormUsed`] when the form of `context` has created an item before.
    /// - [`WorkItemError::ParentNotFound`] when the parent does not exist.
    /// - [`WorkItemError::Conflict`] when the parent or the assignee cannot be used, or no number
    ///   is left.
    /// - [`WorkItemError::Entropy`] and [`WorkItemError::Store`] when a port fails.
    pub async fn create(
        &self,
        principal: &Principal,
        item: NewWorkItem,
        context: &RequestContext,
    ) -> Result<WorkItem, WorkItemError> {
        let creator = principal.user_id();
        // The key is known only inside the transaction.
        let subject = Subject::User(creator);
        principal.authorize_work_item_change(None)?;
        let (actor, audit) = begin::<WorkItemError>(
            principal,
            Requirement::ANY_TOKEN,
            (WorkItemAction::CREATED, subject),
            context,
            self.clock.now(),
            &*self.entropy,
        )?;
        let change = CreateWorkItem {
            actor: actor.with_form(context.form, creator, subject),
            creator,
            item,
            audit,
        };
        match self.store.create_item(change).await? {
            CreateWorkItemOutcome::Created(item) => Ok(item),
            CreateWorkItemOutcome::ParentNotFound => Err(WorkItemError::ParentNotFound),
            CreateWorkItemOutcome::Conflict(conflict) => Err(conflict.into()),
            CreateWorkItemOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }

    /// Updates, claims, releases, completes or deletes a work item. `agent` is the agent that a
    /// user acts for; a run always acts for its own agent. `expected` are the versions that the
    /// item may have. Returns the updated item, or `None` if it was deleted. Repeating a change is
    /// not an error.
    ///
    /// # Errors
    ///
    /// - [`WorkItemError::NotFound`] when the item does not exist.
    /// - [`WorkItemError::NotAuthorized`] for a run that is bound to another item.
    /// - [`WorkItemError::OtherAgent`] for a run that names another agent.
    /// - [`WorkItemError::Conflict`] when the current state of the item does not permit the change.
    /// - [`WorkItemError::Entropy`] and [`WorkItemError::Store`] when a port fails.
    pub async fn change(
        &self,
        principal: &Principal,
        agent: Option<AgentId>,
        key: WorkItemKey,
        expected: Versions,
        change: WorkItemChange,
        context: &RequestContext,
    ) -> Result<Option<WorkItem>, WorkItemError> {
        principal.authorize_work_item_change(Some(key))?;
        let worker = Worker::of(principal, agent)?;
        let (actor, audit) = begin::<WorkItemError>(
            principal,
            Requirement::ANY_TOKEN,
            (change.action(), Subject::WorkItem(key)),
            context,
            self.clock.now(),
            &*self.entropy,
        )?;
        let change = ChangeWorkItem {
            actor,
            worker,
            key,
            expected,
            change,
            audit,
        };
        match self.store.change_item(change).await? {
            ChangeWorkItemOutcome::Changed(item) | ChangeWorkItemOutcome::Unchanged(item) => {
                Ok(Some(item))
            }
            ChangeWorkItemOutcome::Deleted => Ok(None),
            ChangeWorkItemOutcome::NotFound => Err(WorkItemError::NotFound),
            ChangeWorkItemOutcome::Conflict(conflict) => Err(conflict.into()),
            ChangeWorkItemOutcome::Damaged(damaged) => Err(WorkItemError::Store(damaged.into())),
            ChangeWorkItemOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }
}

impl Worker {
    /// Returns the worker that `principal` acts as: for `agent` if it is given.
    ///
    /// # Errors
    ///
    /// [`WorkItemError::OtherAgent`] when a run names an agent other than its own.
    pub fn of(principal: &Principal, agent: Option<AgentId>) -> Result<Self, WorkItemError> {
        let own = principal.token().and_then(|token| {
            let run = token.run.as_ref()?;
            Some((token.id, &run.agent))
        });
        match (own, agent) {
            (Some((_, own)), Some(agent)) if agent != *own => {
                Err(WorkItemError::OtherAgent { own: own.clone() })
            }
            (Some((run, own)), _) => Ok(Self::Agent {
                agent: own.clone(),
                run: Some(run),
            }),
            (None, Some(agent)) => Ok(Self::Agent { agent, run: None }),
            (None, None) => Ok(Self::Person(principal.user_id())),
        }
    }
}
