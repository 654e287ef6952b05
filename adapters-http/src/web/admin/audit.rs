//! `/settings/admin/audit`: the audit log.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use openindex_domain::access::Principal;
use openindex_domain::audit::{
    AuditAction, AuditActor, AuditEvent, AuditFilter, RawEvent, Subject,
};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Expiry, Token, TokenId, TokenKind};
use openindex_domain::user::{Email, MAX_PAGE, User, UserId, UserQuery, UserSearch};

use crate::server::stream_export;
use crate::web::access::{Administrator, Person};
use crate::web::error::WebError;
use crate::web::invalid::{Fault, Invalid};
use crate::web::page::{Page, html};
use crate::web::query::Query;
use crate::web::site::{Web, redirect};
use crate::web::view::{Moment, Shown};
use crate::wire::ExportFormat;

use super::people::People;
use super::{PAGE, tokens, users};

const PATH: &str = "/settings/admin/audit";
const EXPORT_PATH: &str = "/settings/admin/audit/export";
const FIELDS: [&str; 5] = ["actor", "action", "subject", "from", "to"];

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditPage {
    page: Page,
    events: Vec<EventView>,
    /// The name of the user in the actor filter.
    actor: Option<Shown>,
    actions: Vec<ActionChoice>,
    chosen: Query,
    is_filtered: bool,
    errors: Invalid,
    is_first: bool,
    first: String,
    next: Option<String>,
    export: String,
}

/// A token or a browser session that acted.
struct CredentialView {
    kind: &'static str,
    id: String,
    /// The token's name and the path of its page.
    token: Option<(Shown, String)>,
}

struct ActionChoice {
    value: &'static str,
    label: &'static str,
    is_selected: bool,
}

struct EventView {
    /// The stored text if it is not a valid time.
    at: Result<Moment, Shown>,
    actor: Actor,
    credential: Option<CredentialView>,
    action: String,
    code: String,
    subject: SubjectView,
    related: Option<SubjectView>,
    /// A user's previous and new email address.
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
    /// Its name and the path of its page.
    named: Option<(Shown, String)>,
}

pub(in crate::web) async fn list(
    by: Administrator,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let principal = &by.0.principal;
    let chosen = chosen(&query);
    let mut ignored = Vec::new();
    let after = query.place("after", |text| text.parse().ok(), &mut ignored);
    let (filter, errors) = match parse(&web, principal, &query).await? {
        Ok(filter) => (Some(filter), Invalid::default()),
        Err(errors) => (None, errors),
    };
    let found = match &filter {
        Some(filter) => Some(web.api.audit.list(principal, filter, after, PAGE).await?),
        None => None,
    };
    let next = found.as_ref().and_then(|found| found.next);
    let events = found.map(|found| found.events).unwrap_or_default();
    let mut people = People::load(&web, principal).await?;
    let actor = filter.and_then(|filter| filter.actor);
    let met: Vec<UserId> = events.iter().flat_map(users_of).chain(actor).collect();
    people.meet(&web, principal, &met).await?;
    let admin_tokens = &web.api.admin_tokens;
    let ids = events.iter().flat_map(tokens_of).collect();
    let known = Known {
        tokens: admin_tokens.tokens_by_id(principal, ids).await?,
        people,
    };
    let now = web.api.tokens.now();
    let template = AuditPage {
        page: Page::of(&web, &by.0, "audit").with_ignored(ignored),
        events: events
            .entries()
            .into_iter()
            .filter_map(|event| match event {
                Ok(event) => Some(EventView::of(event, &known, now)),
                Err(row) => row.raw.as_deref().map(|raw| EventView::raw(raw, now)),
            })
            .collect(),
        actor: actor.map(|id| known.people.name(id)),
        actions: AuditAction::ALL
            .iter()
            .map(|action| ActionChoice {
                value: action.as_str(),
                label: label(*action),
                is_selected: action.as_str() == chosen.get("action"),
            })
            .collect(),
        is_filtered: filter != Some(AuditFilter::default()),
        errors,
        is_first: after.is_none(),
        first: chosen.on(PATH),
        next: next.map(|cursor| chosen.clone().with("after", cursor.to_string()).on(PATH)),
        export: chosen.on(EXPORT_PATH),
        chosen,
    };
    html(template.errors.status(), &template)
}

/// Streams the matching audit events as a file, like the API's export.
pub(in crate::web) async fn export(
    by: Administrator,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let Administrator(Person { principal, .. }) = by;
    let Ok(filter) = parse(&web, &principal, &query).await? else {
        // The page shows what is invalid.
        return Ok(redirect(&chosen(&query).on(PATH)));
    };
    let format = match query.get("format") {
        "json" => ExportFormat::Json,
        _ => ExportFormat::Csv,
    };
    Ok(stream_export(&web.api, principal, filter, format).await?)
}

fn chosen(query: &Query) -> Query {
    query.only(&FIELDS)
}

