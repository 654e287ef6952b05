use std::fmt::Write as _;

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::Pat;
use openindex_domain::token::TokenId;
use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use crate::app::{App, Session};
use crate::commands::{not_confirmed, one_by_one, require_someone_to_ask};
use crate::error::CliError;
use crate::field::Several;
use crate::prompt;
use crate::render::{Style, moment, plain};
use crate::resolve::TokenSource;

use super::{LIST, TokenField, parse_named, resolve};

/// What to revoke.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asks on a terminal; without one, --yes is required. Stops at the first token that cannot be
deleted and says which were.

Examples:
  oi settings personal tokens delete ci
  oi settings personal tokens delete --yes pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2")]
pub(crate) struct Args {
    #[command(flatten)]
    tokens: Several<TokenField>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let named = args.tokens.0.iter().map(parse_named);
    let named = named.collect::<Result<Vec<_>, _>>()?;
    require_someone_to_ask(args.yes, "deleting")?;
    let session = app.human_session()?;
    let ids = resolve(named, &session)?;
    let acting = session.call(Client::me).ok().map(|me| me.token.id);
    let acting = acting.as_deref();
    if !args.yes && !confirmed(&ids, acting, &session, app)? {
        return Err(not_confirmed("nothing was deleted").into());
    }
    let deleted = one_by_one(&ids, "deleted", LIST, |id| {
        session.call(|client| client.pat_delete(*id))
    })?;
    if deleted.iter().any(|id| Some(id.as_str()) == acting) {
        app.out.warn(&without_token(&session));
    }
    app.out.answer(&json!({ "deleted": deleted }), |style| {
        let lines = deleted
            .iter()
            .map(|id| format!("{} Deleted {id}\n", style.done()));
        lines.collect()
    })
}

/// What is to be done after the token in use was deleted.
fn without_token(session: &Session) -> String {
    let page = session.server.tokens_page();
    match &session.credential.source {
        TokenSource::Profile(name) => format!(
            "this was the token of profile {name}, which can no longer sign in; create a token at \
             {page}, then: oi profile set {name} --token -"
        ),
        TokenSource::Environment => format!(
            "this was the token in OPENINDEX_TOKEN, which is no longer accepted; create a token at \
             {page}, or unset the variable"
        ),
    }
}

/// Shows what is about to end, and asks.
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

fn question(pats: &[Pat], acting: Option<&str>, style: &Style) -> String {
    let mut text = String::new();
    let names: Vec<String> = pats.iter().map(|pat| plain(&pat.name)).collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    for (pat, name) in pats.iter().zip(&names) {
        let used = match pat.last_used_at.as_deref() {
            _ if Some(pat.id.as_str()) == acting => {
                style.yellow("the token that you are using now")
            }
            None => "never used".to_owned(),
            at => format!("last used {}", moment(at, style)),
        };
        let gap = " ".repeat(width - name.width());
        let (name, id) = (style.bold(name), plain(&pat.id));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name}{gap}  {id}  {used}");
    }
    let what = match pats.len() {
        1 => "this token? Whatever uses it".to_owned(),
        count => format!("these {count} tokens? Whatever uses them"),
    };
    format!("{text}Delete {what} stops working at once.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::{STYLE, pats};

    #[test]
    fn the_question_shows_what_would_end() {
        let pats = &pats()[..2];
        insta::assert_snapshot!(
            "delete_one",
            question(&pats[1..], Some("pat_other"), &STYLE)
        );
        insta::assert_snapshot!("delete_own", question(pats, Some(&pats[0].id), &STYLE));
    }
}
