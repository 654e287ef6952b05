use clap::builder::ValueParser;
use openindex_adapters_http::client::Client;
use openindex_domain::user::Email;

use crate::app::App;
use crate::commands::admin::people::{self, UserRef};
use crate::commands::{not_confirmed, require_someone_to_ask};
use crate::error::CliError;
use crate::field::{Field, One};
use crate::prompt;
use crate::render::plain;

use super::{asked, changed, look_at};

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
in, and open sign-in links are void. Asks before it changes your own address; without a terminal,
that requires --yes.

Examples:
  oi settings admin users update ada@example.com --email ada@example.org
  oi settings admin users update usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 --email ada@example.org")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<Changed>,
    /// Email address to sign in with from now on
    #[arg(long, value_name = "EMAIL", value_parser = Email::parse)]
    email: Email,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let before = people::find(&args.user.0, &session)?;
    let id = people::parse_id(&before)?;
    // A mistyped address of one's own locks one out.
    if !args.yes && session.call(Client::me)?.user.id == before.id {
        require_someone_to_ask(args.yes, "changing your own email address")?;
        let question = format!("Sign in as {} from now on?", plain(args.email.as_str()));
        let style = app.out.message_style();
        if !prompt::confirm(&asked(&before, true, &question, &style))? {
            return Err(not_confirmed("nothing was changed").into());
        }
    }
    let user = session
        .call(|client| client.user_set_email(id, args.email.clone()))
        .map_err(|failure| look_at(id, failure))?;
    let done = if user.email == before.email {
        "Email address unchanged"
    } else {
        "Email address changed"
    };
    changed(&user, done, app)
}
