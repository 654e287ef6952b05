use clap::builder::ValueParser;
use openindex_adapters_http::client::Client;
use openindex_domain::user::Email;

use crate::app::App;
use crate::commands::admin::user_ref::{self, UserRef};
use crate::commands::{not_confirmed, require_terminal_or_yes};
use crate::error::CliError;
use crate::field::{Field, One};
use crate::prompt;
use crate::render::plain;

use super::{asked, changed, suggest_get};

/// The user to change; `--email` is the new address, so it cannot identify the user.
struct Target;

impl Field for Target {
    type Value = UserRef;
    const POSITIONAL: &'static str = UserRef::POSITIONAL;
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("id", "ID", "User ID (usr_…)")];
    const HELP: &'static str = UserRef::HELP;

    fn parser(flag: Option<&'static str>) -> ValueParser {
        UserRef::parser(flag)
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The user keeps their ID, tokens, browser sessions and password. The old address can no longer be
used to sign in, and unused sign-in links stop working. Asks for confirmation before it changes your
own address; without a terminal, that requires --yes.

Examples:
  oi settings admin users update ada@example.com --email ada@example.org
  oi settings admin users update usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 --email ada@example.org")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<Target>,
    /// New email address
    #[arg(long, value_name = "EMAIL", value_parser = Email::parse)]
    email: Email,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let before = user_ref::find(&args.user.0, &session)?;
    let id = user_ref::parse_id(&before)?;
    // A typo in their own address would lock the user out.
    if !args.yes && session.call(Client::me)?.user.id == before.id {
        require_terminal_or_yes(args.yes, "changing your own email address")?;
        let email = plain(args.email.as_str());
        let question = format!("Change your email address to {email}? You will sign in with it.");
        let style = app.out.message_style();
        if !prompt::confirm(&asked(&before, true, &question, &style))? {
            return Err(not_confirmed("nothing was changed").into());
        }
    }
    let user = session
        .call(|client| client.user_set_email(id, args.email.clone()))
        .map_err(|failure| suggest_get(id, failure))?;
    let done = if user.email == before.email {
        "Email address unchanged"
    } else {
        "Email address changed"
    };
    changed(&user, done, app)
}
