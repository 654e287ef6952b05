use openindex_adapters_http::wire::SignInLink;

use crate::app::App;
use crate::commands::admin::people::{self, UserRef};
use crate::commands::once;
use crate::error::CliError;
use crate::field::One;
use crate::render::{Style, expiry, fields, plain};

const WARNING: &str = "\
Give it to them and to nobody else: whoever opens it chooses a new password and is signed in.
It works once and is not shown again; an earlier link of theirs does not work any more.";

/// For whom.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For somebody who has no password or forgot it. The link is shown in this one answer and never
again. Their tokens stay as they are.

Examples:
  oi settings admin users sign-in-link ada@example.com
  oi settings admin users sign-in-link ada@example.com --url-only | wl-copy")]
pub(crate) struct Args {
    #[command(flatten)]
    user: One<UserRef>,
    /// Print the link and nothing else, for a pipe
    #[arg(long, conflicts_with = "json")]
    url_only: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let id = people::id_of(&args.user.0, &session)?;
    let made = session.call(|client| client.user_sign_in_link(id))?;
    once::show(
        app,
        &made,
        &made.url,
        args.url_only,
        |style| introduction(&made, style),
        WARNING,
    )
}

fn introduction(made: &SignInLink, style: &Style) -> String {
    let rows = [
        ("id", plain(&made.id)),
        ("user", plain(&made.user_id)),
        ("usable until", expiry(Some(&made.expires_at), style)),
    ];
    format!(
        "{} Made a sign-in link\n{}",
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
    fn a_link_is_introduced_without_its_secret() {
        let made = SignInLink {
            id: "lnk_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned(),
            user_id: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned(),
            expires_at: "2026-11-24T07:00:00.000Z".to_owned(),
            url: PlainSecret::new("the secret"),
        };
        let text = introduction(&made, &STYLE);
        assert!(!text.contains("the secret"));
        insta::assert_snapshot!(text);
    }
}
