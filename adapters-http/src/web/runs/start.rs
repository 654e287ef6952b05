use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::access::ActorError;
use openindex_domain::agent_run::{AgentId, AgentRunError, NewRun, RunTtl, WorkItemKey};
use openindex_domain::duration::at_least;
use openindex_domain::form::FormId;
use openindex_domain::token::{
    ListFilter, ListedStatus, MAX_TOKEN_PAGE, Token, TokenId, TokenWithSecret,
};

use crate::web::access::Person;
use crate::web::error::WebError;
use crate::web::form::{Form, Sent};
use crate::web::once;
use crate::web::page::{Page, html};
use crate::web::query::Query;
use crate::web::site::Web;
use crate::web::view::{Moment, Shown};

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
    times: Vec<Choice>,
    errors: Errors,
}

struct Choice {
    value: String,
    label: Shown,
    is_selected: bool,
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

#[derive(Default)]
struct Errors {
    agent: Option<String>,
    token: Option<&'static str>,
    work_item: Option<String>,
    time: Option<&'static str>,
    /// The quota or the creation rate is reached.
    limit: Option<String>,
}

impl Errors {
    const fn status(&self) -> StatusCode {
        if self.limit.is_some() {
            StatusCode::CONFLICT
        } else if self.agent.is_some()
            || self.token.is_some()
            || self.work_item.is_some()
            || self.time.is_some()
        {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        }
    }
}

/// The entries, to show again.
struct Typed<'a> {
    agent: &'a str,
    token: &'a str,
    work_item: &'a str,
    time: &'a str,
}

impl<'a> Typed<'a> {
    fn of(form: &'a Form) -> Self {
        Self {
            agent: form.shown("agent"),
            token: form.shown("token"),
            work_item: form.shown("item"),
            time: form.shown("time"),
        }
    }
}

/// Shows the form. `?token=` and `?item=` preselect a token and a work item.
pub(in crate::web) async fn show_form(
    person: Person,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let entries = person.entries();
    let typed = if entries.get("time").is_empty() {
        Typed {
            agent: "",
            token: query.get("token"),
            work_item: query.get("item"),
            time: DEFAULT_TIME,
        }
    } else {
        Typed::of(entries)
    };
    let form = once::to_show(&web, entries)?;
    render(&web, &person, form, &typed, Errors::default()).await
}

pub(in crate::web) async fn start(
    person: Person,
    State(web): State<Web>,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let context = once::context(&web, context, &form)?;
    let mut errors = Errors::default();
    let agent = AgentId::parse(form.get("agent").trim());
    let agent = agent.map_err(|error| errors.agent = Some(error.to_string()));
    let issuer = form.get("token").parse::<TokenId>();
    let issuer = issuer.map_err(|_| errors.token = Some("Choose one of your active tokens."));
    let work_item = match form.get("item").trim() {
        "" => Ok(None),
        text => text.parse::<WorkItemKey>().map(Some),
    };
    let work_item = work_item.map_err(|_| {
        errors.work_item = Some("must be a key such as OPS-42 or OPS-42.1".to_owned());
    });
    let seconds = form.get("time").parse().ok();
    let ttl = seconds.and_then(|seconds| RunTtl::from_seconds(seconds).ok());
    let ttl = ttl
        .ok_or(())
        .map_err(|()| errors.time = Some("Choose when the run expires."));
    if let (Ok(agent), Ok(issuer), Ok(work_item), Ok(ttl)) = (agent, issuer, work_item, ttl) {
        let new = NewRun {
            agent,
            work_item,
            ttl,
            issuer: Some(issuer),
        };
        let runs = &web.api.agent_runs;
        match runs.start(&person.principal, new, &context).await {
            Ok(run) => return started(&web, &person, &run),
            Err(AgentRunError::NotAuthorized(ActorError::FormUsed(created))) => {
                return once::already(&web, &person, created).await;
            }
            Err(AgentRunError::IssuerNotFound(_)) => {
                errors.token = Some("This token is no longer active. Choose another.");
            }
            Err(AgentRunError::WorkItemNotFound(key)) => {
                errors.work_item = Some(format!("{key} doesn’t exist"));
            }
            Err(AgentRunError::WorkItemResolved(key)) => {
                let error = format!("{key} is already done or cancelled");
                errors.work_item = Some(error);
            }
            Err(AgentRunError::QuotaReached { quota }) => {
                errors.limit = Some(format!(
                    "You’ve reached the limit of {quota} active agent runs. End one you no longer \
                     need."
                ));
            }
            Err(AgentRunError::RateReached(reached)) => {
                let wait = at_least(reached.retry_after_seconds.into());
                errors.limit = Some(format!(
                    "You’ve reached the limit of {} agent runs started within 24 hours. Try again \
                     in {wait}.",
                    reached.limit
                ));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let shown = once::to_show(&web, &form)?;
    render(&web, &person, shown, &Typed::of(&form), errors).await
}

async fn render(
    web: &Web,
    person: &Person,
    form: FormId,
    typed: &Typed<'_>,
    errors: Errors,
) -> Result<Response, WebError> {
    let live = ListFilter {
        status: Some(ListedStatus::Live),
        ..ListFilter::default()
    };
    let tokens = &web.api.tokens;
    let found = tokens.list(&person.principal, &live, None, MAX_TOKEN_PAGE);
    let found = found.await?.tokens;
    let choice = |token: &Token| {
        let value = token.id.to_string();
        let now = tokens.now();
        let expires = token.expires_at.map_or_else(
            || "never expires".to_owned(),
            |at| format!("expires {}", Moment::new(at, now).day()),
        );
        let created = Moment::new(token.created_at, now).day();
        Choice {
            label: Shown::of(&format!("{} (created {created}, {expires})", token.name)),
            is_selected: value == typed.token,
            value,
        }
    };
    let template = StartPage {
        page: Page::of(web, person, "agent-runs"),
        form,
        tokens: found
            .iter()
            // A rotated token expires soon, and the run would end with it.
            .filter(|token| token.successor.is_none())
            .map(choice)
            .collect(),
        agent: typed.agent,
        work_item: typed.work_item,
        has_work: web.api.work_items.is_some(),
        times: TIMES
            .iter()
            .map(|(value, label)| Choice {
                value: (*value).to_owned(),
                label: Shown::of(label),
                is_selected: *value == typed.time,
            })
            .collect(),
        errors,
    };
    html(template.errors.status(), &template)
}

fn started(web: &Web, person: &Person, issued: &TokenWithSecret) -> Result<Response, WebError> {
    let token = &issued.token;
    let run = token.run.as_ref();
    let template = StartedPage {
        page: Page::of(web, person, "agent-runs"),
        id: token.id.to_string(),
        agent: Shown::of(run.map_or("", |run| run.agent.as_str())),
        work_item: run.and_then(|run| run.work_item).map(|key| key.to_string()),
        expires: token
            .expires_at
            .map(|at| Moment::new(at, web.api.agent_runs.now())),
        secret: issued.secret.expose(),
        url: &web.api.settings.public_url,
        has_work: web.api.work_items.is_some(),
    };
    html(StatusCode::CREATED, &template)
}
