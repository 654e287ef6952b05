use crate::agent_run::{AgentId, WorkItemKey};
use crate::clock::Timestamp;
use crate::token::{Status, TokenId};
use crate::user::UserId;

use super::text::fold;
use super::{Description, ExecutionTarget, ItemKind, ItemStatus, Priority, Title};

/// A work item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItem {
    /// The permanent key, never reused for another item.
    pub key: WorkItemKey,
    /// The kind.
    pub kind: ItemKind,
    /// The title.
    pub title: Title,
    /// The description.
    pub description: Description,
    /// The status.
    pub status: ItemStatus,
    /// The priority.
    pub priority: Priority,
    /// Who may claim it.
    pub target: ExecutionTarget,
    /// The user it is assigned to, if any.
    pub assignee: Option<UserId>,
    /// The current claim, if any. Stores omit a claim that is no longer [valid](Claim::is_valid).
    pub claim: Option<Claim>,
    /// The user who created it.
    pub created_by: UserId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was done or cancelled; `None` while it is neither.
    pub resolved_at: Option<Timestamp>,
    /// The version, which starts at 1 and is incremented by each change. A claim that becomes
    /// invalid is not a change.
    pub version: u64,
    /// The last number given to a sub-task; 0 if none was.
    pub last_part: u32,
}

/// A claim: someone is working on an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who is working on it.
    pub holder: Holder,
    /// The run in which an agent claimed it; `None` if a user claimed it, for themselves or for
    /// an agent.
    pub run: Option<TokenId>,
    /// The user who claimed it for an agent without a run; `None` otherwise, and if that was not
    /// recorded.
    pub on_behalf: Option<UserId>,
    /// When it was claimed.
    pub at: Timestamp,
}

/// The holder of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A user.
    Person(UserId),
    /// An agent.
    Agent(AgentId),
}

impl Holder {
    /// Returns the agent; `None` for a user.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent(agent) => Some(agent),
            Self::Person(_) => None,
        }
    }

    /// Returns the user; `None` for an agent.
    #[must_use]
    pub const fn person(&self) -> Option<UserId> {
        match self {
            Self::Person(user) => Some(*user),
            Self::Agent(_) => None,
        }
    }
}

impl Claim {
    /// Returns whether the claim is still valid. A claim that was made in a run ends with that run.
    /// One that a user made, for themselves or for an agent, is valid until it is released or
    /// that [user](Self::person) is deleted. `run` is the current status of the run's token, or
    /// `None` if it was purged.
    #[must_use]
    pub fn is_valid(&self, run: Option<Status>, person_deleted: bool) -> bool {
        match self.run {
            Some(_) => run == Some(Status::Live),
            None => !person_deleted,
        }
    }

    /// Returns the user who made the claim; `None` if it was made in a run.
    #[must_use]
    pub fn person(&self) -> Option<UserId> {
        self.holder.person().or(self.on_behalf)
    }
}

impl WorkItem {
    /// Returns the text that searches are matched against.
    #[must_use]
    pub fn search_text(&self) -> String {
        let (title, description) = (self.title.as_str(), self.description.as_str());
        fold(&format!("{} {title}\n{description}", self.key))
    }

    /// Returns whether an agent can claim the item now: it is neither resolved, nor claimed, nor
    /// for people only.
    #[must_use]
    pub fn is_available(&self) -> bool {
        !self.status.is_resolved() && self.target != ExecutionTarget::Human && self.claim.is_none()
    }

    /// Returns whether a user can claim the item now: it is neither resolved, nor claimed, nor
    /// for agents only.
    #[must_use]
    pub fn is_available_to_people(&self) -> bool {
        !self.status.is_resolved() && self.target != ExecutionTarget::Agent && self.claim.is_none()
    }

    /// Returns the agent that has claimed the item, if any.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentId> {
        self.claim.as_ref().and_then(|claim| claim.holder.agent())
    }

    /// Returns the claim if another worker has it.
    pub(super) fn claimed_by_other(&self, worker: &Worker) -> Option<&Claim> {
        self.claim.as_ref().filter(|claim| !worker.is_holder(claim))
    }

    /// Returns the item with the new status. Resolved and unstarted items have no claim.
    pub(super) fn with_status(mut self, status: ItemStatus, now: Timestamp) -> Self {
        if status == self.status {
            return self;
        }
        self.status = status;
        self.resolved_at = status.is_resolved().then_some(now);
        if status != ItemStatus::InProgress {
            self.claim = None;
        }
        self
    }
}

/// Who is working: a user, or an agent that acts for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worker {
    /// A user.
    Person(UserId),
    /// An agent.
    Agent {
        /// The agent's id.
        agent: AgentId,
        /// The agent's run; `None` when a user acts for it.
        run: Option<TokenId>,
    },
}

impl Worker {
    /// Returns whether the worker has made the claim. Two runs of one agent are two workers,
    /// because each assumes that it works alone.
    pub(super) fn is_holder(&self, claim: &Claim) -> bool {
        claim.holder == self.as_holder() && claim.run == self.run()
    }

    /// Returns the worker as the holder of a claim.
    pub(super) fn as_holder(&self) -> Holder {
        match self {
            Self::Person(user) => Holder::Person(*user),
            Self::Agent { agent, .. } => Holder::Agent(agent.clone()),
        }
    }

    /// Returns the run in which an agent works.
    pub(super) const fn run(&self) -> Option<TokenId> {
        match self {
            Self::Person(_) => None,
            Self::Agent { run, .. } => *run,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures::{self, NOW};

    #[test]
    fn a_claim_ends_with_its_run() {
        let run = fixtures::run(10, fixtures::token(1, NOW).id);
        let claim = |run| Claim {
            holder: Holder::Agent(AgentId::parse("a").unwrap()),
            run,
            on_behalf: None,
            at: NOW,
        };
        for status in [None, Some(Status::Expired), Some(Status::Revoked)] {
            assert!(!claim(Some(run.id)).is_valid(status, false), "{status:?}");
            assert!(claim(None).is_valid(status, false), "{status:?}");
            assert!(!claim(None).is_valid(status, true), "{status:?}");
        }
        assert!(claim(Some(run.id)).is_valid(Some(Status::Live), false));
    }
}
