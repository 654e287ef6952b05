use openindex_adapters_http::client::Client;

use crate::app::App;
use crate::commands::names::Names;
use crate::error::CliError;

use super::{WorkArgs, show, suggest_next};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
With a personal access token and no agent, you claim the item; with an agent run token, the run's
agent does. Claiming an item again is not an error. Fails if another user or agent has claimed the
item.

Examples:
  oi work-item claim OPS-42
  oi work-item claim OPS-42 --agent-id builder-7")]
pub(crate) struct Args {
    #[command(flatten)]
    work: WorkArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let (session, item) = args.work.send(app, Client::work_item_claim)?;
    app.out.print(&item, |style| {
        let names = Names::of(&session, [&item.summary]);
        let shown = show::full(&item, &names, style);
        format!("{} Claimed {}\n{shown}", style.done(), args.work.key.0)
    })?;
    let next = args
        .work
        .worker
        .command("complete", &args.work.key.0.to_string());
    suggest_next(app, &next);
    Ok(())
}
