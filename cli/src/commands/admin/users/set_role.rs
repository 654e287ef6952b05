use openindex_domain::user::Role;

use crate::app::App;
use crate::commands::admin::people::UserRef;
use crate::commands::{parse_role, require_someone_to_ask};
use crate::error::CliError;
use crate::field::{Field, One};
use clap::builder::ValueParser;

use super::{changed, confirmed, look_at};

/// The role to give.
struct NewRole;

impl Field for NewRole {
    type Value = String;
    const PLACE: &'static str = "ROLE";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("role", "ROLE", "Role from now on")];

    fn parser(_: Option<&'static str>) -> ValueParser {
        ["member", "admin"].into()
    }
}

/// Whose role, and which.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Acts at once: a member's admin tokens do no more than read_write ones, and everything again when
they are an administrator again. The last active administrator stays one. Asks on a terminal;
without one, --yes is required.

Examples:
  oi settings admin users set-role ada@example.com admin
  oi settings admin users set-role --yes usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 member")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<UserRef>,
    #[command(flatten)]
    role: One<NewRole>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let role = parse_role(&args.role.0)?;
    require_someone_to_ask(args.yes, "changing a role")?;
    let session = app.human_session()?;
    let (question, done) = match role {
        Role::Admin => (
            "Make this user an administrator? They may then do everything here.",
            "An administrator now",
        ),
        Role::Member => (
            "Make this user a member? Their tokens and sessions cannot administer any more, at once.",
            "A member now",
        ),
    };
    let refused = "nothing was changed";
    let id = confirmed(&args.user.0, args.yes, question, refused, &session, app)?;
    let user = session
        .call(|client| client.user_set_role(id, role))
        .map_err(|failure| look_at(id, failure))?;
    changed(&user, done, app)
}
