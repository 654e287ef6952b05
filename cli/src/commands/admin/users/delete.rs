use serde_json::json;

use crate::app::App;
use crate::commands::admin::people::UserRef;
use crate::commands::require_someone_to_ask;
use crate::error::CliError;
use crate::field::One;

use super::{confirmed, look_at};

pub(super) const QUESTION: &str = "Delete this user? Their tokens, agent runs and browser sessions \
                                   stop working at once. This cannot be undone.";

/// Whom to delete.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everything of theirs ends: tokens, agent runs, browser sessions, sign-in links, open invites, claims
of work items and password. Name and address are erased, and the address can be invited again; the
audit trail keeps the id. This cannot be undone: `suspend` can. The last active administrator and
your own account cannot be deleted. Asks on a terminal; without one, --yes is required.

Examples:
  oi settings admin users delete ada@example.com
  oi settings admin users delete --yes usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<UserRef>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    require_someone_to_ask(args.yes, "deleting")?;
    let session = app.human_session()?;
    let refused = "nobody was deleted";
    let id = confirmed(&args.user.0, args.yes, QUESTION, refused, &session, app)?;
    session
        .call(|client| client.user_delete(id))
        .map_err(|failure| look_at(id, failure))?;
    let deleted = [id.to_string()];
    app.out.answer(&json!({ "deleted": deleted }), |style| {
        format!("{} Deleted {id}\n", style.done())
    })
}
