use openindex_domain::user::Email;

use crate::app::App;
use crate::commands::admin::people::{self, UserRef};
use crate::error::CliError;
use crate::field::{Field, One};
use clap::builder::ValueParser;

use super::{changed, look_at};

/// The user to change; `--email` is what they get.
struct Changed;

impl Field for Changed {
    type Value = UserRef;
    const PLACE: &'static str = UserRef::PLACE;
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("id", "ID", "User id (usr_…)")];

    fn parser(flag: Option<&'static str>) -> ValueParser {
        UserRef::parser(flag)
    }
}

/// Whom to change, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The user keeps their id, tokens, browser sessions and password. The former address no longer signs
in, and open sign-in links are void.

Examples:
  oi settings admin users update ada@example.com --email ada@example.org
  oi settings admin users update usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 --email ada@example.org")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<Changed>,
    /// Email address to sign in with from now on
    #[arg(long, value_name = "EMAIL", value_parser = Email::parse)]
    email: Email,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let id = people::id_of(&args.user.0, &session)?;
    let user = session
        .call(|client| client.user_set_email(id, args.email.clone()))
        .map_err(|failure| look_at(id, failure))?;
    changed(&user, "Email address changed", app)
}
