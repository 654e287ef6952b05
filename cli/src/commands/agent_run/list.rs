use openindex_adapters_http::wire::{AgentRun, Open, Status};

use crate::app::App;
use crate::commands::paging::{self, Page, PageArgs};
use crate::error::CliError;
use crate::render::{Form, Listing, Row, Style, expiry, moment, plain};

use super::{end, work_item};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Tokens are not listed: each is shown only once, when its run is started.

Examples:
  oi agent-run list
  oi agent-run list --ended
  oi agent-run list --all --json | jq -r '.items[] | select(.workItemKey == \"OPS-42\").id'")]
pub(crate) struct Args {
    /// Include runs that ended in the last 30 days
    #[arg(long, visible_alias = "include-ended")]
    ended: bool,
    #[command(flatten)]
    page: PageArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let fetch = |query: &_| {
        let list = session.call(|client| client.agent_runs_list(args.ended, query))?;
        Ok(Page {
            items: list.items,
            damaged: list.damaged,
            next_cursor: list.next_cursor,
        })
    };
    paging::list(&args.page, app, fetch, human)
}

fn human(runs: &[AgentRun], style: &Style) -> String {
    if runs.is_empty() {
        return "No agent runs. Start one with: oi agent-run start --agent-id ID\n".to_owned();
    }
    // Color escapes in a cell would count as width.
    let colorless = Style {
        color: false,
        ..*style
    };
    let rows = runs.iter().map(|run| {
        let end = end(run, &colorless);
        let until = match run.status {
            Open::Known(Status::Revoked) => end.clone(),
            _ => expiry(run.expires_at.as_deref(), &colorless),
        };
        let used = moment(run.last_used_at.as_deref(), &colorless);
        let used_words = match run.last_used_at {
            None => "never used".to_owned(),
            Some(_) => format!("last used {used}"),
        };
        let item = run.work_item_key.as_deref();
        Row {
            name: plain(&run.agent_id),
            summary: format!("{} · {end} · {used_words}", work_item(run)),
            cells: vec![item.map_or_else(|| "any".to_owned(), plain), until, used],
            id: plain(&run.id),
            inactive: run.status != Status::Live,
        }
    });
    Listing {
        form: Form::Agents,
        titles: vec!["work item", "expires", "last used"],
        rows: rows.collect(),
    }
    .render(style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::agent_run::tests::runs;
    use crate::commands::tests::{STYLE, WIDE};

    #[test]
    fn shows_runs_as_a_table_and_as_a_list() {
        insta::assert_snapshot!("runs_wide", human(&runs(), &WIDE));
        insta::assert_snapshot!("runs_narrow", human(&runs(), &STYLE));
        insta::assert_snapshot!("runs_none", human(&[], &STYLE));
    }
}
