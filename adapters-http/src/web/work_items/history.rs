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

/// The maximum number of entries on a page.
const ENTRIES: u32 = 50;

/// The audit events of an item.
pub(super) struct History {
    events: Vec<AuditEvent>,
    /// The user's own runs among the actors, with their agents.
    runs: HashMap<TokenId, Shown>,
}

pub(super) struct Entry {
    pub(super) at: Moment,
    pub(super) what: &'static str,
    /// Another run or item that the entry is about.
    pub(super) about: Option<String>,
    pub(super) who: Named,
    pub(super) run: Option<RunLink>,
}

/// The agent run that acted.
pub(super) struct RunLink {
    pub(super) id: String,
    /// The agent of the user's own run; `None` for another user's run, which they cannot open.
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
        let mut foreign = Vec::new();
        for id in events.iter().filter_map(run_of).chain(claimed_in) {
            if runs.contains_key(&id) || foreign.contains(&id) {
                continue;
            }
            match web.api.agent_runs.get(principal, id).await {
                Ok(token) => {
                    let agent = token.run.as_ref().map_or("", |run| run.agent.as_str());
                    runs.insert(id, Shown::of(agent));
                }
                Err(AgentRunError::NotFound) => foreign.push(id),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self { events, runs })
    }

    pub(super) fn users(&self) -> impl Iterator<Item = UserId> {
        self.events.iter().filter_map(|event| event.actor.user())
    }

    /// Returns the user on whose behalf the run acts, or `None` if no event shows it.
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

/// Returns the label of an action, or `None` if the history does not show it.
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
