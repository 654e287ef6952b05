use openindex_adapters_http::client::Client;

use crate::app::App;
use crate::error::CliError;

use super::{WorkArgs, lead_on, show};

/// Which, and for whom.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With a personal token and no agent you take it on yourself; with a run's token its own agent does.
May be repeated: what you have already stays yours. What somebody else works at is refused.

Examples:
  oi work-item claim OPS-42
  oi work-item claim OPS-42 --agent-id builder-7")]
pub(crate) struct Args {
    #[command(flatten)]
    work: WorkArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let item = args.work.act(app, Client::work_item_claim)?;
    app.out.answer(&item, |style| {
        let shown = show::whole(&item, style);
        format!("{} Claimed {}\n{shown}", style.done(), args.work.key.0)
    })?;
    let next = args
        .work
        .worker
        .same("complete", &args.work.key.0.to_string());
    lead_on(app, &next);
    Ok(())
}
