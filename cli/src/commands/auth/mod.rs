//! `oi auth`: checks, rotates and revokes the token in use.

mod revoke;
mod rotate;

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::Me;
use serde::Serialize;

use crate::commands::prelude::*;
use crate::render::parse;
use crate::resolve::TokenSource;

use super::me::{token_fields, who};
use super::tokens::Replacement;

commands! {
    /// Check whether the token is accepted, and show its owner, scope and expiry
    #[command(after_help = "\
Exits with status 4 and prints the reason when the token is rejected.

Examples:
  oi auth check
  OPENINDEX_TOKEN=oi_pat_… oi auth check
  oi auth check --json | jq -r .source")]
    Check(NoArguments) -> "AuthCheck" = check,
    /// Replace the token in use with a new one of the same name and scope
    #[command(after_help = "\
The old token stops working immediately unless you pass an overlap, during which both tokens work.
Without an option, the new token expires when the old one would have. The new token is saved in the
profile that has the old one, and is not shown. If the token is from OPENINDEX_TOKEN, or if the
profile cannot be written after all, the new token is shown, once. The token of an agent run cannot
be rotated. Asks for confirmation on a terminal if the old token stops working immediately; never in
a script.

Examples:
  oi auth rotate
  oi auth rotate --overlap 1h --expires-in 90d
  TOKEN=$(oi auth rotate --token-only)")]
    Rotate(Replacement) -> "AuthRotate" = rotate::run,
    /// Revoke the token in use; anything using it stops working immediately
    #[command(alias = "delete")]
    #[command(after_help = "\
Accepts any token: that of an agent run ends its run, so that a job can clean up after itself. The
token is also removed from the profile that has it. Asks for confirmation on a terminal; without
one, --yes is required.

Examples:
  oi auth revoke
  OPENINDEX_TOKEN=oi_run_… oi auth revoke --yes")]
    Revoke(Confirmation) -> "AuthRevoke" = revoke::run,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckOutput {
    #[serde(flatten)]
    me: Me,
    /// `None` if the token never expires.
    expires_in_seconds: Option<i64>,
    source: String,
    app_url: String,
    api_url: String,
    /// Where the server's URL is configured.
    app_url_source: &'static str,
}

fn check(_: &NoArguments, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.session()?;
    let me = session.call(Client::me).map_err(|mut failure| {
        // The server may suggest this very command.
        if failure.next_command.as_deref() == Some("oi auth check") {
            failure.next_command = match &session.credential.source {
                TokenSource::Profile(_) => Some("oi profile set --token -".to_owned()),
                TokenSource::Environment => None,
            };
        }
        failure
    })?;
    let expires_at = me.token.expires_at.as_deref().and_then(parse);
    let check = CheckOutput {
        expires_in_seconds: expires_at
            .map(|at| (at.unix_millis() - session.now().unix_millis()) / 1_000),
        me,
        source: session.credential.source.to_string(),
        app_url: session.server.app_url.to_string(),
        api_url: session.server.api_url.to_string(),
        app_url_source: session.server.source.as_str(),
    };
    app.out.print(&check, |style| human(&check, style))
}

fn human(check: &CheckOutput, style: &Style) -> String {
    let mut rows = token_fields(&check.me, style);
    let server = format!("{} (from {})", check.app_url, check.app_url_source);
    rows.extend([("source", check.source.clone()), ("server", server)]);
    format!(
        "{} Authenticated to {} as {}\n{}",
        style.done(),
        check.app_url,
        style.bold(&who(&check.me)),
        fields(&rows, style)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::{STYLE, me, me_in_a_run};

    fn checked(me: Me) -> String {
        let check = CheckOutput {
            me,
            expires_in_seconds: None,
            source: "profile:work".to_owned(),
            app_url: "https://openindex.example.com".to_owned(),
            api_url: "https://openindex.example.com".to_owned(),
            app_url_source: "profile",
        };
        human(&check, &STYLE)
    }

    #[test]
    fn shows_the_user_the_token_and_its_expiry() {
        insta::assert_snapshot!(checked(me()));
    }

    #[test]
    fn shows_the_agent_and_work_item_of_a_run() {
        insta::assert_snapshot!(checked(me_in_a_run()));
    }
}
