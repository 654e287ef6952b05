use std::sync::Arc;

use crate::access::{ActorError, Denial, Principal, Requirement};
use crate::agent_run::{AgentId, WorkItemKey};
use crate::clock::Clock;
use crate::entropy::{Entropy, EntropyError};
use crate::store::{Listing, StoreError};

use super::{
    QueueSection, WorkItem, WorkItemConflict, WorkItemCursor, WorkItemFilter, WorkItemStore, Worker,
};

/// The use cases of work items: [`create`](Self::create), [`get`](Self::get),
/// [`list`](Self::list), [`queue`](Self::queue) and [`change`](Self::change). Cheap to clone.
#[derive(Clone)]
pub struct WorkItems {
    pub(super) store: Arc<dyn WorkItemStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// Why a use case on a work item did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum WorkItemError {
    /// The acting credential is not good (any more), or may not do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// There is no such item.
    #[error("there is no such work item")]
    NotFound,
    /// There is no item that it could be a part of.
    #[error("there is no such parent")]
    NoSuchParent,
    /// A run works for its own agent alone.
    #[error("this run works for the agent {own} alone")]
    OtherAgent {
        /// That agent.
        own: AgentId,
    },
    /// It cannot be done as things stand.
    #[error(transparent)]
    Conflict(#[from] WorkItemConflict),
    /// No id could be made.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItemPage {
    /// The items, the newest first.
    pub items: Listing<WorkItem>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<WorkItemCursor>,
}

/// What there is to do, each part with its most urgent items first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// What an agent may take on.
    pub available: QueueBucket,
    /// What the one who asks works at.
    pub mine: QueueBucket,
}

/// A part of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueBucket {
    /// The first items.
    pub items: Listing<WorkItem>,
    /// Whether there are more.
    pub more: bool,
}

impl WorkItems {
    /// The use cases on a store, a clock and a source of entropy.
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

    /// One item.
    ///
    /// # Errors
    ///
    /// [`WorkItemError::NotFound`]; [`WorkItemError::Store`].
    pub async fn get(
        &self,
        principal: &Principal,
        key: WorkItemKey,
    ) -> Result<WorkItem, WorkItemError> {
        principal.authorize(Requirement::ANY_TOKEN)?;
        let found = self.store.item(key, self.clock.now()).await?;
        found.ok_or(WorkItemError::NotFound)
    }

    /// A page of the items that the filter wants, the newest first.
    ///
    /// # Errors
    ///
    /// [`WorkItemError::Store`].
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &WorkItemFilter,
        after: Option<WorkItemCursor>,
        limit: u32,
    ) -> Result<WorkItemPage, WorkItemError> {
        principal.authorize(Requirement::ANY_TOKEN)?;
        let now = self.clock.now();
        let mut items = self.store.items(filter, now, after, limit + 1).await?;
        let next = crate::page::cut(&mut items, limit, WorkItemCursor::of);
        Ok(WorkItemPage { items, next })
    }

    /// What there is to do: what any agent may take on, and what is in the hands of the one who asks:
    /// for a run, what was claimed in it; for a person, what `agent` works at in whatever run, or,
    /// where they name none, what is assigned to them.
    ///
    /// # Errors
    ///
    /// [`WorkItemError::OtherAgent`]; [`WorkItemError::Store`].
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
        Ok(Queue {
            available: self.bucket(&QueueSection::Available, limit).await?,
            mine: self.bucket(&mine, limit).await?,
        })
    }

    /// Returns what any person may take on, the most urgent first.
    ///
    /// # Errors
    ///
    /// [`WorkItemError::Store`].
    pub async fn available_to_people(
        &self,
        principal: &Principal,
        limit: u32,
    ) -> Result<QueueBucket, WorkItemError> {
        principal.authorize(Requirement::ANY_TOKEN)?;
        Ok(self.bucket(&QueueSection::AvailableToPeople, limit).await?)
    }

    async fn bucket(&self, bucket: &QueueSection, limit: u32) -> Result<QueueBucket, StoreError> {
        let found = self.store.queue(bucket, self.clock.now(), limit + 1);
        let mut items = found.await?;
        let more = items.count() > limit as usize;
        crate::page::cut(&mut items, limit, WorkItemCursor::of);
        Ok(QueueBucket { items, more })
    }
}
