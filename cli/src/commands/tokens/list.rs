//! Lists the caller's tokens, and formats them.

use openindex_adapters_http::client::{Client, PatQuery};
use openindex_adapters_http::wire::{Open, Pat, RevokedBy, Status};
use openindex_domain::token::{self, Search, Sort};
use unicode_width::UnicodeWidthStr as _;

use crate::commands::prelude::*;
use crate::parts::paging::WholeArgs;

use super::argument::parse_name;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Lists all of your active and expired tokens unless you filter them. To list revoked tokens, use
--status revoked. Expired and revoked tokens are purged after 30 days.

Examples:
  oi settings personal tokens list
  oi settings personal tokens list --status live --sort expiry
  oi settings personal tokens list --search deploy
  oi settings personal tokens list --status expired --json | jq -r '.items[].id'")]
pub(crate) struct List {
    /// Only tokens with this status (live means active) [default: live and expired]
    #[arg(long, value_parser = one_of(token::Status::ALL, token::Status::as_str))]
    status: Option<token::Status>,
    /// Only tokens with exactly this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only tokens whose name contains this text (case-insensitive)
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Sort order [default: newest]
    #[arg(long, value_parser = one_of(Sort::ALL, Sort::as_str))]
    sort: Option<Sort>,
    #[command(flatten)]
    page: WholeArgs,
}

pub(super) fn run(args: &List, app: &mut App<'_>) -> Result<(), CliError> {
    let search = args.search.as_deref().map(Search::parse).transpose();
    let filter = PatQuery {
        status: args.status,
        name: args.name.as_deref().map(parse_name).transpose()?,
        search: search.named("--search")?,
        sort: args.sort,
    };
    let session = app.human_session()?;
    let is_filtered = PatQuery {
        sort: None,
        ..filter.clone()
    } != PatQuery::default()
        || args.page.is_later();
    let request = |client: &Client, query: &_| client.pats_list(&filter, query);
    paging::list(&args.page, &session, app, request, |pats, style| {
        human(pats, is_filtered, style)
    })
}

/// Formats when and why a token was revoked; `None` if it was not revoked.
fn revocation(pat: &Pat, style: &Style) -> Option<String> {
    let at = moment(Some(pat.revoked_at.as_deref()?), style);
    let reason = match &pat.revoked_by {
        Some(Open::Known(RevokedBy::Owner)) => " (deleted)",
        Some(Open::Known(RevokedBy::Administrator)) => " (by an administrator)",
        Some(Open::Known(RevokedBy::Rotation)) => " (rotated)",
        Some(Open::Known(RevokedBy::Leak)) => " (leaked)",
        Some(Open::Other(_)) | None => "",
    };
    Some(format!("revoked {at}{reason}"))
}

fn human(pats: &[Pat], is_filtered: bool, style: &Style) -> String {
    if pats.is_empty() && is_filtered {
        return "No matching tokens.\n".to_owned();
    }
    if pats.is_empty() {
        return "No tokens. Create one with: oi settings personal tokens create --name NAME\n"
            .to_owned();
    }
    let titles = &["scope", "expires", "last used"];
    listing(Form::Named, titles, pats, style, |pat, style| {
        let (scope, expires_at) = (word(&pat.scope), pat.expires_at.as_deref());
        let (used, words) = last_used(pat.last_used_at.as_deref(), style);
        let revoked = revocation(pat, style);
        let ends = revoked.clone().unwrap_or_else(|| ends(expires_at, style));
        Row {
            name: named(pat),
            summary: format!("{scope} · {ends} · {words}"),
            cells: vec![
                scope,
                revoked.unwrap_or_else(|| expiry(expires_at, style)),
                used,
            ],
            id: plain(&pat.id),
            inactive: pat.status != Status::Live,
        }
    })
}

/// Formats the tokens in a prompt, with when each was last used.
pub(super) fn listed(pats: &[Pat], acting: Option<&str>, style: &Style) -> String {
    let names: Vec<String> = pats.iter().map(|pat| plain(&pat.name)).collect();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let lines = pats.iter().zip(&names).map(|(pat, name)| {
        let used = match pat.last_used_at.as_deref() {
            _ if Some(pat.id.as_str()) == acting => style.yellow("the token you're using"),
            at => last_used(at, style).1,
        };
        let gap = " ".repeat(width - name.width());
        let (name, id) = (style.bold(name), plain(&pat.id));
        format!("  {name}{gap}  {id}  {used}\n")
    });
    lines.collect()
}

/// Formats the name of a token. A replaced one is marked: until the overlap of a rotation ends, the
/// list contains two tokens of the same name.
pub(crate) fn named(pat: &Pat) -> String {
    let replaced = pat.replaced_by.as_ref().map_or("", |_| " (replaced)");
    format!("{}{replaced}", plain(&pat.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::{STYLE, WIDE, pats};

    #[test]
    fn shows_tokens_as_a_table_and_as_a_list() {
        insta::assert_snapshot!("tokens_wide", human(&pats(), false, &WIDE));
        insta::assert_snapshot!("tokens_narrow", human(&pats(), false, &STYLE));
    }

    #[test]
    fn a_revoked_token_is_shown_with_time_and_reason() {
        let mut pat = pats().remove(0);
        pat.status = Open::Known(Status::Revoked);
        pat.revoked_at = Some("2026-11-24T05:00:00.000Z".to_owned());
        pat.revoked_by = Some(Open::Known(RevokedBy::Leak));
        let shown = human(&[pat], true, &WIDE);
        assert!(shown.contains("revoked 1 hour ago (leaked)"), "{shown}");
    }

    #[test]
    fn an_empty_list_says_how_to_create_a_token() {
        insta::assert_snapshot!("tokens_none", human(&[], false, &STYLE));
        assert_eq!(human(&[], true, &STYLE), "No matching tokens.\n");
    }
}
