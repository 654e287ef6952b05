use std::fmt;
use std::str::FromStr;

use crate::agent_run::{AgentId, DomainKey, WorkItemKey};
use crate::clock::Timestamp;
use crate::token::TokenId;
use crate::user::UserId;

use super::{ExecutionTarget, ItemKind, ItemStatus, Priority, SearchTerms, WorkItem};

/// Which work items are wanted; each condition that is given narrows it down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkItemFilter {
    /// Of this part of the work.
    pub domain: Option<DomainKey>,
    /// Of this kind.
    pub kind: Option<ItemKind>,
    /// In one of these states; empty is any.
    pub statuses: Vec<ItemStatus>,
    /// With this priority.
    pub priority: Option<Priority>,
    /// With this target.
    pub target: Option<ExecutionTarget>,
    /// Assigned to this person.
    pub assignee: Option<UserId>,
    /// That this agent works at.
    pub agent: Option<AgentId>,
    /// Claimed in this run.
    pub run: Option<TokenId>,
    /// Parts of this item.
    pub parent: Option<WorkItemKey>,
    /// In which all of these words occur.
    pub search: SearchTerms,
}

impl WorkItemFilter {
    /// Whether it wants this item; what a store's query means.
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
                .is_none_or(|wanted| item.agent() == Some(wanted))
            && self.run.is_none_or(|wanted| run == Some(wanted))
            && self
                .parent
                .is_none_or(|parent| item.key.whole() == Some(parent))
            && self
                .search
                .terms()
                .iter()
                .all(|term| text.contains(term.as_str()))
    }
}

/// Where a page of work items begins: after the item that was created at this time with this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkItemCursor {
    /// When the item was created.
    pub at: Timestamp,
    /// Its key.
    pub key: WorkItemKey,
}

impl WorkItemCursor {
    /// Where `item` stands.
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

/// The text is no cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
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

/// A part of the queue, the most urgent first, then the oldest (by creation, then by key).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueSection {
    /// What an agent may take on: see [`WorkItem::is_available`].
    Available,
    /// What a person may take on: see [`WorkItem::is_available_to_people`].
    AvailableToPeople,
    /// What this agent works at, in whatever run, and is not resolved.
    OfAgent(AgentId),
    /// What was claimed in this run and is not resolved.
    OfRun(TokenId),
    /// What is assigned to this person and is not resolved.
    OfPerson(UserId),
}

impl QueueSection {
    /// Whether the item is in it; what a store's query means.
    #[must_use]
    pub fn holds(&self, item: &WorkItem) -> bool {
        let run = item.claim.as_ref().and_then(|claim| claim.run);
        match self {
            Self::Available => item.is_available(),
            Self::AvailableToPeople => item.is_available_to_people(),
            Self::OfAgent(wanted) => !item.status.is_resolved() && item.agent() == Some(wanted),
            Self::OfRun(wanted) => !item.status.is_resolved() && run == Some(*wanted),
            Self::OfPerson(user) => !item.status.is_resolved() && item.assignee == Some(*user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    #[test]
    fn a_cursor_can_be_read_back() {
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
