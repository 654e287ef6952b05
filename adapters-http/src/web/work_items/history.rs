use std::collections::HashMap;

use openindex_domain::agent_run::{AgentRunAction, AgentRunError};
use openindex_domain::audit::{AuditAction, AuditActor, AuditEvent, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{TokenId, TokenKind};
use openindex_domain::user::UserId;
use openindex_domain::work_item::{ItemStatus, WorkItem, WorkItemAction, WorkItemKey};

use crate::web::{Moment, Named, Names, Person, Shown, WebError};

/// The maximum number of entries on a page.
const ENTRIES: u32 = 50;

/// The audit events of an item.
pub(super) struct History {
    events: Vec<AuditEvent>,
    /// The user's own runs among the actors.
    runs: HashMap<TokenId, Run>,
}

struct Run {
    agent: Shown,
    /// When it ended; `None` if it is live.
    ended: Option<Timestamp>,
}

pub(super) struct Entry {
    /// `None` where only the owner of the run can tell.
    pub(super) at: Option<Moment>,
    pub(super) what: &'static str,
    /// Another run or item that the entry is about.
    pub(super) about: Option<String>,
    /// `None` for what came of itself: the end of the run.
    pub(super) who: Option<Named>,
    pub(super) run: Option<RunLink>,
}

/// A claim that ended with its agent run.
struct Lapse {
    run: TokenId,
    /// The index of the claim's event.
    claim: usize,
    /// Whether it is the last claim, so that the item is back in the queue.
    is_last: bool,
}

/// The agent run that acted.
pub(super) struct RunLink {
    pub(super) id: String,
    /// The agent of the user's own run; `None` for another user's run, which they cannot open.
    pub(super) agent: Option<Shown>,
}

impl History {
    pub(super) async fn of(
        person: &Person,
        key: WorkItemKey,
        claimed_in: Option<TokenId>,
    ) -> Result<Self, WebError> {
        let principal = &person.principal;
        let events = person.audit.history(principal, key, ENTRIES).await?;
        let mut runs = HashMap::new();
        let mut foreign = Vec::new();
        for id in events.iter().filter_map(run_of).chain(claimed_in) {
            if runs.contains_key(&id) || foreign.contains(&id) {
                continue;
            }
            match person.agent_runs.get(principal, id).await {
                Ok(token) => {
                    let agent = token.run.as_ref().map_or("", |run| run.agent.as_str());
                    let run = Run {
                        agent: Shown::of(agent),
                        ended: token.end().filter(|at| *at <= person.agent_runs.now()),
                    };
                    runs.insert(id, run);
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
            agent: self.runs.get(&run).map(|run| run.agent.clone()),
        }
    }

    /// Returns the claims that ended with their runs, as the next claim or the item itself shows.
    fn lapses(&self, item: &WorkItem) -> Vec<Lapse> {
        let own = Subject::WorkItem(item.key);
        let mut lapses = Vec::new();
        // Whether the claim of the event before has ended by what came later, the newest first.
        let mut is_over = item.claim.is_none() && item.status == ItemStatus::InProgress;
        let (mut is_last, mut is_edited) = (true, false);
        for (claim, event) in self.events.iter().enumerate() {
            match event.action {
                _ if event.subject != own => {}
                WorkItemAction::CLAIMED => {
                    let run = run_of(event).filter(|run| match self.runs.get(run) {
                        Some(run) => run.ended.is_some(),
                        None => !is_edited,
                    });
                    if let Some(run) = run.filter(|_| is_over) {
                        lapses.push(Lapse {
                            run,
                            claim,
                            is_last,
                        });
                    }
                    (is_over, is_last, is_edited) = (true, false, false);
                }
                WorkItemAction::RELEASED | WorkItemAction::COMPLETED => is_over = false,
                // An edit of the status ends a claim, too. Of a run of one's own, more is known.
                WorkItemAction::UPDATED => is_edited = true,
                _ => {}
            }
        }
        lapses
    }

    /// Returns the run that had claimed the item when it ended, if it is in the queue for that.
    pub(super) fn lapsed(&self, item: &WorkItem) -> Option<RunLink> {
        let mut lapses = self.lapses(item).into_iter();
        let last = lapses.find(|lapse| lapse.is_last)?;
        Some(self.link(last.run))
    }

    pub(super) fn entries(&self, item: &WorkItem, names: &Names, now: Timestamp) -> Vec<Entry> {
        let key = item.key;
        let entry = |event: &AuditEvent| {
            let own = Subject::WorkItem(key);
            let is_subject = event.subject == own;
            let other = if is_subject {
                event.related
            } else {
                Some(event.subject)
            };
            Some(Entry {
                at: Some(Moment::new(event.at, now)),
                what: what(event.action, is_subject)?,
                about: match other {
                    Some(Subject::WorkItem(part)) if !is_subject => Some(part.to_string()),
                    Some(Subject::Token(run)) => Some(run.to_string()),
                    _ => None,
                },
                who: Some(match event.actor {
                    AuditActor::Token { user, .. }
                    | AuditActor::Session { user, .. }
                    | AuditActor::External { user } => names.within(user),
                    AuditActor::Operator => Named::other("the server operator"),
                    AuditActor::Anonymous => Named::other("an anonymous caller"),
                }),
                run: run_of(event).map(|run| self.link(run)),
            })
        };
        let lapses = self.lapses(item);
        let lapse = |claim: usize| {
            let lapse = lapses.iter().find(|lapse| lapse.claim == claim)?;
            let ended = self.runs.get(&lapse.run).and_then(|run| run.ended);
            Some(Entry {
                at: ended.map(|at| Moment::new(at, now)),
                what: "Back in the queue",
                about: None,
                who: None,
                run: Some(self.link(lapse.run)),
            })
        };
        let events = self.events.iter().enumerate();
        let entries = events.flat_map(|(at, event)| lapse(at).into_iter().chain(entry(event)));
        entries.collect()
    }
}

fn run_of(event: &AuditEvent) -> Option<TokenId> {
    match event.actor {
        AuditActor::Token { token, .. } if token.kind() == TokenKind::AgentRun => Some(token),
        _ => None,
    }
}

/// Returns the label of an action, or `None` if the history does not show it.
fn what(action: AuditAction, is_subject: bool) -> Option<&'static str> {
    Some(match (action, is_subject) {
        (WorkItemAction::CREATED, true) => "Created",
        (WorkItemAction::CREATED, false) => "Sub-task created",
        (WorkItemAction::UPDATED, true) => "Edited",
        (WorkItemAction::CLAIMED, true) => "Claimed",
        (WorkItemAction::RELEASED, true) => "Released",
        (WorkItemAction::COMPLETED, true) => "Completed",
        (AgentRunAction::STARTED, false) => "Agent run started",
        (AgentRunAction::ENDED, false) => "Agent run ended",
        _ => return None,
    })
}
