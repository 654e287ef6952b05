//! What goes wrong with work items.

use openindex_domain::work_item::{
    ExecutionTarget, Holder, ItemStatus, WorkItemConflict, WorkItemError,
};

use crate::server::{Code, Problem};
use crate::wire;

impl From<WorkItemError> for Problem {
    fn from(error: WorkItemError) -> Self {
        match error {
            WorkItemError::NotAuthorized(refusal) => refusal.into(),
            WorkItemError::NotFound => Self::new(
                Code::NotFound,
                "there is no work item with this key, or it was deleted",
            )
            .next("oi work-item list"),
            WorkItemError::ParentNotFound => Self::invalid_field(
                "parent",
                &"must be the key of a project or task; there is none with this one",
            )
            .next("oi work-item list"),
            WorkItemError::OtherAgent { own } => Self::new(
                Code::AgentMismatch,
                format!(
                    "this agent run works for {own} alone; leave agentId out, or start a run for \
                     the other agent"
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
                    "the work item has version {current} by now, which If-Match or If-None-Match \
                     rules out; read it again, then send If-Match: \"{current}\""
                ),
            ),
            WorkItemConflict::Resolved(status) => Self::new(
                Code::WorkItemResolved,
                format!(
                    "the work item is {status}, so there is nothing left to do; set its status to \
                     todo to take it up again, or choose other work"
                ),
            )
            .next("oi queue list"),
            WorkItemConflict::Claimed(Holder::Agent(agent)) => Self::new(
                Code::WorkItemClaimed,
                format!(
                    "the agent {agent} works at it; choose other work, or wait until it is \
                     released or its run ends"
                ),
            )
            .held_by(wire::Holder::AgentId(agent.to_string()))
            .next("oi queue list"),
            WorkItemConflict::Claimed(Holder::Person(user)) => Self::new(
                Code::WorkItemClaimed,
                format!("{user} works at it; choose other work, or wait until it is released"),
            )
            .held_by(wire::Holder::UserId(user.to_string()))
            .next("oi queue list"),
            WorkItemConflict::NotClaimed => Self::new(
                Code::WorkItemNotClaimed,
                "an agent gives another status only to what it works at, and deletes nothing else; \
                 claim the work item first",
            )
            .next("oi work-item claim --help"),
            WorkItemConflict::WrongTarget(target) => Self::new(
                Code::WrongExecutionTarget,
                format!(
                    "the execution target of the work item is {target}, so {}; choose other work, \
                     or have its executionTarget changed",
                    match target {
                        ExecutionTarget::Human => "no agent may take it on",
                        ExecutionTarget::Agent => "no person may take it on",
                        ExecutionTarget::Either => "somebody else must take it on",
                    }
                ),
            )
            .next("oi queue list"),
            WorkItemConflict::Transition { from, to } => Self::new(
                Code::InvalidTransition,
                format!(
                    "the work item is {from}, and {to} does not follow on that; what may follow: {}",
                    names(from.next())
                ),
            ),
            WorkItemConflict::HasSubTasks => Self::new(
                Code::HasSubTasks,
                "the work item has sub-tasks, which would be lost with it; delete them first",
            )
            .next("oi work-item list"),
            WorkItemConflict::NestedSubTask => Self::invalid_field(
                "parent",
                &"must be a project or task; a sub-task has no sub-tasks of its own",
            ),
            WorkItemConflict::AssigneeNotFound => Self::invalid_field(
                "assignee",
                &"must be the id of a user who is not suspended; there is none with this one",
            ),
            WorkItemConflict::NumbersExhausted => Self::new(
                Code::NumbersExhausted,
                "there is no number left for another work item here; choose another domain or \
                 parent",
            ),
        }
    }
}

fn names(statuses: &[ItemStatus]) -> String {
    let names: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
    names.join(", ")
}
