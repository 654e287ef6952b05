use crate::audit::{AuditAction, SharedSubject};
use crate::id::WorkItemKey;
use crate::vocabulary::vocabulary;

vocabulary! {
    /// What is done to work items.
    WorkItemAction: AuditAction {
        /// A work item was created.
        CREATED = "work_item.created",
        /// A work item was updated.
        UPDATED = "work_item.updated",
        /// A work item was claimed.
        CLAIMED = "work_item.claimed",
        /// A work item was released.
        RELEASED = "work_item.released",
        /// A work item was completed.
        COMPLETED = "work_item.completed",
        /// A work item was deleted.
        DELETED = "work_item.deleted",
    }
}

impl SharedSubject for WorkItemKey {}
