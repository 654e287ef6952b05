//! `/settings/tokens/{id}`: one token, of any status.

use std::net::IpAddr;

use askama::Template;
use http::StatusCode;
use openindex_domain::agent_run::RunFilter;
use openindex_domain::audit::{AuditEvent, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{RETENTION_DAYS, Token, TokenAction, TokenId};

use crate::web::events::{actor, label};
use crate::web::{
    At, Badge, Moment, Page, PageResult, Person, Shown, TokenView, WebError, html, scope_name,
};

use super::list::{kept, shares_name};

/// The maximum number of runs and audit events shown.
const NEWEST: u32 = 20;
/// The maximum number of predecessors, and of successors, shown.
const CHAIN: usize = 10;

#[derive(Template)]
#[template(path = "tokens/show.html")]
struct ShowPage {
    page: Page,
    token: TokenView,
    effective_scope: &'static str,
    last_four: Option<String>,
    created_from: Option<IpAddr>,
    last_used_from: Option<IpAddr>,
    shares_name: bool,
    /// Oldest first, including this token; empty if it was never rotated.
    chain: Vec<Link>,
    runs: Vec<Run>,
    has_more_runs: bool,
    events: Vec<Event>,
    retention_days: i64,
    kept: String,
}

/// A token of the rotation chain.
struct Link {
    id: String,
    is_this: bool,
    /// Status and creation time; `None` if it was purged.
    stored: Option<(Badge, Moment)>,
}

struct Run {
    id: String,
    agent: Shown,
    status: Badge,
    started: Moment,
    ended: Option<Moment>,
}

struct Event {
    at: Moment,
    action: &'static str,
    actor: &'static str,
    /// The IP address; `None` if someone else acted.
    from: Option<IpAddr>,
}

pub(in crate::web) async fn show(person: At<Person, TokenId>) -> PageResult {
    let (tokens, principal) = (&person.tokens, &person.principal);
    let token = tokens.get_including_revoked(principal, person.id).await?;
    let token = token.ok_or(WebError::NOT_FOUND)?;
    let shared = tokens.shared_names(principal).await?;
    let events = person.audit.own_token_events(principal, &token, NEWEST);
    let events = events.await?;
    let issued_with = RunFilter {
        issuer: Some(person.id),
        ..RunFilter::ANY
    };
    let runs = &person.agent_runs;
    let runs = runs.list(principal, &issued_with, None, NEWEST).await?;
    let now = tokens.now();
    let allowed = principal.effective_scope();
    let moment = |at| Moment::new(at, now);
    let template = ShowPage {
        page: person.page("tokens"),
        effective_scope: scope_name(token.scope.min(allowed)),
        last_four: token.details.last_four.map(|end| end.to_string()),
        created_from: token.details.created_from,
        last_used_from: token.details.last_used_from,
        shares_name: shares_name(&token, token.status(now), &shared),
        chain: chain(&person, &token, &events, now).await?,
        runs: runs
            .runs
            .iter()
            .map(|run| Run {
                id: run.id.to_string(),
                agent: Shown::of(run.name.as_str()),
                status: Badge::of_run(run.status(now)),
                started: moment(run.created_at),
                ended: run.end().filter(|at| *at <= now).map(moment),
            })
            .collect(),
        has_more_runs: runs.next.is_some(),
        events: events
            .iter()
            .map(|event| Event {
                at: moment(event.at),
                action: label(event.action),
                actor: actor(event, principal.user_id()),
                from: event.context.client_address,
            })
            .collect(),
        retention_days: RETENTION_DAYS,
        kept: kept(&person.query).on(""),
        token: TokenView::of(&token, allowed, now),
    };
    html(StatusCode::OK, &template)
}

/// Returns the rotation chain of a token, oldest first.
async fn chain(
    person: &Person,
    token: &Token,
    events: &[AuditEvent],
    now: Timestamp,
) -> Result<Vec<Link>, WebError> {
    let (tokens, by) = (&person.tokens, &person.principal);
    let mut chain = Vec::new();
    let mut before = predecessor(token.id, events);
    while let Some(id) = before.filter(|_| chain.len() < CHAIN) {
        let found = tokens.get_including_revoked(by, id).await?;
        before = match &found {
            Some(found) => {
                let events = person.audit.own_token_events(by, found, NEWEST);
                predecessor(id, &events.await?)
            }
            None => None,
        };
        chain.push(Link::of(id, found.as_ref(), now));
    }
    chain.reverse();
    let predecessors = chain.len();
    chain.push(Link {
        is_this: true,
        ..Link::of(token.id, Some(token), now)
    });
    let mut after = token.successor;
    while let Some(id) = after.filter(|_| chain.len() <= predecessors + CHAIN) {
        let found = tokens.get_including_revoked(by, id).await?;
        after = found.as_ref().and_then(|found| found.successor);
        chain.push(Link::of(id, found.as_ref(), now));
    }
    if chain.len() == 1 {
        chain.clear();
    }
    Ok(chain)
}

/// Returns the token that this one replaced, according to its audit events.
fn predecessor(id: TokenId, events: &[AuditEvent]) -> Option<TokenId> {
    let rotation = events.iter().find(|event| {
        event.action == TokenAction::ROTATED && event.related == Some(Subject::Token(id))
    })?;
    match rotation.subject {
        Subject::Token(id) => Some(id),
        _ => None,
    }
}

impl Link {
    fn of(id: TokenId, token: Option<&Token>, now: Timestamp) -> Self {
        Self {
            id: id.to_string(),
            is_this: false,
            stored: token.map(|token| {
                let view = TokenView::of(token, token.scope, now);
                (view.status, view.created)
            }),
        }
    }
}
