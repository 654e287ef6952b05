use openindex_adapters_http::client::Client;

use crate::app::App;
use crate::error::CliError;

use super::{WorkArgs, show};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Anyone can claim the item afterwards. Releasing an item again is not an error.

Examples:
  oi work-item release OPS-42
  oi work-item release OPS-42 --agent-id builder-7")]
pub(crate) struct Args {
    #[command(flatten)]
    work: WorkArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let (session, item) = args.work.send(app, Client::work_item_release)?;
    show::changed(
        &item,
        &format!("Released {}", args.work.key.0),
        &session,
        app,
    )
}
