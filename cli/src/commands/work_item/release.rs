use openindex_adapters_http::client::Client;

use crate::app::App;
use crate::error::CliError;

use super::{WorkArgs, show};

/// Which, and for whom.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It can be taken on by anybody then. May be repeated.

Examples:
  oi work-item release OPS-42
  oi work-item release OPS-42 --agent-id builder-7")]
pub(crate) struct Args {
    #[command(flatten)]
    work: WorkArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let item = args.work.act(app, Client::work_item_release)?;
    show::changed(&item, &format!("Released {}", args.work.key.0), app)
}
