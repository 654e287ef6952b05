use async_trait::async_trait;

use crate::agent_run::WorkItemKey;
use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};

use super::{
    ChangeWorkItem, ChangeWorkItemOutcome, CreateWorkItem, CreateWorkItemOutcome, QueueSection,
    WorkItem, WorkItemCursor, WorkItemFilter,
};

/// Port: the storage of work items. Not required by services that only use tokens.
///
/// Items are returned in their state at `now`: without a claim that is no longer
/// [valid](super::Claim::is_valid).
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore), which also defines the atomicity of each
/// method.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait WorkItemStore: Send + Sync {
    /// Creates an item with the next number of its domain or parent. Keys are unique under
    /// concurrent calls.
    async fn create_item(
        &self,
        change: CreateWorkItem,
    ) -> Result<CreateWorkItemOutcome, StoreError>;

    /// Changes an item. Of concurrent claims of one item by different workers, exactly one
    /// succeeds. If the item is resolved or deleted, the runs that are bound to it end in the same
    /// step.
    async fn change_item(
        &self,
        change: ChangeWorkItem,
    ) -> Result<ChangeWorkItemOutcome, StoreError>;

    /// Returns one item.
    async fn item(&self, key: WorkItemKey, now: Timestamp) -> Result<Option<WorkItem>, StoreError>;

    /// Returns the items that match the filter, at most `limit`, newest first (descending
    /// [`WorkItemCursor`]), starting after `after`.
    async fn items(
        &self,
        filter: &WorkItemFilter,
        now: Timestamp,
        after: Option<WorkItemCursor>,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError>;

    /// Returns the first items of the section, at most `limit`, in its order.
    async fn queue(
        &self,
        section: &QueueSection,
        now: Timestamp,
        limit: u32,
    ) -> Result<Listing<WorkItem>, StoreError>;
}
