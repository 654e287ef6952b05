use openindex_adapters_http::wire::{CreateInvite, Invite};
use openindex_domain::user::Email;

use crate::app::App;
use crate::commands::admin::user_ref;
use crate::commands::once::{self, Shown, Undo, require_writable_stdout};
use crate::commands::{parse_role, suggest_check};
use crate::error::{CliError, Failure};
use crate::field::{Field, One};
use crate::render::{Style, expiry, fields, plain, word};

use super::LIST;

const WARNING: &str = "\
Send this link only to the invited person: anyone who opens it can create the account. It is not
shown again. To claim it from a terminal: oi invite claim URL --name NAME --use";

/// The email address to invite.
struct InviteeEmail;

impl Field for InviteeEmail {
    type Value = String;
    const POSITIONAL: &'static str = "EMAIL";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("email", "EMAIL", "Email address to invite")];
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
No email is sent: share the link yourself. It is shown only once and works once. An earlier open
invite for the same address is replaced.

Examples:
  oi settings admin invites create grace@example.com
  oi settings admin invites create grace@example.com --role admin --url-only | wl-copy")]
pub(crate) struct Args {
    #[command(flatten)]
    email: One<InviteeEmail>,
    /// Role of the new user
    #[arg(long, default_value = "member", value_parser = ["member", "admin"])]
    role: String,
    /// Print only the link, for a pipe
    #[arg(long, conflicts_with = "json")]
    url_only: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let email =
        Email::parse(&args.email.0).map_err(|error| Failure::usage(format!("address {error}")))?;
    let request = CreateInvite {
        email,
        role: Some(parse_role(&args.role)?),
    };
    require_writable_stdout()?;
    let session = app.human_session()?;
    let created = session
        .call(|client| client.invite_create(&request))
        .map_err(|failure| suggest_check(for_existing_user(failure, &request.email), LIST))?;
    let id = plain(&created.invite.id);
    let act = || match id.parse() {
        Ok(id) => session.call(|client| client.invite_withdraw(id)),
        Err(_) => Err(Failure::usage("the server returned an invalid ID")),
    };
    let undo = Undo {
        created: format!("invite {id}"),
        undone: "withdrawn because its link was not shown",
        act: Box::new(act),
        command: format!("oi settings admin invites withdraw {id}"),
        consequence: Some(
            "an earlier open invite for this address was replaced and no longer works".to_owned(),
        ),
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

/// Adds what to do if the email address already has an account.
fn for_existing_user(failure: Failure, email: &Email) -> Failure {
    if failure.code != "email_taken" {
        return failure;
    }
    failure
        .hint(format!(
            "to let this user set a new password, run: oi settings admin users sign-in-link {email}"
        ))
        .next(format!("oi settings admin users get {email}"))
}

fn introduction(invite: &Invite, style: &Style) -> String {
    let rows = [
        ("id", plain(&invite.id)),
        ("role", word(&invite.role)),
        ("expires", expiry(Some(&invite.expires_at), style)),
    ];
    let email = invite.email.as_deref().unwrap_or_default();
    let email = user_ref::marked(email, &invite.mixed_scripts);
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
