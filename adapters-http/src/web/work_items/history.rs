use std::collections::HashMap;

use openindex_domain::agent_run::AgentRunError;
use openindex_domain::audit::{AuditAction, AuditActor, AuditEvent, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{TokenId, TokenKind};
use openindex_domain::user::UserId;
use openindex_domain::work_item::WorkItemKey;

use crate::web::access::Person;
use crate::web::error::WebError;
use crate::web::names::{Named, Names};
use crate::web::site::Web;
use crate::web::view::{Moment, Shown};

/// How many entries a page shows.
const ENTRIES: u32 = 50;

/// What happened to an item, and who did it.
pub(super) struct History {
    events: Vec<AuditEvent>,
    /// The person's own runs among the actors.
    runs: HashMap<TokenId, Shown>,
}

pub(super) struct Entry {
    pub(super) at: Moment,
    pub(super) what: &'static str,
    /// A run or item that it is about beside this one.
    pub(super) about: Option<String>,
    pub(super) who: Named,
    pub(super) run: Option<RunLink>,
}

/// The agent run that did it, in the name of the user.
pub(super) struct RunLink {
    pub(super) id: String,
    /// The agent, for the person's own runs; `None` for those of others, which only they can open.
    pub(super) agent: Option<Shown>,
}

impl History {
    pub(super) async fn of(
        web: &Web,
        person: &Person,
        key: WorkItemKey,
        claimed_in: Option<TokenId>,
    ) -> Result<Self, WebError> {
        let principal = &person.principal;
        let events = web.api.audit.history(principal, key, ENTRIES).await?;
        let mut runs = HashMap::new();
        let mut strangers = Vec::new();
        for id in events.iter().filter_map(run_of).chain(claimed_in) {
            if runs.contains_key(&id) || strangers.contains(&id) {
                continue;
            }
            match web.api.agent_runs.get(principal, id).await {
                Ok(token) => {
                    let agent = token.run.as_ref().map_or("", |run| run.agent.as_str());
                    runs.insert(id, Shown::of(agent));
                }
                Err(AgentRunError::NotFound) => strangers.push(id),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self { events, runs })
    }

    pub(super) fn users(&self) -> impl Iterator<Item = UserId> {
        self.events.iter().filter_map(|event| event.actor.user())
    }

    /// The user in whose name the run works.
    pub(super) fn owner_of(&self, run: TokenId) -> Option<UserId> {
        let mut events = self.events.iter();
        let by = events.find(|event| run_of(event) == Some(run))?;
        by.actor.user()
    }

    pub(super) fn link(&self, run: TokenId) -> RunLink {
        RunLink {
            id: run.to_string(),
            agent: self.runs.get(&run).cloned(),
        }
    }

    pub(super) fn entries(&self, key: WorkItemKey, names: &Names, now: Timestamp) -> Vec<Entry> {
        let entry = |event: &AuditEvent| {
            let own = Subject::WorkItem(key);
            let is_subject = event.subject == own;
            let other = if is_subject {
                event.related
            } else {
                Some(event.subject)
            };
            Some(Entry {
                at: Moment::new(event.at, now),
                what: what(event.action, is_subject)?,
                about: match other {
                    Some(Subject::WorkItem(part)) if !is_subject => Some(part.to_string()),
                    Some(Subject::Token(run)) => Some(run.to_string()),
                    _ => None,
                },
                who: match event.actor {
                    AuditActor::Token { user, .. } | AuditActor::Session { user, .. } => {
                        names.within(user)
                    }
                    AuditActor::Operator => Named::other("the server operator"),
                    AuditActor::Anonymous => Named::other("an anonymous caller"),
                },
                run: run_of(event).map(|run| self.link(run)),
            })
        };
        self.events.iter().filter_map(entry).collect()
    }
}

fn run_of(event: &AuditEvent) -> Option<TokenId> {
    match event.actor {
        AuditActor::Token { token, .. } if token.kind() == TokenKind::AgentRun => Some(token),
        _ => None,
    }
}

/// `None` for what is no news of the item.
const fn what(action: AuditAction, is_subject: bool) -> Option<&'static str> {
    Some(match (action, is_subject) {
        (AuditAction::WorkItemCreated, true) => "Created",
        (AuditAction::WorkItemCreated, false) => "Sub-task created",
        (AuditAction::WorkItemUpdated, true) => "Edited",
        (AuditAction::WorkItemClaimed, true) => "Claimed",
        (AuditAction::WorkItemReleased, true) => "Released",
        (AuditAction::WorkItemCompleted, true) => "Completed",
        (AuditAction::AgentRunStarted, false) => "Agent run started",
        (AuditAction::AgentRunEnded, false) => "Agent run ended",
        _ => return None,
    })
}