/// Parses the filter. The inner error contains that of each invalid field.
async fn parse(
    web: &Web,
    by: &Principal,
    query: &Query,
) -> Result<Result<AuditFilter, Invalid>, WebError> {
    const DATE: &str = "Enter a date such as 2026-12-31.";
    let mut errors = Invalid::default();
    let actor = match query.get("actor") {
        "" => None,
        text => user(web, by, ("actor", "actor"), text, &mut errors).await?,
    };
    let action = errors.choice("action", query.get("action"), AuditAction::parse);
    let subject = match (query.get("subject"), query.get("subject").parse().ok()) {
        ("", _) => None,
        (_, Some(subject)) => Some(subject),
        (text, None) => {
            let user = user(web, by, ("subject", "target"), text, &mut errors);
            user.await?.map(Subject::User)
        }
    };
    let since = |text: &str| Timestamp::parse_since(text).ok_or(());
    let since = errors.optional("from", query.get("from"), since, |()| DATE);
    // An expiry date includes the whole day, and so does this filter.
    let until = |text: &str| {
        let until = Expiry::parse(text).ok();
        until.and_then(Expiry::instant).ok_or(())
    };
    let until = errors.optional("to", query.get("to"), until, |()| DATE);
    let filter = AuditFilter {
        actor,
        action,
        subject,
        since,
        until,
        ..AuditFilter::default()
    };
    Ok(if errors.is_empty() {
        Ok(filter)
    } else {
        Err(errors)
    })
}

