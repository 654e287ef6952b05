//! `oi agent-run`: agent runs, each with its own token.

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{AgentRun, Open, StartAgentRun, Status};
use openindex_domain::agent_run::{RunTtl, WorkItemKey};
use openindex_domain::token::{TokenId, TokenKind};

use crate::commands::prelude::*;
use crate::commands::work_item::WorkerArgs;
use crate::duration::span;

commands! {
    /// Start an agent run and show its token once
    Start(Start) -> "StartedAgentRun" = start,
    /// List your agent runs, newest first
    #[command(visible_alias = "ls")]
    List(List) -> "AgentRunList" = list,
    /// End agent runs; their tokens stop working immediately
    #[command(after_help = "\
Releases the work items that the runs have claimed. Stops at the first run that cannot be ended, and
lists those already ended. Asks for confirmation on a terminal; without one, --yes is required.

Examples:
  oi agent-run end run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2
  oi agent-run end --yes run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
    End(Confirmed<Several<RunId>>) -> "Ended" = end,
}

const LIST: &str = "oi agent-run list";

/// Formats when a run expires or was ended.
fn end_of(run: &AgentRun, style: &Style) -> String {
    match run.status {
        Open::Known(Status::Revoked) => format!("ended {}", moment(run.ended_at.as_deref(), style)),
        _ => ends(run.expires_at.as_deref(), style),
    }
}

/// Formats which work items a run can change.
fn work_item(run: &AgentRun) -> String {
    match run.work_item_key.as_deref() {
        None => "any work item".to_owned(),
        Some(key) => format!("only {}", plain(key)),
    }
}

const WARNING: &str = "\
Pass this token to the agent as OPENINDEX_TOKEN now: it is not shown again. Anyone who has it can
work on your behalf until the run ends.";
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A run's token is only valid for work items and the queue, and acts on your behalf. The run ends when
its lifetime is reached, when the token that started it stops working, when its work item is
completed, canceled or deleted, or with `oi agent-run end`, whichever comes first. The token is
shown only once.

Examples:
  oi agent-run start --agent-id builder-7
  oi agent-run start --agent-id builder-7 --work-item OPS-42 --ttl 30m
  OPENINDEX_TOKEN=$(oi agent-run start --agent-id builder-7 --token-only) ./work.sh")]
pub(crate) struct Start {
    #[command(flatten)]
    worker: WorkerArgs,
    /// Bind the run to this work item, the only one it can change [default: any]
    #[arg(long, value_name = "KEY", visible_alias = "work-item-key")]
    work_item: Option<WorkItemKey>,
    /// Lifetime, such as 30m or 8h (60s to 24h)
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    ttl: String,
    /// Lifetime in seconds (60 to 86400)
    #[arg(long, value_name = "N", conflicts_with = "ttl")]
    ttl_seconds: Option<i64>,
    /// Print only the token, for a pipe or a variable
    #[arg(long, conflicts_with = "json")]
    token_only: bool,
}

fn start(args: &Start, app: &mut App<'_>) -> Result<(), CliError> {
    let ttl = match args.ttl_seconds {
        Some(seconds) => lifetime("--ttl-seconds", seconds)?,
        None => ttl(&args.ttl)?,
    };
    require_writable_stdout()?;
    let (session, agent) = app.starting_session(args.worker.agent_id.as_ref())?;
    let request = StartAgentRun {
        agent_id: agent.clone(),
        work_item_key: args.work_item,
        ttl_seconds: ttl,
        scope: None,
    };
    let started = session.change(LIST, |client| client.agent_run_start(&request))?;
    let id = plain(&started.run.id);
    let command = format!("oi agent-run end {id}");
    let undo = Undo {
        created: format!("run {id}"),
        undone: "ended because its token was not shown",
        act: Box::new(|| {
            let id = once::parse_id(&started.run.id)?;
            session.call(|client| client.agent_run_end(id))
        }),
        command,
        consequence: None,
    };
    let introduction = |style: &Style| introduction(&started.run, style);
    let secret = (&started.token, args.token_only, WARNING);
    once::show(app, &started, secret, introduction, undo)
}

