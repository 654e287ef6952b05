use super::{ExecutionTarget, Holder, ItemStatus};

/// Why the current state of a work item does not permit a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkItemConflict {
    /// It has another version than the caller expected.
    #[error("it has version {current} by now")]
    VersionMismatch {
        /// The current version.
        current: u64,
    },
    /// It is done or cancelled.
    #[error("it is {0}")]
    Resolved(ItemStatus),
    /// Another worker has claimed it.
    #[error("{} works at it", .0.describe())]
    Claimed(Holder),
    /// An agent tried to change its status or to delete it without a claim.
    #[error("it must be claimed first")]
    NotClaimed,
    /// It is only for people, or only for agents.
    #[error("its execution target is {0}")]
    WrongTarget(ExecutionTarget),
    /// The status transition is invalid.
    #[error("{to} does not follow on {from}")]
    Transition {
        /// The current status.
        from: ItemStatus,
        /// The requested status.
        to: ItemStatus,
    },
    /// It has sub-tasks, which would be lost.
    #[error("it has sub-tasks")]
    HasParts,
    /// A sub-task cannot have sub-tasks.
    #[error("it is a sub-task itself")]
    PartOfPart,
    /// The assignee does not exist or is suspended.
    #[error("there is no such user to assign it to")]
    NoSuchAssignee,
    /// The domain or the parent has no numbers left.
    #[error("there is no number left")]
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
