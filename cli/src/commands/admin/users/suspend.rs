use crate::app::App;
use crate::commands::admin::user_ref::UserRef;
use crate::commands::require_terminal_or_yes;
use crate::error::CliError;
use crate::field::One;

use super::{changed, confirmed, suggest_get};

pub(super) const QUESTION: &str =
    "Suspend this user? Their tokens and browser sessions stop working immediately.";
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing is deleted: after `unsuspend`, the account and its tokens work again. Browser sessions end.
The last active administrator cannot be suspended.
Asks for confirmation on a terminal; without one, --yes is required.

Examples:
  oi settings admin users suspend ada@example.com
  oi settings admin users suspend --yes usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<UserRef>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    require_terminal_or_yes(args.yes, "suspending")?;
    let session = app.human_session()?;
    let declined = "no user was suspended";
    let id = confirmed(&args.user.0, args.yes, QUESTION, declined, &session, app)?;
    let user = session
        .call(|client| client.user_suspend(id))
        .map_err(|failure| suggest_get(id, failure))?;
    changed(&user, "User suspended", app)
}
