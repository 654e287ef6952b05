use std::fmt;
use std::str::FromStr;

use crate::agent_run::{AgentId, DomainKey, WorkItemKey};
use crate::clock::Timestamp;
use crate::token::TokenId;
use crate::user::UserId;

use super::{ExecutionTarget, ItemKind, ItemStatus, Priority, SearchTerms, WorkItem};

/// A filter of work items. An item must match every field that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkItemFilter {
    /// Only items of this domain.
    pub domain: Option<DomainKey>,
    /// Only items of this kind.
    pub kind: Option<ItemKind>,
    /// Only items with one of these statuses; empty means any.
    pub statuses: Vec<ItemStatus>,
    /// Only items with this priority.
    pub priority: Option<Priority>,
    /// Only items with this execution target.
    pub target: Option<ExecutionTarget>,
    /// Only items assigned to this user.
    pub assignee: Option<UserId>,
    /// Only items claimed by this agent.
    pub agent: Option<AgentId>,
    /// Only items claimed in this run.
    pub run: Option<TokenId>,
    /// Only sub-tasks of this item.
    pub parent: Option<WorkItemKey>,
    /// Only items that contain all of these words.
    pub search: SearchTerms,
}

impl WorkItemFilter {
    /// Returns whether the item matches. This defines what a store's query must return.
    #[must_use]
    pub fn matches(&self, item: &WorkItem) -> bool {
        let text = item.search_text();
        let run = item.claim.as_ref().and_then(|claim| claim.run);
        self.domain.is_none_or(|domain| item.key.domain == domain)
            && self.kind.is_none_or(|kind| item.kind == kind)
            && (self.statuses.is_empty() || self.statuses.contains(&item.status))
            && self
                .priority
                .is_none_or(|priority| item.priority == priority)
            && self.target.is_none_or(|target| item.target == target)
            && self.assignee.is_none_or(|user| item.assignee == Some(user))
            && self
                .agent
                .as_ref()
                .is_none_or(|agent| item.agent() == Some(agent))
            && self.run.is_none_or(|id| run == Some(id))
            && self
                .parent
                .is_none_or(|parent| item.key.parent() == Some(parent))
            && self
                .search
                .terms()
                .iter()
                .all(|term| text.contains(term.as_str()))
    }
}

/// The position of a work item in a list, by creation time and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkItemCursor {
    /// When the item was created.
    pub at: Timestamp,
    /// The item's key.
    pub key: WorkItemKey,
}

impl WorkItemCursor {
    /// Returns the position of `item`.
    #[must_use]
    pub const fn of(item: &WorkItem) -> Self {
        Self {
            at: item.created_at,
            key: item.key,
        }
    }
}

impl fmt::Display for WorkItemCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.at.unix_millis(), self.key)
    }
}

/// The text is not a cursor of a list of work items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid cursor")]
pub struct InvalidWorkItemCursor;

impl FromStr for WorkItemCursor {
    type Err = InvalidWorkItemCursor;

    fn from_str(text: &str) -> Result<Self, InvalidWorkItemCursor> {
        let (at, key) = text.split_once('~').ok_or(InvalidWorkItemCursor)?;
        let at = at.parse().ok().and_then(Timestamp::from_unix_millis);
        Ok(Self {
            at: at.ok_or(InvalidWorkItemCursor)?,
            key: key.parse().map_err(|_| InvalidWorkItemCursor)?,
        })
    }
}

/// A section of the queue, ordered by priority (most urgent first), creation and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueSection {
    /// Items that an agent can claim: see [`WorkItem::is_available`].
    Available,
    /// Items that a user can claim: see [`WorkItem::is_available_to_people`].
    AvailableToPeople,
    /// Unresolved items that this agent has claimed, in any run.
    OfAgent(AgentId),
    /// Unresolved items that were claimed in this run.
    OfRun(TokenId),
    /// Unresolved items that are assigned to this user.
    OfPerson(UserId),
}

impl QueueSection {
    /// Returns whether the section contains the item. This defines what a store's query must
    /// return.
    #[must_use]
    pub fn contains(&self, item: &WorkItem) -> bool {
        let run = item.claim.as_ref().and_then(|claim| claim.run);
        match self {
            Self::Available => item.is_available(),
            Self::AvailableToPeople => item.is_available_to_people(),
            Self::OfAgent(agent) => !item.status.is_resolved() && item.agent() == Some(agent),
            Self::OfRun(id) => !item.status.is_resolved() && run == Some(*id),
            Self::OfPerson(user) => !item.status.is_resolved() && item.assignee == Some(*user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    #[test]
    fn cursors_round_trip() {
        let cursor = WorkItemCursor::of(&fixtures::work_item(42));
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "~", "1~", "~OPS-1", "-1~OPS-1", "x~OPS-1", "1~OPS-0"] {
            assert_eq!(
                text.parse::<WorkItemCursor>(),
                Err(InvalidWorkItemCursor),
                "{text}"
            );
        }
    }
}
