//! `/settings/admin/audit`

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::audit::{
    AuditAction, AuditActor, AuditEvent, AuditFilter, RawEvent, Subject,
};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::Expiry;
use openindex_domain::user::{Email, UserId};

use crate::web::access::Administrator;
use crate::web::error::WebError;
use crate::web::page::{Page, html};
use crate::web::query::Query;
use crate::web::site::Web;
use crate::web::view::{Moment, Shown};

use super::PAGE;
use super::people::{Choice, People};

const PATH: &str = "/settings/admin/audit";
const FIELDS: [&str; 5] = ["actor", "action", "subject", "from", "to"];

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditPage {
    page: Page,
    events: Vec<EventView>,
    people: Vec<Choice>,
    has_more_people: bool,
    actions: Vec<ActionChoice>,
    chosen: Query,
    is_filtered: bool,
    wrong_field: Option<&'static str>,
    is_first: bool,
    first: String,
    next: Option<String>,
}

struct ActionChoice {
    value: &'static str,
    label: &'static str,
    is_selected: bool,
}

struct EventView {
    /// As stored, where it is no time.
    at: Result<Moment, Shown>,
    actor: Actor,
    /// The token or browser session that acted.
    credential: Option<String>,
    action: String,
    code: String,
    subject: SubjectView,
    related: Option<SubjectView>,
    /// The former and the new address of a user.
    emails: Option<(Shown, Shown)>,
    address: Option<String>,
    request_id: Option<String>,
}

enum Actor {
    User { id: String, name: Shown },
    Deleted(String),
    Other(String),
}

struct SubjectView {
    kind: &'static str,
    id: String,
    /// For a user, who they are.
    user: Option<Shown>,
}

pub(in crate::web) async fn list(
    by: Administrator,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let principal = &by.0.principal;
    let chosen = FIELDS.iter().fold(Query::default(), |chosen, field| {
        chosen.with(field, query.get(field))
    });
    let after = query.get("after").parse().ok();
    let (filter, wrong_field) = match parse(&query) {
        Ok(filter) => (Some(filter), None),
        Err(field) => (None, Some(field)),
    };
    let found = match &filter {
        Some(filter) => Some(web.api.audit.list(principal, filter, after, PAGE).await?),
        None => None,
    };
    let next = found.as_ref().and_then(|found| found.next);
    let events = found.map(|found| found.events).unwrap_or_default();
    let mut people = People::load(&web, principal).await?;
    let mut met: Vec<UserId> = events.iter().flat_map(users_of).collect();
    met.extend(filter.and_then(|filter| filter.actor));
    people.meet(&web, principal, &met).await?;
    let now = web.api.tokens.now();
    let template = AuditPage {
        page: Page::of(&web, &by.0, "audit"),
        events: events
            .entries()
            .into_iter()
            .filter_map(|event| match event {
                Ok(event) => Some(EventView::of(event, &people, now)),
                Err(row) => row.raw.as_deref().map(|raw| EventView::raw(raw, now)),
            })
            .collect(),
        people: people.choices(chosen.get("actor")),
        has_more_people: people.has_more,
        actions: AuditAction::ALL
            .iter()
            .map(|action| ActionChoice {
                value: action.as_str(),
                label: label(*action),
                is_selected: action.as_str() == chosen.get("action"),
            })
            .collect(),
        is_filtered: filter != Some(AuditFilter::default()),
        wrong_field,
        is_first: after.is_none(),
        first: chosen.on(PATH),
        next: next.map(|cursor| chosen.clone().with("after", cursor.to_string()).on(PATH)),
        chosen,
    };
    let status = if wrong_field.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    html(status, &template)
}

fn parse(query: &Query) -> Result<AuditFilter, &'static str> {
    fn read<T>(
        query: &Query,
        field: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, &'static str> {
        match query.get(field) {
            "" => Ok(None),
            text => parse(text).map(Some).ok_or(field),
        }
    }
    Ok(AuditFilter {
        actor: read(query, "actor", |text| text.parse().ok())?,
        action: read(query, "action", AuditAction::parse)?,
        subject: read(query, "subject", |text| text.parse().ok())?,
        since: read(query, "from", Timestamp::parse_since)?,
        // To the end of that day, which is how the domain reads a date that ends something.
        until: read(query, "to", |text| Expiry::parse(text).ok()?.instant())?,
        ..AuditFilter::default()
    })
}

fn users_of(event: &AuditEvent) -> impl Iterator<Item = UserId> {
    let subject = |subject| match subject {
        Subject::User(id) => Some(id),
        Subject::Token(_)
        | Subject::Session(_)
        | Subject::Invite(_)
        | Subject::WorkItem(_)
        | Subject::UnknownAccount => None,
    };
    event
        .actor
        .user()
        .into_iter()
        .chain(subject(event.subject))
        .chain(event.related.and_then(subject))
}

