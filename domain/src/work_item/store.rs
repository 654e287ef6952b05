use async_trait::async_trait;

use crate::agent_run::WorkItemKey;
use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};

use super::{
    ChangeWorkItem, ChangeWorkItemOutcome, CreateWorkItem, CreateWorkItemOutcome, QueueSection,
    WorkItem, WorkItemCursor, WorkItemFilter,
};

/// Port: where work items are kept. A service with tokens alone does without it.
///
/// Items are answered as they are at `now`: without a claim that does not
/// [hold](super::Claim::holds) any more.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore); so is what makes a method one atomic step.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait WorkItemStore: Send + Sync {
    /// Makes an item with the next number of its domain or parent. However many calls run at the
    /// same time, no two items have one key.
    async fn create_item(
        &self,
        change: CreateWorkItem,
    ) -> Result<CreateWorkItemOutcome, StoreError>;

    /// Changes an item. Of any number of claims of one item, by different workers, one succeeds.
    /// When the item is resolved or deleted by it, the runs that are bound to it end with it.
    async fn change_item(
        &self,
        change: ChangeWorkItem,
    ) -> Result<ChangeWorkItemOutcome, StoreError>;

    /// One item.
    async fn item(&self, key: WorkItemKey, now: Timestamp) -> Result<Option<WorkItem>, StoreError>;

    /// Items that the filter wants, at most `limit`, the newest first (in the reverse order of
    /// [`WorkItemCursor`]), beginning after `after`.
    async fn items(
        &self,
        filter: &WorkItemFilter,
        now: Timestamp,
        after: Option<WorkItemCursor>,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError>;

    /// The first items of the bucket, at most `limit`, in its order.
    async fn queue(
        &self,
        bucket: &QueueSection,
        now: Timestamp,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError>;
}
