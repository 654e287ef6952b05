use std::fmt::Write as _;

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::Pat;
use openindex_domain::token::TokenId;
use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use crate::app::{App, Session};
use crate::commands::{not_confirmed, one_by_one, require_terminal_or_yes};
use crate::error::CliError;
use crate::field::Several;
use crate::prompt;
use crate::render::{Style, moment, plain};
use crate::resolve::TokenSource;

use super::{LIST, TokenField, parse_named, resolve};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asks for confirmation on a terminal; without one, --yes is required. Stops at the first token that
cannot be deleted, and lists those already deleted.

Examples:
  oi settings personal tokens delete ci
  oi settings personal tokens delete --yes pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Args {
    #[command(flatten)]
    tokens: Several<TokenField>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let named = args.tokens.0.iter().map(parse_named);
    let named = named.collect::<Result<Vec<_>, _>>()?;
    require_terminal_or_yes(args.yes, "deleting")?;
    let session = app.human_session()?;
    let ids = resolve(named, &session)?;
    let acting = session.call(Client::me).ok().map(|me| me.token.id);
    let acting = acting.as_deref();
    if !args.yes && !confirmed(&ids, acting, &session, app)? {
        return Err(not_confirmed("no token was deleted").into());
    }
    let deleted = one_by_one(&ids, "deleted", LIST, |id| {
        session.call(|client| client.pat_delete(*id))
    })?;
    if deleted.iter().any(|id| Some(id.as_str()) == acting) {
        app.out.warn(&without_token(&session));
    }
    app.out.print(&json!({ "deleted": deleted }), |style| {
        let lines = deleted
            .iter()
            .map(|id| format!("{} Deleted {id}\n", style.done()));
        lines.collect()
    })
}

/// Returns what to do after the token in use was deleted.
fn without_token(session: &Session) -> String {
    let page = session.server.tokens_page();
    match &session.credential.source {
        TokenSource::Profile(name) => format!(
            "you deleted the token of profile {name}, which can no longer authenticate; create a \
             token at {page}, then run: oi profile set {name} --token -"
        ),
        TokenSource::Environment => format!(
            "you deleted the token in OPENINDEX_TOKEN; create a token at {page}, or unset the \
             variable"
        ),
    }
}

/// Shows the tokens to delete, and asks for confirmation.
fn confirmed(
    ids: &[TokenId],
    acting: Option<&str>,
    session: &Session,
    app: &mut App<'_>,
) -> Result<bool, CliError> {
    let mut pats = Vec::new();
    for id in ids {
        pats.push(session.call(|client| client.pat_get(*id))?);
    }
    let style = app.out.message_style();
    prompt::confirm(&question(&pats, acting, &style))
}

/// Formats the tokens in a prompt, with when each was last used.
pub(super) fn listed(pats: &[Pat], acting: Option<&str>, style: &Style) -> String {
    let mut text = String::new();
    let names: Vec<String> = pats.iter().map(|pat| plain(&pat.name)).collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    for (pat, name) in pats.iter().zip(&names) {
        let used = match pat.last_used_at.as_deref() {
            _ if Some(pat.id.as_str()) == acting => style.yellow("the token you're using"),
            None => "never used".to_owned(),
            at => format!("last used {}", moment(at, style)),
        };
        let gap = " ".repeat(width - name.width());
        let (name, id) = (style.bold(name), plain(&pat.id));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name}{gap}  {id}  {used}");
    }
    text
}

fn question(pats: &[Pat], acting: Option<&str>, style: &Style) -> String {
    let text = listed(pats, acting, style);
    let what = match pats.len() {
        1 => "this token? Anything using it".to_owned(),
        count => format!("these {count} tokens? Anything using them"),
    };
    format!("{text}Delete {what} stops working immediately. This cannot be undone.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::{STYLE, pats};

    #[test]
    fn the_prompt_shows_the_tokens() {
        let pats = &pats()[..2];
        insta::assert_snapshot!(
            "delete_one",
            question(&pats[1..], Some("pat_other"), &STYLE)
        );
        insta::assert_snapshot!("delete_own", question(pats, Some(&pats[0].id), &STYLE));
    }
}