impl EventView {
    fn of(event: &AuditEvent, people: &People, now: Timestamp) -> Self {
        let actor = match event.actor {
            AuditActor::Operator => Actor::Other("The operator".to_owned()),
            AuditActor::Anonymous => Actor::Other("Somebody".to_owned()),
            AuditActor::Token { user, .. } | AuditActor::Session { user, .. } => {
                let id = user.to_string();
                match people.known(user) {
                    Some(name) => Actor::User { id, name },
                    None => Actor::Deleted(id),
                }
            }
        };
        let context = &event.context;
        Self {
            at: Ok(Moment::new(event.at, now).to_the_second()),
            actor,
            credential: match event.actor {
                AuditActor::Token { token, .. } => Some(token.to_string()),
                AuditActor::Session { session, .. } => Some(session.to_string()),
                AuditActor::Operator | AuditActor::Anonymous => None,
            },
            action: label(event.action).to_owned(),
            code: event.action.as_str().to_owned(),
            subject: SubjectView::of(event.subject, people),
            related: event
                .related
                .map(|related| SubjectView::of(related, people)),
            emails: event.email_change.as_ref().map(|change| {
                let shown = |email: &Email| Shown::of(email.as_str());
                (shown(&change.from), shown(&change.to))
            }),
            address: context.client_address.map(|address| address.to_string()),
            request_id: context.request_id.as_ref().map(|id| id.as_str().to_owned()),
        }
    }
}

impl EventView {
    /// An event that this version cannot read, such as one of a newer version, as it is stored.
    fn raw(event: &RawEvent, now: Timestamp) -> Self {
        let subject = |id: &String| SubjectView {
            kind: "unknown",
            id: id.clone(),
            user: None,
        };
        let user = event.actor_user.clone();
        Self {
            at: Timestamp::parse_since(&event.at)
                .map(|at| Moment::new(at, now).to_the_second())
                .ok_or_else(|| Shown::of(&event.at)),
            actor: Actor::Other(user.unwrap_or_else(|| event.actor.clone())),
            credential: event.actor_credential.clone(),
            action: "Unknown to this version".to_owned(),
            code: event.action.clone(),
            subject: subject(&event.subject),
            related: event.related.as_ref().map(subject),
            emails: None,
            address: event.client_address.clone(),
            request_id: event.request_id.clone(),
        }
    }
}

impl SubjectView {
    fn of(subject: Subject, people: &People) -> Self {
        let (kind, user) = match subject {
            Subject::User(id) => match people.known(id) {
                Some(name) => ("account", Some(name)),
                None => ("deleted account", None),
            },
            Subject::Token(_) => ("token", None),
            Subject::Session(_) => ("session", None),
            Subject::Invite(_) => ("invite", None),
            Subject::WorkItem(_) => ("work item", None),
            Subject::UnknownAccount => ("account", None),
        };
        Self {
            kind,
            id: subject.to_string(),
            user,
        }
    }
}

/// What was done, in a person's words.
pub(in crate::web) const fn label(action: AuditAction) -> &'static str {
    match action {
        AuditAction::InstanceBootstrapped => "Instance bootstrapped",
        AuditAction::TokenIssued => "Token issued",
        AuditAction::TokenRotated => "Token rotated",
        AuditAction::TokenRevoked => "Token revoked",
        AuditAction::TokenReported => "Token reported as leaked",
        AuditAction::AgentRunStarted => "Agent run started",
        AuditAction::AgentRunEnded => "Agent run ended",
        AuditAction::WorkItemCreated => "Work item created",
        AuditAction::WorkItemUpdated => "Work item changed",
        AuditAction::WorkItemClaimed => "Work item claimed",
        AuditAction::WorkItemReleased => "Work item released",
        AuditAction::WorkItemCompleted => "Work item completed",
        AuditAction::WorkItemDeleted => "Work item deleted",
        AuditAction::InviteCreated => "Invite created",
        AuditAction::InviteWithdrawn => "Invite withdrawn",
        AuditAction::InviteClaimed => "Invite claimed",
        AuditAction::NoticesDismissed => "Notices dismissed",
        AuditAction::UserSuspended => "Account suspended",
        AuditAction::UserUnsuspended => "Account unsuspended",
        AuditAction::UserDeleted => "Account deleted",
        AuditAction::UserEmailChanged => "Email address changed",
        AuditAction::UserNameChanged => "Name changed",
        AuditAction::UserPromoted => "Made administrator",
        AuditAction::UserDemoted => "Made member",
        AuditAction::PasswordChanged => "Password changed",
        AuditAction::SignInLinkCreated => "Sign-in link created",
        AuditAction::SignInLinkUsed => "Sign-in link used",
        AuditAction::SignedIn => "Signed in",
        AuditAction::SignInRefused => "Sign-in refused",
        AuditAction::SignInRefusedRepeatedly => "Sign-in refused repeatedly; more not recorded",
        AuditAction::SignedOut => "Signed out",
        AuditAction::SessionsEnded => "Browser sessions ended",
        AuditAction::AdminRefused => "Administration refused",
        AuditAction::AdminRefusedRepeatedly => {
            "Administration refused repeatedly; more not recorded"
        }
    }
}
