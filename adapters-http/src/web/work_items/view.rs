use openindex_domain::clock::Timestamp;
use openindex_domain::user::UserId;
use openindex_domain::work_item::{
    ExecutionTarget, Holder, ItemKind, ItemStatus, Priority, WorkItem, WorkItemConflict,
};

use crate::web::{Badge, Moment, Names, Shown};

/// A work item in a list or on its page.
pub(super) struct ItemView {
    pub(super) key: String,
    pub(super) kind: &'static str,
    pub(super) title: Shown,
    pub(super) status: Badge,
    pub(super) is_resolved: bool,
    pub(super) priority: &'static str,
    pub(super) is_pressing: bool,
    pub(super) target: &'static str,
    /// The name and ID of the assignee.
    pub(super) assignee: Option<(Shown, String)>,
    pub(super) claim: Option<ClaimView>,
    pub(super) is_for_agents: bool,
    pub(super) updated: Moment,
    pub(super) version: u64,
}

/// The claim of an item.
pub(super) struct ClaimView {
    pub(super) who: Shown,
    pub(super) is_agent: bool,
    pub(super) is_mine: bool,
    pub(super) since: Moment,
}

/// Returns the users that an item's row mentions.
pub(super) fn users_of(item: &WorkItem) -> impl Iterator<Item = UserId> {
    let claim = item.claim.as_ref();
    let holder = claim.and_then(|claim| claim.holder.person());
    item.assignee.into_iter().chain(holder)
}

impl ItemView {
    pub(super) fn of(item: &WorkItem, me: UserId, names: &Names, now: Timestamp) -> Self {
        Self {
            key: item.key.to_string(),
            kind: kind(item.kind),
            title: Shown::of(item.title.as_str()),
            status: Badge::new(
                status(item.status),
                match item.status {
                    ItemStatus::InProgress => "warn",
                    ItemStatus::Done => "good",
                    ItemStatus::Todo | ItemStatus::Cancelled => "calm",
                },
            ),
            is_resolved: item.status.is_resolved(),
            priority: priority(item.priority),
            is_pressing: item.priority >= Priority::High,
            target: target(item.target),
            assignee: item
                .assignee
                .map(|user| (names.get(user), user.to_string())),
            claim: item.claim.as_ref().map(|claim| ClaimView {
                who: match &claim.holder {
                    Holder::Person(user) => names.get(*user),
                    Holder::Agent(agent) => Shown::of(agent.as_str()),
                },
                is_agent: claim.holder.agent().is_some(),
                is_mine: claim.holder.person() == Some(me),
                since: Moment::new(claim.at, now),
            }),
            is_for_agents: item.target == ExecutionTarget::Agent,
            updated: Moment::new(item.updated_at, now),
            version: item.version,
        }
    }

    /// Returns whether the user can claim the item.
    pub(super) const fn can_be_claimed(&self) -> bool {
        !self.is_resolved && self.claim.is_none() && !self.is_for_agents
    }

    pub(super) fn is_mine(&self) -> bool {
        self.claim.as_ref().is_some_and(|claim| claim.is_mine)
    }
}

pub(super) const fn kind(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Project => "Project",
        ItemKind::Task => "Task",
        ItemKind::SubTask => "Sub-task",
    }
}

pub(super) const fn status(status: ItemStatus) -> &'static str {
    match status {
        ItemStatus::Todo => "To do",
        ItemStatus::InProgress => "In progress",
        ItemStatus::Done => "Done",
        ItemStatus::Cancelled => "Cancelled",
    }
}

pub(super) const fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Low => "Low",
        Priority::Medium => "Medium",
        Priority::High => "High",
        Priority::Urgent => "Urgent",
    }
}

pub(super) const fn target(target: ExecutionTarget) -> &'static str {
    match target {
        ExecutionTarget::Human => "People",
        ExecutionTarget::Agent => "Agents",
        ExecutionTarget::Either => "Anyone",
    }
}

/// Returns the message for a conflict.
pub(super) fn conflict(conflict: &WorkItemConflict, names: &Names) -> String {
    match conflict {
        WorkItemConflict::VersionMismatch { .. } => {
            "This item has changed since you opened it. Nothing was done; review it and try again."
                .to_owned()
        }
        WorkItemConflict::Resolved(now) => format!(
            "This item is {}. Change its status to work on it again.",
            status(*now).to_lowercase()
        ),
        WorkItemConflict::Claimed(Holder::Person(user)) => {
            format!("{} is working on this item.", names.get(*user).as_str())
        }
        WorkItemConflict::Claimed(Holder::Agent(agent)) => {
            format!("The agent {agent} is working on this item.")
        }
        WorkItemConflict::NotClaimed => "The agent must claim this item first.".to_owned(),
        WorkItemConflict::WrongTarget(only) => format!(
            "Only {} can claim this item. To change that, edit “Who can claim it”.",
            target(*only).to_lowercase()
        ),
        WorkItemConflict::Transition { from, to } => format!(
            "The status can’t change from {} to {}.",
            status(*from),
            status(*to)
        ),
        WorkItemConflict::HasSubTasks => "This item has sub-tasks. Delete them first.".to_owned(),
        WorkItemConflict::NestedSubTask => "A sub-task can’t have sub-tasks.".to_owned(),
        WorkItemConflict::AssigneeNotFound => {
            "The assignee doesn’t exist or is suspended. Choose someone else.".to_owned()
        }
        WorkItemConflict::NumbersExhausted => {
            "This domain or parent item has no numbers left. Choose another one.".to_owned()
        }
    }
}
