//! `oi settings personal account`: the token owner's account.

use clap::Subcommand;
use openindex_domain::user::PersonName;

use super::me;
use crate::app::App;
use crate::error::{CliError, Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Change your display name
    Update(UpdateArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Only an administrator can change your email address or role. To change your password, open Account
in the web interface.

Examples:
  oi settings personal account update --name \"Ada King\"")]
pub(crate) struct UpdateArgs {
    /// New display name (1 to 100 characters)
    #[arg(long, value_name = "NAME")]
    name: String,
}

pub(super) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    let Command::Update(args) = command;
    let name =
        PersonName::parse(&args.name).map_err(|error| Failure::usage(format!("--name {error}")))?;
    let session = app.human_session()?;
    let me = session.call(|client| client.me_rename(name.clone()))?;
    app.out.print(&me, |style| me::human(&me, style))
}
