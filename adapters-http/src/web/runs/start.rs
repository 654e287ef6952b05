use std::str::FromStr as _;

use askama::Template;
use http::StatusCode;
use openindex_domain::access::ActorError;
use openindex_domain::agent_run::{AgentId, AgentRunError, NewRun, RunTtl, WorkItemKey};
use openindex_domain::duration::at_least;
use openindex_domain::form::FormId;
use openindex_domain::page::MAX_TOKEN_PAGE;
use openindex_domain::token::{ListFilter, Status, Token, TokenError, TokenId, TokenWithSecret};
use openindex_domain::work_item::WorkItemError;

use crate::web::{
    Choice, Form, Invalid, Moment, Page, PageResult, Person, Shown, WebError, html, once,
};

/// The durations to choose from, in seconds.
const TIMES: [(&str, &str); 5] = [
    ("900", "15 minutes"),
    ("3600", "1 hour"),
    ("14400", "4 hours"),
    ("28800", "8 hours"),
    ("86400", "24 hours"),
];
const DEFAULT_TIME: &str = "3600";

#[derive(Template)]
#[template(path = "runs/start.html")]
struct StartPage<'a> {
    page: Page,
    form: FormId,
    tokens: Vec<Choice>,
    agent: &'a str,
    work_item: &'a str,
    has_work: bool,
    times: [Choice; 5],
    errors: Invalid,
    /// The quota or the creation rate is reached.
    limit: Option<String>,
}

/// The only page that shows a run's token.
#[derive(Template)]
#[template(path = "runs/started.html")]
struct StartedPage<'a> {
    page: Page,
    id: String,
    agent: Shown,
    work_item: Option<String>,
    expires: Option<Moment>,
    secret: &'a str,
    /// The URL of the API.
    url: &'a str,
    has_work: bool,
}

/// Shows the form. `?token=` and `?item=` preselect a token and a work item.
pub(in crate::web) async fn show_form(person: Person) -> PageResult {
    let (entries, query) = (person.entries(), &person.query);
    let linked = Form::of([
        ("token", query.get("token")),
        ("item", query.get("item")),
        ("time", DEFAULT_TIME),
    ]);
    let is_entered = !entries.get("time").is_empty();
    let form = if is_entered { entries } else { &linked };
    render(&person, form, Invalid::default(), None).await
}

pub(in crate::web) async fn start(person: Person, form: Form) -> PageResult {
    let context = once::context(&person, &form)?;
    let (mut errors, mut limit) = (Invalid::default(), None);
    let agent = AgentId::parse(form.get("agent").trim());
    let agent = errors.named("agent", "agent ID", agent);
    let issuer = form.get("token").parse();
    let issuer = errors.check("token", issuer, |_| NO_TOKEN);
    let work_item = form.get("item").trim();
    let work_item = errors.optional("item", "work item", work_item, WorkItemKey::from_str);
    let seconds = form.get("time").parse().ok();
    let ttl = seconds.and_then(|seconds| RunTtl::from_seconds(seconds).ok());
    let ttl = errors.check("time", ttl.ok_or(()), |()| "Choose when the run expires.");
    if errors.is_empty()
        && let (Some(agent), Some(issuer), Some(ttl)) = (agent, issuer, ttl)
    {
        let new = NewRun {
            agent,
            work_item,
            ttl,
            issuer: Some(issuer),
        };
        let runs = &person.agent_runs;
        match runs.start(&person.principal, new, &context).await {
            Ok(run) => return started(&person, &run),
            Err(AgentRunError::NotAuthorized(ActorError::FormUsed(created))) => {
                return once::already(&person, created).await;
            }
            Err(AgentRunError::IssuerNotFound(_)) => errors.add("token", NO_TOKEN),
            Err(AgentRunError::WorkItemNotFound(key)) => errors.add("item", no_item(key)),
            Err(AgentRunError::WorkItemResolved(key)) => errors.add("item", resolved(key)),
            Err(AgentRunError::QuotaReached { quota }) => {
                limit = Some(format!(
                    "You’ve reached the limit of {quota} active agent runs. End one you no longer \
                     need."
                ));
            }
            Err(AgentRunError::RateReached(reached)) => {
                let wait = at_least(reached.retry_after_seconds.into());
                limit = Some(format!(
                    "You’ve reached the limit of {} agent runs started within 24 hours. Try again \
                     in {wait}.",
                    reached.limit
                ));
            }
            Err(error) => return Err(error.into()),
        }
    }
    check_existing(&person, issuer, work_item, &mut errors).await?;
    errors.sort(&["agent", "token", "item", "time"]);
    render(&person, &form, errors, limit).await
}

