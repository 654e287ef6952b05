use super::{ExecutionTarget, Holder, ItemStatus};

/// Why the current state of a work item does not permit a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkItemConflict {
    /// It has another version than the caller expected.
    #[error("the item has changed and is now at version {current}")]
    VersionMismatch {
        /// The current version.
        current: u64,
    },
    /// It is done or cancelled.
    #[error("the item is already {0}")]
    Resolved(ItemStatus),
    /// Another worker has claimed it.
    #[error("the item is claimed by {}", .0.describe())]
    Claimed(Holder),
    /// An agent tried to change its status or to delete it without a claim.
    #[error("the item must be claimed first")]
    NotClaimed,
    /// It is only for people, or only for agents.
    #[error("the item's execution target is {0}")]
    WrongTarget(ExecutionTarget),
    /// The status transition is invalid.
    #[error("invalid status transition from {from} to {to}")]
    Transition {
        /// The current status.
        from: ItemStatus,
        /// The requested status.
        to: ItemStatus,
    },
    /// It has sub-tasks, which would be lost.
    #[error("the item has sub-tasks")]
    HasSubTasks,
    /// A sub-task cannot have sub-tasks.
    #[error("a sub-task cannot have sub-tasks")]
    NestedSubTask,
    /// The assignee does not exist or is suspended.
    #[error("the assignee does not exist or is suspended")]
    AssigneeNotFound,
    /// The domain or the parent has no numbers left.
    #[error("there are no numbers left")]
    NumbersExhausted,
}

impl Holder {
    fn describe(&self) -> String {
        match self {
            Self::Agent(agent) => format!("agent {agent}"),
            Self::Person(user) => format!("user {user}"),
        }
    }
}