fn ttl(text: &str) -> Result<RunTtl, Failure> {
    let seconds = span("--ttl", text)?;
    lifetime("--ttl", seconds)
}

fn lifetime(flag: &str, seconds: i64) -> Result<RunTtl, Failure> {
    RunTtl::from_seconds(seconds).named(flag)
}

fn introduction(run: &AgentRun, style: &Style) -> String {
    let rows = [
        ("id", plain(&run.id)),
        ("work item", or(run.work_item_key.as_deref(), "any")),
        ("scope", word(&run.scope)),
        ("expires", expiry(run.expires_at.as_deref(), style)),
    ];
    let agent = plain(&run.agent_id);
    done("Started a run of agent", &agent, &rows, style)
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Tokens are not listed: each is shown only once, when its run is started.

Examples:
  oi agent-run list
  oi agent-run list --ended
  oi agent-run list --all --json | jq -r '.items[] | select(.workItemKey == \"OPS-42\").id'")]
pub(crate) struct List {
    /// Include runs that ended in the last 30 days
    #[arg(long, visible_alias = "include-ended")]
    ended: bool,
    #[command(flatten)]
    page: PageArgs,
}

fn list(args: &List, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let request = |client: &Client, query: &_| client.agent_runs_list(args.ended, query);
    paging::list(&args.page, &session, app, request, runs_listing)
}

fn runs_listing(runs: &[AgentRun], style: &Style) -> String {
    if runs.is_empty() {
        return "No agent runs. Start one with: oi agent-run start --agent-id ID\n".to_owned();
    }
    let titles = &["work item", "expires", "last used"];
    listing(Form::Agents, titles, runs, style, |run, style| {
        let end = end_of(run, style);
        let until = match run.status {
            Open::Known(Status::Revoked) => end.clone(),
            _ => expiry(run.expires_at.as_deref(), style),
        };
        let (used, used_words) = last_used(run.last_used_at.as_deref(), style);
        let item = or(run.work_item_key.as_deref(), "any");
        Row {
            name: plain(&run.agent_id),
            summary: format!("{} · {end} · {used_words}", work_item(run)),
            cells: vec![item, until, used],
            id: plain(&run.id),
            inactive: run.status != Status::Live,
        }
    })
}

/// A run ID, parsed later because a secret gets a specific error.
pub(crate) struct RunId;

impl Field for RunId {
    type Value = String;
    const POSITIONAL: &'static str = "RUN_ID";
    const FLAGS: Flags = &[("id", "ID", "Run ID (run_…), as shown by `list`")];
}

fn end(args: &Confirmed<Several<RunId>>, app: &mut App<'_>) -> Result<(), CliError> {
    let ids = distinct(&args.what.0, |text| parse(text))?;
    args.yes.require("ending a run")?;
    let session = app.human_session()?;
    args.yes.ask("no run was ended", || {
        let runs = ids
            .iter()
            .map(|id| session.call(|client| client.agent_run_get(*id)));
        let runs = runs.collect::<Result<Vec<_>, _>>()?;
        Ok(question(&runs, &app.out.message_style()))
    })?;
    let ended = one_by_one(&ids, "ended", LIST, |id| {
        session.call(|client| client.agent_run_end(*id))
    })?;
    print_ended(app, "ended", "Ended", &ended)
}

/// Parses a run ID. A secret gets a specific error, which does not repeat it.
fn parse(text: &str) -> Result<TokenId, Failure> {
    let secret = "this is a token's secret; pass the run's ID (run_…)";
    parse_token_id(text, TokenKind::AgentRun, secret, LIST)
}

fn question(runs: &[AgentRun], style: &Style) -> String {
    let lines = runs.iter().map(|run| {
        let (agent, id) = (style.bold(&plain(&run.agent_id)), plain(&run.id));
        let (item, end) = (work_item(run), end_of(run, style));
        format!("  {agent}  {id}  {item}, {end}\n")
    });
    let text: String = lines.collect();
    let (one, several) = ("run? Its token stops", "runs? Their tokens stop");
    question_about(&text, runs.len(), "End", one, several)
}

#[cfg(test)]
mod tests;
