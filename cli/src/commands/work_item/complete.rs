use openindex_adapters_http::client::Client;

use crate::app::App;
use crate::error::CliError;

use super::{WorkArgs, show};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ends the runs that are bound to the item: their tokens stop working immediately. An agent can only
complete items that it has claimed. Completing an item again is not an error, except in a run that
is bound to it, because its token has stopped working.

Examples:
  oi work-item complete OPS-42
  oi work-item complete OPS-42 --agent-id builder-7")]
pub(crate) struct Args {
    #[command(flatten)]
    work: WorkArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let (session, item) = args.work.send(app, Client::work_item_complete)?;
    show::changed(
        &item,
        &format!("Completed {}", args.work.key.0),
        &session,
        app,
    )
}
