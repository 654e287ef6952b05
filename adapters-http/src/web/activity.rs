//! `/settings/account/activity`: a user's own audit events.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::audit::{ActivitySeek, AuditActor, AuditCursor, AuditEvent, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::TokenKind;
use openindex_domain::user::{Email, UserId};

use super::access::Person;
use super::admin::audit::{actor, label};
use super::error::WebError;
use super::page::{Page, html};
use super::query::Query;
use super::site::{Web, redirect};
use super::view::{Moment, Shown};

const PATH: &str = "/settings/account/activity";
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "activity.html")]
struct ActivityView {
    page: Page,
    events: Vec<EventView>,
    previous: Option<String>,
    next: Option<String>,
}

struct EventView {
    at: Moment,
    action: &'static str,
    code: &'static str,
    actor: &'static str,
    /// The user's token, agent run or browser session that acted; `None` if someone else acted.
    credential: Option<String>,
    targets: Vec<Target>,
    /// The user's previous and new email address.
    emails: Option<(Shown, Shown)>,
    address: Option<String>,
}

struct Target {
    kind: &'static str,
    id: Option<String>,
}

pub(super) async fn list(
    person: Person,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let mut ignored = Vec::new();
    let mut cursor = |name| query.place(name, |text| text.parse().ok(), &mut ignored);
    let place = cursor("before").map(ActivitySeek::Before);
    let place = place.or_else(|| cursor("after").map(ActivitySeek::After));
    let audit = &web.api.audit;
    let found = audit.activity(&person.principal, place, PAGE).await?;
    // Paging back to the first page redirects to the list, so that it starts with the newest entry.
    if found.previous.is_none() && matches!(place, Some(ActivitySeek::Before(_))) {
        return Ok(redirect(PATH));
    }
    let (user, now) = (person.principal.user_id(), web.api.tokens.now());
    let to = |field, cursor: AuditCursor| Query::default().with(field, cursor.to_string()).on(PATH);
    let template = ActivityView {
        page: Page::of(&web, &person, "account")
            .with_damaged(&found.events)
            .with_ignored(ignored),
        events: found
            .events
            .iter()
            .map(|event| EventView::of(event, user, now))
            .collect(),
        previous: found.previous.map(|cursor| to("before", cursor)),
        next: found.next.map(|cursor| to("after", cursor)),
    };
    html(StatusCode::OK, &template)
}

impl EventView {
    fn of(event: &AuditEvent, user: UserId, now: Timestamp) -> Self {
        let is_own = event.actor.user() == Some(user);
        let targets = std::iter::once(event.subject).chain(event.related);
        let emails = event.email_change.as_ref();
        let address = event.context.client_address;
        Self {
            at: Moment::new(event.at, now).to_the_second(),
            action: label(event.action),
            code: event.action.as_str(),
            actor: actor(event.actor, user),
            credential: match event.actor {
                AuditActor::Token { token, .. } if is_own => Some(token.to_string()),
                AuditActor::Session { session, .. } if is_own => Some(session.to_string()),
                _ => None,
            },
            targets: targets.map(|subject| Target::of(subject, user)).collect(),
            emails: emails
                .filter(|_| event.subject == Subject::User(user))
                .map(|change| {
                    let shown = |email: &Email| Shown::of(email.as_str());
                    (shown(&change.from), shown(&change.to))
                }),
            address: address.map(|address| address.to_string()),
        }
    }
}

impl Target {
    fn of(subject: Subject, user: UserId) -> Self {
        let kind = match subject {
            Subject::User(id) if id == user => {
                return Self {
                    kind: "Your account",
                    id: None,
                };
            }
            Subject::User(_) => "Account",
            Subject::Token(id) if id.kind() == TokenKind::AgentRun => "Agent run",
            Subject::Token(_) => "Token",
            Subject::Session(_) => "Browser session",
            Subject::Invite(_) => "Invite",
            Subject::WorkItem(_) => "Work item",
            Subject::UnknownAccount => "Unknown account",
        };
        Self {
            kind,
            id: Some(subject.to_string()),
        }
    }
}
