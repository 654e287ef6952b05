use openindex_domain::user::Role;

use crate::app::App;
use crate::commands::admin::user_ref::UserRef;
use crate::commands::{parse_role, require_terminal_or_yes};
use crate::error::CliError;
use crate::field::{Field, One};
use clap::builder::ValueParser;

use super::{changed, confirmed, suggest_get};

/// The role to assign.
struct NewRole;

impl Field for NewRole {
    type Value = String;
    const POSITIONAL: &'static str = "ROLE";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("role", "ROLE", "New role")];

    fn parser(_: Option<&'static str>) -> ValueParser {
        ["member", "admin"].into()
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Takes effect immediately. A member's admin tokens are limited to read_write; they regain admin
access if the user becomes an administrator again. The role of the last active administrator cannot
be changed. Asks for confirmation on a terminal; without one, --yes is required.

Examples:
  oi settings admin users set-role ada@example.com admin
  oi settings admin users set-role --yes usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 member")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<UserRef>,
    #[command(flatten)]
    role: One<NewRole>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let role = parse_role(&args.role.0)?;
    require_terminal_or_yes(args.yes, "changing a role")?;
    let session = app.human_session()?;
    let (question, done) = match role {
        Role::Admin => (
            "Change this user's role to admin? They will have full administrator access.",
            "Role changed to admin",
        ),
        Role::Member => (
            "Change this user's role to member? Their tokens and sessions lose administrator \
             access immediately.",
            "Role changed to member",
        ),
    };
    let declined = "nothing was changed";
    let id = confirmed(&args.user.0, args.yes, question, declined, &session, app)?;
    let user = session
        .call(|client| client.user_set_role(id, role))
        .map_err(|failure| suggest_get(id, failure))?;
    changed(&user, done, app)
}
