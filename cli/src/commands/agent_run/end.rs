use std::fmt::Write as _;

use openindex_adapters_http::wire::AgentRun;
use openindex_domain::token::{TokenId, TokenKind};
use serde_json::json;

use crate::app::{App, Session};
use crate::commands::{not_confirmed, one_by_one, require_terminal_or_yes};
use crate::error::{CliError, Failure};
use crate::field::{Field, Several};
use crate::prompt;
use crate::render::{Style, plain, shown};

use super::{LIST, end, work_item};

/// A run ID, parsed later because a secret gets a specific error.
struct RunId;

impl Field for RunId {
    type Value = String;
    const POSITIONAL: &'static str = "RUN_ID";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("id", "ID", "Run ID (run_…), as shown by `list`")];
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Releases the work items that the runs have claimed. Stops at the first run that cannot be ended, and
lists those already ended. Asks for confirmation on a terminal; without one, --yes is required.

Examples:
  oi agent-run end run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2
  oi agent-run end --yes run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Args {
    #[command(flatten)]
    runs: Several<RunId>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let mut ids = Vec::new();
    for text in &args.runs.0 {
        let id = parse(text)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    require_terminal_or_yes(args.yes, "ending a run")?;
    let session = app.human_session()?;
    if !args.yes && !confirmed(&ids, &session, app)? {
        return Err(not_confirmed("no run was ended").into());
    }
    let ended = one_by_one(&ids, "ended", LIST, |id| {
        session.call(|client| client.agent_run_end(*id))
    })?;
    app.out.print(&json!({ "ended": ended }), |style| {
        let lines = ended
            .iter()
            .map(|id| format!("{} Ended {id}\n", style.done()));
        lines.collect()
    })
}

/// Parses a run ID. A secret gets a specific error, which does not repeat it.
fn parse(text: &str) -> Result<TokenId, Failure> {
    let message = match text.parse::<TokenId>() {
        Ok(id) if id.kind() == TokenKind::AgentRun => return Ok(id),
        _ if text.starts_with("oi_") => {
            "this is a token's secret; pass the run's ID (run_…)".to_owned()
        }
        _ => format!(
            "invalid run ID '{}': must be run_ and 32 hexadecimal digits, as shown by `list`",
            shown(text)
        ),
    };
    Err(Failure::usage(message).next(LIST))
}

/// Shows the runs to end, and asks for confirmation.
fn confirmed(ids: &[TokenId], session: &Session, app: &mut App<'_>) -> Result<bool, CliError> {
    let mut runs = Vec::new();
    for id in ids {
        runs.push(session.call(|client| client.agent_run_get(*id))?);
    }
    let style = app.out.message_style();
    prompt::confirm(&question(&runs, &style))
}

fn question(runs: &[AgentRun], style: &Style) -> String {
    let mut text = String::new();
    for run in runs {
        let (agent, id) = (style.bold(&plain(&run.agent_id)), plain(&run.id));
        let (item, end) = (work_item(run), end(run, style));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {agent}  {id}  {item}, {end}");
    }
    let what = match runs.len() {
        1 => "this run? Its token stops".to_owned(),
        count => format!("these {count} runs? Their tokens stop"),
    };
    format!("{text}End {what} working immediately. This cannot be undone.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::agent_run::tests::runs;
    use crate::commands::tests::STYLE;
    use crate::exit_code::ExitCode;

    #[test]
    fn the_prompt_shows_the_runs() {
        let runs = runs();
        insta::assert_snapshot!("end_one", question(&runs[..1], &STYLE));
        insta::assert_snapshot!("end_several", question(&runs[..3], &STYLE));
    }

    #[test]
    fn a_secret_is_rejected_and_not_repeated() {
        let secret = "oi_run_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
        for text in [
            secret,
            "builder-7",
            "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
            "",
        ] {
            let failure = parse(text).unwrap_err();
            assert_eq!(failure.exit, ExitCode::Usage, "{text}");
            assert!(!failure.message.contains(secret));
        }
    }
}
