use crate::app::App;
use crate::commands::admin::people::{self, UserRef};
use crate::error::CliError;
use crate::field::One;

use super::{changed, look_at};

/// Whom to let act again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Their tokens work again as they did before.

Examples:
  oi settings admin users unsuspend ada@example.com")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<UserRef>,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let id = people::id_of(&args.user.0, &session)?;
    let user = session
        .call(|client| client.user_unsuspend(id))
        .map_err(|failure| look_at(id, failure))?;
    changed(&user, "Active again", app)
}
