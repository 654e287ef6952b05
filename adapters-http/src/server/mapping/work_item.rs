//! Problems about work items.

use openindex_domain::work_item::{
    ExecutionTarget, Holder, ItemStatus, WorkItemConflict, WorkItemError,
};

use crate::server::{Code, Problem};
use crate::wire;

impl From<WorkItemError> for Problem {
    fn from(error: WorkItemError) -> Self {
        match error {
            WorkItemError::NotAuthorized(error) => error.into(),
            WorkItemError::NotFound => Self::new(
                Code::NotFound,
                "work item not found; it may have been deleted",
            )
            .next("oi work-item list"),
            WorkItemError::ParentNotFound => {
                Self::invalid_field("parent", &"must be the key of an existing project or task")
                    .next("oi work-item list")
            }
            WorkItemError::OtherAgent { own } => Self::new(
                Code::AgentMismatch,
                format!(
                    "this agent run belongs to {own}; leave agentId out, or start a run for the \
                     other agent"
                ),
            ),
            WorkItemError::Conflict(conflict) => conflict.into(),
            WorkItemError::Entropy(error) => error.into(),
            WorkItemError::Store(error) => Self::of_row(error),
        }
    }
}

impl From<WorkItemConflict> for Problem {
    fn from(conflict: WorkItemConflict) -> Self {
        match conflict {
            WorkItemConflict::VersionMismatch { current } => Self::new(
                Code::VersionMismatch,
                format!(
                    "the work item is at version {current}, which does not satisfy If-Match or \
                     If-None-Match; read it again, then send If-Match: \"{current}\""
                ),
            ),
            WorkItemConflict::Resolved(status) => Self::new(
                Code::WorkItemResolved,
                format!(
                    "the work item is {status}; set its status to todo to reopen it, or choose \
                     another work item"
                ),
            )
            .next("oi queue list"),
            WorkItemConflict::Claimed(Holder::Agent(agent)) => Self::new(
                Code::WorkItemClaimed,
                format!(
                    "claimed by the agent {agent}; choose another work item, or wait until it is \
                     released or the agent's run ends"
                ),
            )
            .held_by(wire::Holder::AgentId(agent.to_string()))
            .next("oi queue list"),
            WorkItemConflict::Claimed(Holder::Person(user)) => Self::new(
                Code::WorkItemClaimed,
                format!(
                    "claimed by {user}; choose another work item, or wait until it is released"
                ),
            )
            .held_by(wire::Holder::UserId(user.to_string()))
            .next("oi queue list"),
            WorkItemConflict::NotClaimed => Self::new(
                Code::WorkItemNotClaimed,
                "an agent run must claim a work item before it changes the status or deletes it; \
                 claim this one first",
            )
            .next("oi work-item claim --help"),
            WorkItemConflict::WrongTarget(target) => Self::new(
                Code::WrongExecutionTarget,
                format!(
                    "the work item's executionTarget is {target}: {}; choose another work item, \
                     or change the executionTarget of this one",
                    match target {
                        ExecutionTarget::Human => "only people can claim it",
                        ExecutionTarget::Agent => "only agents can claim it",
                        ExecutionTarget::Either => "another worker must claim it",
                    }
                ),
            )
            .next("oi queue list"),
            WorkItemConflict::Transition { from, to } => Self::new(
                Code::InvalidTransition,
                format!(
                    "a work item cannot change from {from} to {to}; allowed: {}",
                    names(from.next())
                ),
            ),
            WorkItemConflict::HasSubTasks => Self::new(
                Code::HasSubTasks,
                "the work item has sub-tasks; delete them first",
            )
            .next("oi work-item list"),
            WorkItemConflict::NestedSubTask => Self::invalid_field(
                "parent",
                &"must be a project or task; a sub-task cannot have sub-tasks",
            ),
            WorkItemConflict::AssigneeNotFound => Self::invalid_field(
                "assignee",
                &"must be the id of an existing user who is not suspended",
            ),
            WorkItemConflict::NumbersExhausted => Self::new(
                Code::NumbersExhausted,
                "this domain or parent has no work item numbers left; choose another one",
            ),
        }
    }
}

fn names(statuses: &[ItemStatus]) -> String {
    let names: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
    names.join(", ")
}
