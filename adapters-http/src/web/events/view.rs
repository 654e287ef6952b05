use std::collections::HashMap;

use openindex_domain::Listing;
use openindex_domain::agent_run::AgentRunAction;
use openindex_domain::audit::{AuditActor, AuditEvent, RawEvent, Subject, SubjectName};
use openindex_domain::clock::Timestamp;
use openindex_domain::invite::InviteAction;
use openindex_domain::token::{TokenAction, TokenId, TokenKind};
use openindex_domain::user::{Email, UserId};

use crate::web::work_items;
use crate::web::{Moment, Person, Shown, WebError, paths};

use super::words;

/// Who reads events, and the names of what these mention.
pub(in crate::web) struct Reader {
    user: UserId,
    /// Whether it is the user's own activity rather than the audit log.
    is_own: bool,
    is_admin: bool,
    has_work: bool,
    names: HashMap<Subject, SubjectName>,
    now: Timestamp,
}

impl Reader {
    /// Returns the reader of these events. `others` are also named.
    pub(in crate::web) async fn of(
        person: &Person,
        is_own: bool,
        events: &Listing<AuditEvent>,
        others: impl IntoIterator<Item = Subject>,
    ) -> Result<Self, WebError> {
        let principal = &person.principal;
        let mentioned = events.iter().flat_map(AuditEvent::mentions);
        let names = person.audit.names(principal, mentioned.chain(others));
        Ok(Self {
            user: principal.user_id(),
            is_own,
            is_admin: person.is_administrator(),
            has_work: person.work_items.is_some(),
            names: names.await?,
            now: person.now(),
        })
    }

    /// Returns the name of something, or `None` if it has none or the reader may not see it.
    pub(in crate::web) fn name(&self, subject: Subject) -> Option<Shown> {
        let name = self.names.get(&subject)?;
        Some(Shown::of(&name.name))
    }

    /// Returns the page of something that has a name.
    fn path(&self, subject: Subject) -> Option<String> {
        let is_mine = || {
            let owner = self.names.get(&subject).and_then(|name| name.owner);
            self.is_own && owner == Some(self.user)
        };
        match subject {
            Subject::Token(id) if is_mine() => Some(match id.kind() {
                TokenKind::Personal => format!("/settings/tokens/{id}"),
                TokenKind::AgentRun => format!("/settings/agent-runs/{id}"),
            }),
            Subject::WorkItem(key) => self.has_work.then(|| work_items::path_of(key)),
            _ if !self.is_admin => None,
            Subject::User(id) => Some(format!("{}/{id}", paths::USERS)),
            Subject::Token(id) => Some(format!("{}/{id}", paths::ALL_TOKENS)),
            // An invite has no page of its own.
            Subject::Invite(id) => Some(format!("{}?subject={id}", paths::AUDIT)),
            Subject::Session(_) | Subject::UnknownAccount => None,
        }
    }

    fn thing(&self, subject: Subject, kind: &'static str) -> Thing {
        let named = self.name(subject).map(|name| (name, self.path(subject)));
        let id = Some(subject.to_string());
        match subject {
            Subject::User(id) if self.is_own && id == self.user => Thing::of_kind("Your account"),
            Subject::User(_) if named.is_some() => Thing {
                kind,
                named,
                id: None,
            },
            Subject::User(_) if kind.is_empty() && self.is_admin => Thing {
                kind: "Deleted user",
                named,
                id,
            },
            Subject::User(_) if kind.is_empty() => Thing {
                kind: "User",
                named,
                id,
            },
            Subject::WorkItem(key) => Thing {
                kind,
                named: Some((Shown::of(&key.to_string()), self.path(subject))),
                id: None,
            },
            _ => Thing { kind, named, id },
        }
    }

    fn actor(&self, event: &AuditEvent) -> Thing {
        if self.is_own {
            return Thing::of_kind(words::actor(event, self.user));
        }
        match (event.acting_user(), event.actor) {
            (Some(user), _) => self.thing(Subject::User(user), ""),
            (None, AuditActor::Operator) => Thing::of_kind("Server operator"),
            (None, _) => Thing::of_kind("Anonymous"),
        }
    }

    fn credential(&self, event: &AuditEvent) -> Option<Thing> {
        if self.is_own && event.acting_user() != Some(self.user) {
            return None;
        }
        match event.actor {
            AuditActor::Token { token, .. } => {
                Some(self.thing(Subject::Token(token), kind_of(token)))
            }
            AuditActor::Session { session, .. } => {
                Some(self.thing(Subject::Session(session), "Browser session"))
            }
            AuditActor::Anonymous if event.acting_user().is_some() => {
                Some(Thing::of_kind("Invite link"))
            }
            AuditActor::External { .. } => Some(Thing::of_kind("External sign-in")),
            AuditActor::Operator | AuditActor::Anonymous => None,
        }
    }
}

