use openindex_adapters_http::wire::{CreateInvite, Invite};
use openindex_domain::user::Email;

use crate::app::App;
use crate::commands::admin::people;
use crate::commands::once::{self, Shown, Undo, require_reader};
use crate::commands::{look_first, parse_role};
use crate::error::{CliError, Failure};
use crate::field::{Field, One};
use crate::render::{Style, expiry, fields, plain, word};

use super::LIST;

const WARNING: &str = "\
Send it to them and to nobody else: whoever opens it first gets the account. It is not shown
again. From a terminal, it is claimed with: oi invite claim URL --name NAME --use";

/// Whom the invite is for.
struct InviteeEmail;

impl Field for InviteeEmail {
    type Value = String;
    const PLACE: &'static str = "EMAIL";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("email", "EMAIL", "Email address to invite")];
}

/// Whom to invite.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing is mailed: pass the link on yourself. It is shown in this one answer and never again, works
once, and an earlier open invite of the same address is withdrawn.

Examples:
  oi settings admin invites create grace@example.com
  oi settings admin invites create grace@example.com --role admin --url-only | wl-copy")]
pub(crate) struct Args {
    #[command(flatten)]
    email: One<InviteeEmail>,
    /// What they will be allowed at most
    #[arg(long, default_value = "member", value_parser = ["member", "admin"])]
    role: String,
    /// Print the link and nothing else, for a pipe
    #[arg(long, conflicts_with = "json")]
    url_only: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let email = Email::parse(&args.email.0)
        .map_err(|error| Failure::usage(format!("the address {error}")))?;
    let wanted = CreateInvite {
        email,
        role: Some(parse_role(&args.role)?),
    };
    require_reader()?;
    let session = app.human_session()?;
    let created = session
        .call(|client| client.invite_create(&wanted))
        .map_err(|failure| look_first(of_user(failure, &wanted.email), LIST))?;
    let id = plain(&created.invite.id);
    let act = || match id.parse() {
        Ok(id) => session.call(|client| client.invite_withdraw(id)),
        Err(_) => Err(Failure::usage("the server names it by what is not an id")),
    };
    let undo = Undo {
        made: format!("the invite {id}"),
        undone: "withdrawn",
        act: Box::new(act),
        command: format!("oi settings admin invites withdraw {id}"),
        then: Some("an earlier open invite of this address was withdrawn as well".to_owned()),
    };
    let shown = Shown {
        document: &created,
        secret: &created.url,
        secret_only: args.url_only,
        warning: WARNING,
    };
    once::show(
        app,
        &shown,
        |style| introduction(&created.invite, style),
        undo,
    )
}

/// Leads on from an address that has an account already.
fn of_user(failure: Failure, email: &Email) -> Failure {
    if failure.code != "email_taken" {
        return failure;
    }
    failure
        .hint(format!(
            "for a new password, give them a link with: oi settings admin users sign-in-link {email}"
        ))
        .next(format!("oi settings admin users get {email}"))
}

fn introduction(invite: &Invite, style: &Style) -> String {
    let rows = [
        ("id", plain(&invite.id)),
        ("role", word(&invite.role)),
        ("open until", expiry(Some(&invite.expires_at), style)),
    ];
    let email = invite.email.as_deref().unwrap_or_default();
    let email = people::marked(email, &invite.mixed_scripts);
    format!(
        "{} Invited {}\n{}",
        style.done(),
        style.bold(&email),
        fields(&rows, style)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::invites;
    use crate::commands::tests::STYLE;

    #[test]
    fn a_new_invite_is_introduced() {
        insta::assert_snapshot!(introduction(&invites()[0], &STYLE));
    }
}
