use openindex_adapters_http::client::Client;

use crate::app::App;
use crate::error::CliError;

use super::{WorkArgs, show};

/// Which, and for whom.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ends the runs that are bound to it: their tokens stop working at once. An agent completes only what
it has claimed. May be repeated, but not by a run that is bound to it: its token is refused then.

Examples:
  oi work-item complete OPS-42
  oi work-item complete OPS-42 --agent-id builder-7")]
pub(crate) struct Args {
    #[command(flatten)]
    work: WorkArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let item = args.work.act(app, Client::work_item_complete)?;
    show::changed(&item, &format!("Completed {}", args.work.key.0), app)
}
