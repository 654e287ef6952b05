//! `oi settings personal account`: the token owner's account.

use openindex_domain::user::PersonName;

use super::me;
use crate::commands::prelude::*;

commands! {
    /// Change your display name
    Update(Update) -> "Me" = update,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Only an administrator can change your email address or role. To change your password, open Account
in the web interface.

Examples:
  oi settings personal account update --name \"Ada King\"")]
pub(crate) struct Update {
    /// New display name (1 to 100 characters)
    #[arg(long, value_name = "NAME")]
    name: String,
}

fn update(args: &Update, app: &mut App<'_>) -> Result<(), CliError> {
    let name = PersonName::parse(&args.name).named("--name")?;
    let session = app.human_session()?;
    let me = session.call(|client| client.me_rename(name.clone()))?;
    app.out.print(&me, |style| me::human(&me, style))
}