/// Finds a user by ID, email address, name, or a part of a name or address that matches no other
/// user. Returns `None` after adding the error of the field, given by ID and name.
async fn user(
    web: &Web,
    by: &Principal,
    (id, field): (&'static str, &str),
    text: &str,
    errors: &mut Invalid,
) -> Result<Option<UserId>, WebError> {
    if let Ok(user) = text.parse() {
        return Ok(Some(user));
    }
    let search = errors.check(id, UserSearch::parse(text), |error| {
        format!("The {field} {error}.")
    });
    let Some(search) = search else {
        return Ok(None);
    };
    let query = UserQuery {
        search: Some(search),
        ..UserQuery::default()
    };
    let found = web.api.users.search(by, &query, None, MAX_PAGE).await?;
    let listed: Vec<&User> = found.users.iter().map(|listed| &listed.user).collect();
    let key = Email::parse(text).ok().map(|email| email.key());
    let by_address = |user: &&&User| key.as_ref().is_some_and(|key| user.email.key() == *key);
    if let Some(user) = listed.iter().find(by_address) {
        return Ok(Some(user.id));
    }
    let named: Vec<_> = listed
        .iter()
        .filter(|user| user.name.as_str() == text)
        .collect();
    match (&named[..], &listed[..]) {
        ([user], _) => return Ok(Some(user.id)),
        (_, [user]) => return Ok(Some(user.id)),
        (_, []) => errors.add(
            id,
            format!("The {field} matches no user. Use a name, an email address or an ID."),
        ),
        (_, several) => errors.add_fault(Fault {
            id,
            text: format!(
                "The {field} matches {}{} users. Use an email address or an ID.",
                several.len(),
                if found.next.is_some() { " or more" } else { "" }
            ),
            link: Some((
                format!(
                    "{}{}",
                    web.site.base,
                    Query::default().with("search", text).on(users::PATH)
                ),
                "Show matching users",
            )),
        }),
    }
    Ok(None)
}

fn tokens_of(event: &AuditEvent) -> impl Iterator<Item = TokenId> {
    let acting = match event.actor {
        AuditActor::Token { token, .. } => Some(token),
        AuditActor::Session { .. } | AuditActor::Operator | AuditActor::Anonymous => None,
    };
    let subjects = [Some(event.subject), event.related].into_iter().flatten();
    let subjects = subjects.filter_map(|subject| match subject {
        Subject::Token(id) => Some(id),
        Subject::User(_)
        | Subject::Session(_)
        | Subject::Invite(_)
        | Subject::WorkItem(_)
        | Subject::UnknownAccount => None,
    });
    acting.into_iter().chain(subjects)
}

/// The users and tokens that a page mentions, by ID.
struct Known {
    people: People,
    tokens: HashMap<TokenId, Token>,
}

impl Known {
    /// Returns the token's name and the path of its page, or `None` if it was purged.
    fn token(&self, id: TokenId) -> Option<(Shown, String)> {
        let name = Shown::of(self.tokens.get(&id)?.name.as_str());
        Some((name, format!("{}/{id}", tokens::PATH)))
    }

    fn user(&self, id: UserId) -> Option<(Shown, String)> {
        let name = self.people.known(id)?;
        Some((name, format!("{}/{id}", users::PATH)))
    }
}

const fn kind(id: TokenId) -> &'static str {
    match id.kind() {
        TokenKind::Personal => "Token",
        TokenKind::AgentRun => "Agent run",
    }
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
    fn of(event: &AuditEvent, known: &Known, now: Timestamp) -> Self {
        let actor = match event.actor {
            AuditActor::Operator => Actor::Other("Server operator".to_owned()),
            AuditActor::Anonymous => Actor::Other("Anonymous".to_owned()),
            AuditActor::Token { user, .. } | AuditActor::Session { user, .. } => {
                let id = user.to_string();
                match known.people.known(user) {
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
                AuditActor::Token { token, .. } => Some(CredentialView {
                    kind: kind(token),
                    id: token.to_string(),
                    token: known.token(token),
                }),
                AuditActor::Session { session, .. } => Some(CredentialView {
                    kind: "Browser session",
                    id: session.to_string(),
                    token: None,
                }),
                AuditActor::Operator | AuditActor::Anonymous => None,
            },
            action: label(event.action).to_owned(),
            code: event.action.as_str().to_owned(),
            subject: SubjectView::of(event.subject, known),
            related: event.related.map(|related| SubjectView::of(related, known)),
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
    /// Returns an event as stored, for one that this version cannot parse.
    fn raw(event: &RawEvent, now: Timestamp) -> Self {
        let subject = |id: &String| SubjectView {
            kind: "Unknown",
            id: id.clone(),
            named: None,
        };
        let user = event.actor_user.clone();
        Self {
            at: Timestamp::parse_since(&event.at)
                .map(|at| Moment::new(at, now).to_the_second())
                .ok_or_else(|| Shown::of(&event.at)),
            actor: Actor::Other(user.unwrap_or_else(|| event.actor.clone())),
            credential: event.actor_credential.clone().map(|id| CredentialView {
                kind: "Credential",
                id,
                token: None,
            }),
            action: "Unknown action".to_owned(),
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
    fn of(subject: Subject, known: &Known) -> Self {
        let (kind, named) = match subject {
            Subject::User(id) => match known.user(id) {
                Some(named) => ("User", Some(named)),
                None => ("Deleted user", None),
            },
            Subject::Token(id) => (kind(id), known.token(id)),
            Subject::Session(_) => ("Browser session", None),
            Subject::Invite(_) => ("Invite", None),
            Subject::WorkItem(_) => ("Work item", None),
            Subject::UnknownAccount => ("Unknown user", None),
        };
        Self {
            kind,
            id: subject.to_string(),
            named,
        }
    }
}

/// Returns the actor as shown to the affected user, without naming the administrator.
pub(in crate::web) fn actor(actor: AuditActor, user: UserId) -> &'static str {
    match actor {
        _ if actor.user() == Some(user) => "You",
        AuditActor::Token { .. } | AuditActor::Session { .. } => "An administrator",
        AuditActor::Operator => "Server operator",
        AuditActor::Anonymous => "Anonymous",
    }
}

/// Returns the label of an action.
pub(in crate::web) const fn label(action: AuditAction) -> &'static str {
    match action {
        AuditAction::InstanceBootstrapped => "Instance set up",
        AuditAction::TokenCreated => "Token created",
        AuditAction::TokenRotated => "Token rotated",
        AuditAction::TokenRevoked => "Token revoked",
        AuditAction::TokenReportedLeaked => "Token reported as leaked",
        AuditAction::AgentRunStarted => "Agent run started",
        AuditAction::AgentRunEnded => "Agent run ended",
        AuditAction::WorkItemCreated => "Work item created",
        AuditAction::WorkItemUpdated => "Work item updated",
        AuditAction::WorkItemClaimed => "Work item claimed",
        AuditAction::WorkItemReleased => "Work item released",
        AuditAction::WorkItemCompleted => "Work item completed",
        AuditAction::WorkItemDeleted => "Work item deleted",
        AuditAction::InviteCreated => "Invite created",
        AuditAction::InviteWithdrawn => "Invite withdrawn",
        AuditAction::InviteClaimed => "Invite claimed",
        AuditAction::NoticesDismissed => "Notices dismissed",
        AuditAction::UserSuspended => "User suspended",
        AuditAction::UserUnsuspended => "User unsuspended",
        AuditAction::UserDeleted => "User deleted",
        AuditAction::UserEmailChanged => "Email address changed",
        AuditAction::UserNameChanged => "Name changed",
        AuditAction::UserPromoted => "Role changed to administrator",
        AuditAction::UserDemoted => "Role changed to member",
        AuditAction::PasswordChanged => "Password changed",
        AuditAction::SignInLinkCreated => "Sign-in link created",
        AuditAction::SignInLinkUsed => "Sign-in link used",
        AuditAction::SignedIn => "Signed in",
        AuditAction::SignInRejected => "Sign-in rejected",
        AuditAction::SignInRejectedRepeatedly => {
            "Sign-in rejected repeatedly; further attempts not recorded"
        }
        AuditAction::SignedOut => "Signed out",
        AuditAction::SessionsEnded => "Browser sessions ended",
        AuditAction::AdminDenied => "Admin access denied",
        AuditAction::AdminDeniedRepeatedly => {
            "Admin access denied repeatedly; further attempts not recorded"
        }
    }
}
