use openindex_adapters_http::wire::SignInLink;

use crate::app::App;
use crate::commands::admin::user_ref::{self, UserRef};
use crate::commands::once::{self, Shown, Undo, require_writable_stdout};
use crate::commands::suggest_check;
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::field::One;
use crate::render::{Style, expiry, fields, plain};

const WARNING: &str = "\
Give this link only to that user: anyone who opens it can set a new password and sign in.
It works once and is not shown again. Earlier sign-in links for this user no longer work.";
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For users who have no password or have forgotten it. The link is shown only once. The user's tokens
keep working.

Examples:
  oi settings admin users sign-in-link ada@example.com
  oi settings admin users sign-in-link ada@example.com --url-only | wl-copy")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<UserRef>,
    /// Print only the link, for a pipe
    #[arg(long, conflicts_with = "json")]
    url_only: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    require_writable_stdout()?;
    let session = app.human_session()?;
    let id = user_ref::id_of(&args.user.0, &session)?;
    let retry = format!("oi settings admin users sign-in-link {id}");
    let created = session
        .call(|client| client.user_sign_in_link(id))
        .map_err(|failure| suggest_check(failure, &retry))?;
    let (link, until) = (plain(&created.id), plain(&created.expires_at));
    let undo = Undo {
        created: format!("sign-in link {link}"),
        undone: "withdrawn",
        act: Box::new(|| {
            let message = "it works until it is used, is replaced by a newer link, or expires";
            Err(Failure::new(ExitCode::Failure, "not_undone", message))
        }),
        command: retry,
        consequence: Some(format!("the link was not shown, and it expires at {until}")),
    };
    let shown = Shown {
        document: &created,
        secret: &created.url,
        secret_only: args.url_only,
        warning: WARNING,
    };
    let user = match &args.user.0 {
        UserRef::Email(email) => format!("{} ({id})", plain(email.as_str())),
        UserRef::Id(id) => id.to_string(),
    };
    let introduction = |style: &Style| introduction(&created, user, style);
    once::show(app, &shown, introduction, undo)
}

fn introduction(created: &SignInLink, user: String, style: &Style) -> String {
    let rows = [
        ("id", plain(&created.id)),
        ("user", user),
        ("expires", expiry(Some(&created.expires_at), style)),
    ];
    format!(
        "{} Created a sign-in link\n{}",
        style.done(),
        fields(&rows, style)
    )
}

#[cfg(test)]
mod tests {
    use openindex_adapters_http::wire::PlainSecret;

    use super::*;
    use crate::commands::tests::STYLE;

    #[test]
    fn the_introduction_of_a_link_does_not_contain_its_secret() {
        let created = SignInLink {
            id: "lnk_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned(),
            user_id: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned(),
            expires_at: "2026-11-24T07:00:00.000Z".to_owned(),
            url: PlainSecret::new("the secret"),
        };
        let user = format!("ada@example.com ({})", created.user_id);
        let text = introduction(&created, user, &STYLE);
        assert!(!text.contains("the secret"));
        insta::assert_snapshot!(text);
    }
}
