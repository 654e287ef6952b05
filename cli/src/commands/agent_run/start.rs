use openindex_adapters_http::wire::{AgentRun, StartAgentRun};
use openindex_domain::agent_run::{AgentId, RunTtl, WorkItemKey};

use crate::app::App;
use crate::commands::once::{self, Shown, Undo, parse, require_writable_stdout};
use crate::commands::suggest_check;
use crate::duration::parse_seconds;
use crate::error::{CliError, Failure};
use crate::render::{Style, expiry, fields, plain, word};

use super::LIST;

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
pub(crate) struct Args {
    /// ID of the agent; overrides the profile's agent ID
    #[arg(
        long,
        value_name = "ID",
        help = "ID of the agent; overrides the profile's agent ID [env: OPENINDEX_AGENT_ID]"
    )]
    agent_id: Option<AgentId>,
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

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let ttl = match args.ttl_seconds {
        Some(seconds) => lifetime("--ttl-seconds", seconds)?,
        None => ttl(&args.ttl)?,
    };
    require_writable_stdout()?;
    let (session, agent) = app.starting_session(args.agent_id.as_ref())?;
    let request = StartAgentRun {
        agent_id: agent.clone(),
        work_item_key: args.work_item,
        ttl_seconds: ttl,
        scope: None,
    };
    let started = session
        .call(|client| client.agent_run_start(&request))
        .map_err(|failure| suggest_check(failure, LIST))?;
    let id = plain(&started.run.id);
    let command = format!("oi agent-run end {id}");
    let undo = Undo {
        created: format!("run {id}"),
        undone: "ended because its token was not shown",
        act: Box::new(|| {
            let id = parse(&started.run.id)?;
            session.call(|client| client.agent_run_end(id))
        }),
        command,
        consequence: None,
    };
    let shown = Shown {
        document: &started,
        secret: &started.token,
        secret_only: args.token_only,
        warning: WARNING,
    };
    once::show(app, &shown, |style| introduction(&started.run, style), undo)
}

fn ttl(text: &str) -> Result<RunTtl, Failure> {
    let seconds =
        parse_seconds(text).map_err(|error| Failure::usage(format!("--ttl {text}: {error}")))?;
    lifetime("--ttl", seconds)
}

fn lifetime(flag: &str, seconds: i64) -> Result<RunTtl, Failure> {
    RunTtl::from_seconds(seconds).map_err(|error| Failure::usage(format!("{flag} {error}")))
}

fn introduction(run: &AgentRun, style: &Style) -> String {
    let item = run.work_item_key.as_deref();
    let rows = [
        ("id", plain(&run.id)),
        ("work item", item.map_or_else(|| "any".to_owned(), plain)),
        ("scope", word(&run.scope)),
        ("expires", expiry(run.expires_at.as_deref(), style)),
    ];
    format!(
        "{} Started a run of agent {}\n{}",
        style.done(),
        style.bold(&plain(&run.agent_id)),
        fields(&rows, style)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::agent_run::tests::runs;
    use crate::commands::tests::STYLE;
    use crate::exit_code::ExitCode;

    #[test]
    fn a_ttl_is_one_minute_to_one_day() {
        for (text, seconds) in [("60s", 60), ("1h", 3_600), ("24h", 86_400), ("1d", 86_400)] {
            assert_eq!(ttl(text).unwrap().seconds(), seconds);
        }
        for text in ["59s", "0s", "25h", "86401s", "600000d", "1", "", "soon"] {
            assert_eq!(ttl(text).unwrap_err().exit, ExitCode::Usage, "{text}");
        }
    }

    #[test]
    fn the_introduction_of_a_run_does_not_contain_its_secret() {
        let runs = runs();
        insta::assert_snapshot!("started_bound", introduction(&runs[0], &STYLE));
        insta::assert_snapshot!("started", introduction(&runs[1], &STYLE));
    }
}
