use crate::access::Principal;
use crate::agent_run::{AgentId, WorkItemKey};
use crate::clock::Timestamp;
use crate::token::{Status, TokenId};
use crate::user::UserId;

use super::text::fold;
use super::{Description, ExecutionTarget, ItemKind, ItemStatus, Priority, Title, WorkItemError};

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItem {
    /// Names it for good; never given to another item.
    pub key: WorkItemKey,
    /// What sort of work it is.
    pub kind: ItemKind,
    /// What it is about.
    pub title: Title,
    /// What is to be done.
    pub description: Description,
    /// Where it stands.
    pub status: ItemStatus,
    /// How soon it should be done.
    pub priority: Priority,
    /// Who may take it on.
    pub target: ExecutionTarget,
    /// The person who sees to it.
    pub assignee: Option<UserId>,
    /// Who works at it now. A claim that does not [hold](Claim::holds) any more is none: stores leave
    /// it out.
    pub claim: Option<Claim>,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When it was done or cancelled.
    pub resolved_at: Option<Timestamp>,
    /// Counts its changes, from 1. That a claim lapses is not one.
    pub version: u64,
    /// The number of the last part that it was given.
    pub last_part: u32,
}

/// Somebody works at an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who.
    pub holder: Holder,
    /// The run in which an agent does; `None` for a person, or when a person claimed it for an agent.
    pub run: Option<TokenId>,
    /// The person who claimed it for an agent, without a run. `None` also where that was not
    /// recorded.
    pub on_behalf: Option<UserId>,
    /// Since when.
    pub at: Timestamp,
}

/// Who works at an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A person.
    Person(UserId),
    /// An agent.
    Agent(AgentId),
}

impl Holder {
    /// The agent, unless it is a person.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent(agent) => Some(agent),
            Self::Person(_) => None,
        }
    }

    /// The person, unless it is an agent.
    #[must_use]
    pub const fn person(&self) -> Option<UserId> {
        match self {
            Self::Person(user) => Some(*user),
            Self::Agent(_) => None,
        }
    }
}

impl Claim {
    /// Whether it still holds: one that was made in a run ends with that run, whatever ends that; one
    /// that a person made, for themselves or for an agent, stands until it is released or that
    /// [person](Self::person) is deleted. `run` is where the run's token stands now; `None` when it
    /// is forgotten.
    #[must_use]
    pub fn holds(&self, run: Option<Status>, person_deleted: bool) -> bool {
        match self.run {
            Some(_) => run == Some(Status::Live),
            None => !person_deleted,
        }
    }

    /// The person who made it, unless it was made in a run.
    #[must_use]
    pub fn person(&self) -> Option<UserId> {
        self.holder.person().or(self.on_behalf)
    }
}

impl WorkItem {
    /// What a search looks in, as it compares it.
    #[must_use]
    pub fn search_text(&self) -> String {
        let (title, description) = (self.title.as_str(), self.description.as_str());
        fold(&format!("{} {title}\n{description}", self.key))
    }

    /// Whether an agent may take it on now: there is work to do, it is not for people alone, and
    /// nobody is at it.
    #[must_use]
    pub fn is_available(&self) -> bool {
        !self.status.is_resolved() && self.target != ExecutionTarget::Human && self.claim.is_none()
    }

    /// Whether a person may take it on now: there is work to do, it is not for agents alone, and
    /// nobody is at it.
    #[must_use]
    pub fn is_available_to_people(&self) -> bool {
        !self.status.is_resolved() && self.target != ExecutionTarget::Agent && self.claim.is_none()
    }

    /// The agent that works at it, if one does.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentId> {
        self.claim.as_ref().and_then(|claim| claim.holder.agent())
    }

    /// The claim of somebody else, if there is one.
    pub(super) fn claimed_by_other(&self, worker: &Worker) -> Option<&Claim> {
        self.claim.as_ref().filter(|claim| !worker.is_holder(claim))
    }

    /// The item after its status became `status`: what is resolved or to be done is nobody's.
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

/// Who works: a person, or an agent that acts for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worker {
    /// A person.
    Person(UserId),
    /// An agent.
    Agent {
        /// Which.
        agent: AgentId,
        /// Its run; `None` when a person acts for it.
        run: Option<TokenId>,
    },
}

impl Worker {
    /// Who works when `principal` asks, for `agent` where that is said.
    ///
    /// # Errors
    ///
    /// [`WorkItemError::OtherAgent`] when a run claims to be another agent than its own.
    pub fn of(principal: &Principal, agent: Option<AgentId>) -> Result<Self, WorkItemError> {
        let own = principal.token().and_then(|token| {
            let run = token.run.as_ref()?;
            Some((token.id, &run.agent))
        });
        match (own, agent) {
            (Some((_, own)), Some(agent)) if agent != *own => {
                Err(WorkItemError::OtherAgent { own: own.clone() })
            }
            (Some((run, own)), _) => Ok(Self::Agent {
                agent: own.clone(),
                run: Some(run),
            }),
            (None, Some(agent)) => Ok(Self::Agent { agent, run: None }),
            (None, None) => Ok(Self::Person(principal.user_id())),
        }
    }

    /// Whether the claim is this worker's. Two runs of one agent are two workers: each believes
    /// that it works alone.
    pub(super) fn is_holder(&self, claim: &Claim) -> bool {
        claim.holder == self.as_holder() && claim.run == self.run()
    }

    /// As the holder of a claim.
    pub(super) fn as_holder(&self) -> Holder {
        match self {
            Self::Person(user) => Holder::Person(*user),
            Self::Agent { agent, .. } => Holder::Agent(agent.clone()),
        }
    }

    /// The run in which an agent works.
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
            assert!(!claim(Some(run.id)).holds(status, false), "{status:?}");
            assert!(claim(None).holds(status, false), "{status:?}");
            assert!(!claim(None).holds(status, true), "{status:?}");
        }
        assert!(claim(Some(run.id)).holds(Some(Status::Live), false));
    }
}
