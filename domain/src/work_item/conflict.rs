use super::{ExecutionTarget, Holder, ItemStatus};

/// Why something cannot be done as things stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkItemConflict {
    /// It was changed meanwhile.
    #[error("it has version {current} by now")]
    VersionMismatch {
        /// Its version.
        current: u64,
    },
    /// There is nothing left to do.
    #[error("it is {0}")]
    Resolved(ItemStatus),
    /// Somebody else works at it.
    #[error("{} works at it", .0.describe())]
    Claimed(Holder),
    /// An agent that does not work at it would give it another status or delete it.
    #[error("it must be claimed first")]
    NotClaimed,
    /// It is for people, or for agents, alone.
    #[error("its execution target is {0}")]
    WrongTarget(ExecutionTarget),
    /// The one status does not follow on the other.
    #[error("{to} does not follow on {from}")]
    Transition {
        /// Where it stands.
        from: ItemStatus,
        /// Where it cannot go.
        to: ItemStatus,
    },
    /// It has parts, which would be lost.
    #[error("it has sub-tasks")]
    HasParts,
    /// A part has no parts of its own.
    #[error("it is a sub-task itself")]
    PartOfPart,
    /// There is no such user, or they are suspended.
    #[error("there is no such user to assign it to")]
    NoSuchAssignee,
    /// The domain or the item has as many as there are numbers.
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