/// Something that an event mentions.
pub(in crate::web) struct Thing {
    /// Its kind, or its part in the event; empty for a user who only has a name.
    pub(in crate::web) kind: &'static str,
    /// Its name and the path of its page.
    pub(in crate::web) named: Option<(Shown, Option<String>)>,
    pub(in crate::web) id: Option<String>,
}

impl Thing {
    const fn of_kind(kind: &'static str) -> Self {
        Self {
            kind,
            named: None,
            id: None,
        }
    }

    fn raw(kind: &'static str, id: &str) -> Self {
        let id = Some(id.to_owned());
        Self {
            id,
            ..Self::of_kind(kind)
        }
    }
}

/// An event in a list.
pub(in crate::web) struct EventView {
    /// The stored text if it is not a valid time.
    pub(in crate::web) at: Result<Moment, Shown>,
    pub(in crate::web) actor: Thing,
    pub(in crate::web) credential: Option<Thing>,
    pub(in crate::web) action: &'static str,
    pub(in crate::web) code: String,
    pub(in crate::web) targets: Vec<Thing>,
    /// A user's previous and new email address.
    pub(in crate::web) emails: Option<(Shown, Shown)>,
    pub(in crate::web) address: Option<String>,
    pub(in crate::web) request_id: Option<String>,
}

impl EventView {
    pub(in crate::web) fn of(event: &AuditEvent, reader: &Reader) -> Self {
        let related = event.related.map(|related| (related, related_kind(event)));
        let targets = [Some((event.subject, subject_kind(event))), related];
        let is_shown = |_: &_| !reader.is_own || event.subject == Subject::User(reader.user);
        let emails = event.email_change.as_ref().filter(is_shown);
        let context = &event.context;
        // Only those who can read the server's log can use it.
        let request_id = context.request_id.as_ref().filter(|_| !reader.is_own);
        Self {
            at: Ok(Moment::new(event.at, reader.now).to_the_second()),
            actor: reader.actor(event),
            credential: reader.credential(event),
            action: words::label(event.action),
            code: event.action.as_str().to_owned(),
            targets: targets
                .into_iter()
                .flatten()
                .map(|(subject, kind)| reader.thing(subject, kind))
                .collect(),
            emails: emails.map(|change| {
                let shown = |email: &Email| Shown::of(email.as_str());
                (shown(&change.from), shown(&change.to))
            }),
            address: context.client_address.map(|address| address.to_string()),
            request_id: request_id.map(|id| id.as_str().to_owned()),
        }
    }

    /// Returns an event as stored, for one that this version cannot parse.
    pub(in crate::web) fn raw(event: &RawEvent, now: Timestamp) -> Self {
        let actor = event.actor_user.as_ref().unwrap_or(&event.actor);
        let subjects = std::iter::once(&event.subject).chain(&event.related);
        Self {
            at: Timestamp::parse_since(&event.at)
                .map(|at| Moment::new(at, now).to_the_second())
                .ok_or_else(|| Shown::of(&event.at)),
            actor: Thing {
                named: Some((Shown::of(actor), None)),
                ..Thing::of_kind("")
            },
            credential: event
                .actor_credential
                .as_ref()
                .map(|id| Thing::raw("Credential", id)),
            action: words::UNKNOWN,
            code: event.action.clone(),
            targets: subjects.map(|id| Thing::raw("Unknown", id)).collect(),
            emails: None,
            address: event.client_address.clone(),
            request_id: event.request_id.clone(),
        }
    }
}

const fn kind_of(id: TokenId) -> &'static str {
    match id.kind() {
        TokenKind::Personal => "Token",
        TokenKind::AgentRun => "Agent run",
    }
}

const fn kind(subject: Subject) -> &'static str {
    match subject {
        Subject::User(_) => "",
        Subject::Token(id) => kind_of(id),
        Subject::Session(_) => "Browser session",
        Subject::Invite(_) => "Invite",
        Subject::WorkItem(_) => "Work item",
        Subject::UnknownAccount => "Unknown user",
    }
}

/// Returns what the subject is in the event.
fn subject_kind(event: &AuditEvent) -> &'static str {
    match event.action {
        TokenAction::ROTATED => "Old token",
        _ => kind(event.subject),
    }
}

/// Returns what the related subject is in the event.
fn related_kind(event: &AuditEvent) -> &'static str {
    match (event.action, event.related) {
        (TokenAction::ROTATED, _) => "New token",
        (InviteAction::CREATED, _) => "Replaced invite",
        (InviteAction::CLAIMED, _) => "New user",
        (AgentRunAction::ENDED, Some(Subject::Token(_))) => "Issuing token",
        (AgentRunAction::ENDED, Some(Subject::User(_))) => "Owner",
        (_, Some(related)) => kind(related),
        (_, None) => "",
    }
}
