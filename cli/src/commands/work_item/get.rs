use super::Key;
use crate::app::App;
use crate::commands::names::Names;
use crate::error::CliError;
use crate::field::One;

use super::show;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  oi work-item get OPS-42
  oi work-item get OPS-42 --json | jq -r .description")]
pub(crate) struct Args {
    #[command(flatten)]
    key: One<Key>,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.session()?;
    let item = session.call(|client| client.work_item_get(args.key.0))?;
    app.out.print(&item, |style| {
        let names = Names::of(&session, [&item.summary]);
        show::full(&item, &names, style)
    })
}
