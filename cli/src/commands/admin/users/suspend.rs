use crate::app::App;
use crate::commands::admin::people::UserRef;
use crate::commands::require_someone_to_ask;
use crate::error::CliError;
use crate::field::One;

use super::{changed, confirmed, look_at};

pub(super) const QUESTION: &str =
    "Suspend this user? Their tokens and browser sessions stop working at once.";

/// Whom to suspend.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing is lost: the account and its tokens work again after `unsuspend`; browser sessions are
ended. The last active administrator cannot be suspended. Asks on a terminal; without one, --yes
is required.

Examples:
  oi settings admin users suspend ada@example.com
  oi settings admin users suspend --yes usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<UserRef>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    require_someone_to_ask(args.yes, "suspending")?;
    let session = app.human_session()?;
    let refused = "nobody was suspended";
    let id = confirmed(&args.user.0, args.yes, QUESTION, refused, &session, app)?;
    let user = session
        .call(|client| client.user_suspend(id))
        .map_err(|failure| look_at(id, failure))?;
    changed(&user, "Suspended", app)
}
