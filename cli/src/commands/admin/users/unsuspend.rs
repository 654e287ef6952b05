use crate::app::App;
use crate::commands::admin::user_ref::{self, UserRef};
use crate::error::CliError;
use crate::field::One;

use super::{changed, suggest_get};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The user can sign in again, and their tokens work again.

Examples:
  oi settings admin users unsuspend ada@example.com")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<UserRef>,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let id = user_ref::id_of(&args.user.0, &session)?;
    let user = session
        .call(|client| client.user_unsuspend(id))
        .map_err(|failure| suggest_get(id, failure))?;
    changed(&user, "User unsuspended", app)
}