const NO_TOKEN: &str = "Choose one of your active tokens.";

fn no_item(key: WorkItemKey) -> String {
    format!("The work item {key} doesn’t exist.")
}

fn resolved(key: WorkItemKey) -> String {
    format!("The work item {key} is already done or cancelled.")
}

/// Adds the errors of a token that is not active and of a work item that does not exist or is
/// resolved. [`start`] rejects both, but one at a time, and only when the other fields are valid.
async fn check_existing(
    person: &Person,
    issuer: Option<TokenId>,
    work_item: Option<WorkItemKey>,
    errors: &mut Invalid,
) -> Result<(), WebError> {
    let tokens = &person.tokens;
    if let (Some(id), None) = (issuer, errors.get("token")) {
        match tokens.get(&person.principal, id).await {
            Ok(token) if token.status(tokens.now()) == Status::Live => {}
            Ok(_) | Err(TokenError::NotFound) => errors.add("token", NO_TOKEN),
            Err(error) => return Err(error.into()),
        }
    }
    if let (Some(key), None, Some(work)) = (work_item, errors.get("item"), &person.work_items) {
        match work.get(&person.principal, key).await {
            Ok(item) if item.status.is_resolved() => errors.add("item", resolved(key)),
            Ok(_) => {}
            Err(WorkItemError::NotFound) => errors.add("item", no_item(key)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn render(
    person: &Person,
    form: &Form,
    errors: Invalid,
    limit: Option<String>,
) -> PageResult {
    let live = ListFilter {
        status: Some(Status::Live),
        ..ListFilter::default()
    };
    let tokens = &person.tokens;
    let found = tokens.list(&person.principal, &live, None, MAX_TOKEN_PAGE);
    let found = found.await?.tokens;
    let choice = |token: &Token| {
        let now = tokens.now();
        let expires = token.expires_at.map_or_else(
            || "never expires".to_owned(),
            |at| format!("expires {}", Moment::end(at, now).day()),
        );
        let created = Moment::new(token.created_at, now).day();
        let label = format!("{} (created {created}, {expires})", token.name);
        Choice::new(&token.id.to_string(), &label, form.shown("token"))
    };
    let template = StartPage {
        page: person.page("agent-runs"),
        form: once::to_show(person, form)?,
        tokens: found
            .iter()
            // A rotated token expires soon, and the run would end with it.
            .filter(|token| token.successor.is_none())
            .map(choice)
            .collect(),
        agent: form.shown("agent"),
        work_item: form.shown("item"),
        has_work: person.work_items.is_some(),
        times: TIMES.map(|(value, label)| Choice::new(value, label, form.shown("time"))),
        errors,
        limit,
    };
    let status = match template.limit {
        Some(_) => StatusCode::CONFLICT,
        None => template.errors.status(),
    };
    html(status, &template)
}

fn started(person: &Person, issued: &TokenWithSecret) -> PageResult {
    let token = &issued.token;
    let run = token.run.as_ref();
    let template = StartedPage {
        page: person.page("agent-runs"),
        id: token.id.to_string(),
        agent: Shown::of(run.map_or("", |run| run.agent.as_str())),
        work_item: run.and_then(|run| run.work_item).map(|key| key.to_string()),
        expires: token
            .expires_at
            .map(|at| Moment::new(at, person.agent_runs.now())),
        secret: issued.secret.expose(),
        url: &person.settings.public_url,
        has_work: person.work_items.is_some(),
    };
    html(StatusCode::CREATED, &template)
}
