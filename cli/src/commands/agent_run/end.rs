use std::fmt::Write as _;

use openindex_adapters_http::wire::AgentRun;
use openindex_domain::token::{TokenId, TokenKind};
use serde_json::json;

use crate::app::{App, Session};
use crate::commands::{not_confirmed, one_by_one, require_someone_to_ask};
use crate::error::{CliError, Failure};
use crate::field::{Field, Several};
use crate::prompt;
use crate::render::{Style, plain};

use super::{LIST, end, work_item};

/// Which runs; read later, since a secret gets an error of its own.
struct RunId;

impl Field for RunId {
    type Value = String;
    const PLACE: &'static str = "RUN_ID";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("id", "ID", "Run id (run_…), as shown by `list`")];
}

/// What to end.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What a run had claimed is free again. Asks on a terminal; without one, --yes is required. Stops at
the first run that cannot be ended and says which were.

Examples:
  oi agent-run end run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2
  oi agent-run end --yes run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Args {
    #[command(flatten)]
    runs: Several<RunId>,
    /// Do not ask
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
    require_someone_to_ask(args.yes, "ending a run")?;
    let session = app.human_session()?;
    if !args.yes && !confirmed(&ids, &session, app)? {
        return Err(not_confirmed("nothing was ended").into());
    }
    let ended = one_by_one(&ids, "ended", LIST, |id| {
        session.call(|client| client.agent_run_end(*id))
    })?;
    app.out.answer(&json!({ "ended": ended }), |style| {
        let lines = ended
            .iter()
            .map(|id| format!("{} Ended {id}\n", style.done()));
        lines.collect()
    })
}

/// A secret gets an answer of its own, and is not repeated.
fn parse(text: &str) -> Result<TokenId, Failure> {
    let message = match text.parse::<TokenId>() {
        Ok(id) if id.kind() == TokenKind::AgentRun => return Ok(id),
        _ if text.starts_with("oi_") => {
            "that is a token's secret; a run is named by its id (run_…)"
        }
        _ => "name a run by its id (run_ and 32 hexadecimal digits)",
    };
    Err(Failure::usage(message).next(LIST))
}

/// Shows what is about to end, and asks.
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
    format!("{text}End {what} working at once.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::agent_run::tests::runs;
    use crate::commands::tests::STYLE;
    use crate::exit_code::ExitCode;

    #[test]
    fn the_question_shows_what_would_end() {
        let runs = runs();
        insta::assert_snapshot!("end_one", question(&runs[..1], &STYLE));
        insta::assert_snapshot!("end_several", question(&runs[..3], &STYLE));
    }

    #[test]
    fn a_secret_is_no_id_and_is_not_repeated() {
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
