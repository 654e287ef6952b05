use serde_json::json;

use crate::app::App;
use crate::commands::admin::user_ref::UserRef;
use crate::commands::require_terminal_or_yes;
use crate::error::CliError;
use crate::field::One;

use super::{confirmed, suggest_get};

pub(super) const QUESTION: &str = "Delete this user? Their tokens, agent runs and browser sessions \
                                   stop working immediately. This cannot be undone.";
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Revokes the user's tokens, ends their agent runs and browser sessions, withdraws the open invites
they created, cancels their sign-in links, and releases their work item claims. Erases their
password, name and email address. The address can be invited again; the audit log retains the user
ID. This cannot be undone; to block a user temporarily, use `suspend`.
You cannot delete the last active administrator or your own account.
Asks for confirmation on a terminal; without one, --yes is required.

Examples:
  oi settings admin users delete ada@example.com
  oi settings admin users delete --yes usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<UserRef>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    require_terminal_or_yes(args.yes, "deleting")?;
    let session = app.human_session()?;
    let declined = "no user was deleted";
    let id = confirmed(&args.user.0, args.yes, QUESTION, declined, &session, app)?;
    session
        .call(|client| client.user_delete(id))
        .map_err(|failure| suggest_get(id, failure))?;
    let deleted = [id.to_string()];
    app.out.print(&json!({ "deleted": deleted }), |style| {
        format!("{} Deleted {id}\n", style.done())
    })
}
