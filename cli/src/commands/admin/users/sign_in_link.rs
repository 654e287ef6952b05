use openindex_adapters_http::wire::SignInLink;

use crate::app::App;
use crate::commands::admin::people::{self, UserRef};
use crate::commands::look_first;
use crate::commands::once::{self, Shown, Undo, require_reader};
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
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
    require_reader()?;
    let session = app.human_session()?;
    let id = people::id_of(&args.user.0, &session)?;
    let again = format!("oi settings admin users sign-in-link {id}");
    let made = session
        .call(|client| client.user_sign_in_link(id))
        .map_err(|failure| look_first(failure, &again))?;
    let (link, until) = (plain(&made.id), plain(&made.expires_at));
    let undo = Undo {
        made: format!("the link {link}"),
        undone: "withdrawn",
        act: Box::new(|| {
            let message = "only another link of this user, or its use, ends it";
            Err(Failure::new(ExitCode::Failure, "not_undone", message))
        }),
        command: again,
        then: Some(format!("nobody has seen it, and it expires at {until}")),
    };
    let shown = Shown {
        document: &made,
        secret: &made.url,
        secret_only: args.url_only,
        warning: WARNING,
    };
    once::show(app, &shown, |style| introduction(&made, style), undo)
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
