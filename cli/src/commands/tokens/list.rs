use openindex_adapters_http::client::PatQuery;
use openindex_adapters_http::wire::{Open, Pat, RevokedBy, Status};
use openindex_domain::token::{ListedStatus, Search, Sort};

use crate::app::App;
use crate::commands::paging::{self, WholeArgs};
use crate::error::{CliError, Failure};
use crate::render::{Form, Listing, Row, Style, ends, expiry, moment, plain, word};

use super::{page, parse_name};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Lists all of your active and expired tokens unless you filter them. To list revoked tokens, use
--status revoked. Expired and revoked tokens are purged after 30 days.

Examples:
  oi settings personal tokens list
  oi settings personal tokens list --status live --sort expiry
  oi settings personal tokens list --search deploy
  oi settings personal tokens list --status expired --json | jq -r '.items[].id'")]
pub(crate) struct Args {
    /// Only tokens with this status (live means active) [default: live and expired]
    #[arg(long, value_parser = ListedStatus::ALL.map(ListedStatus::as_str))]
    status: Option<String>,
    /// Only tokens with exactly this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Only tokens whose name contains this text (case-insensitive)
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Sort order [default: newest]
    #[arg(long, value_parser = Sort::ALL.map(Sort::as_str))]
    sort: Option<String>,
    #[command(flatten)]
    page: WholeArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let filter = PatQuery {
        status: args.status.as_deref().and_then(ListedStatus::parse),
        name: args.name.as_deref().map(parse_name).transpose()?,
        search: args.search.as_deref().map(parse_search).transpose()?,
        sort: args.sort.as_deref().and_then(Sort::parse),
    };
    let session = app.human_session()?;
    let is_filtered = PatQuery {
        sort: None,
        ..filter.clone()
    } != PatQuery::default()
        || args.page.is_later();
    let fetch = |query: &_| page(&session, &filter, query);
    paging::list_whole(&args.page, app, fetch, |pats, style| {
        human(pats, is_filtered, style)
    })
}

fn parse_search(text: &str) -> Result<Search, Failure> {
    Search::parse(text).map_err(|error| Failure::usage(format!("--search {error}")))
}

/// Formats when and why a token was revoked; `None` if it was not revoked.
fn revocation(pat: &Pat, style: &Style) -> Option<String> {
    let at = moment(Some(pat.revoked_at.as_deref()?), style);
    let reason = match &pat.revoked_by {
        Some(Open::Known(RevokedBy::Owner)) => " (deleted)",
        Some(Open::Known(RevokedBy::Administrator)) => " (by an administrator)",
        Some(Open::Known(RevokedBy::Rotation)) => " (rotated)",
        Some(Open::Known(RevokedBy::Leak)) => " (leaked)",
        Some(_) | None => "",
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
    // Color escapes in a cell would count as width.
    let colorless = Style {
        color: false,
        ..*style
    };
    let rows = pats.iter().map(|pat| {
        let (scope, expires_at) = (word(&pat.scope), pat.expires_at.as_deref());
        let used = moment(pat.last_used_at.as_deref(), &colorless);
        let words = match pat.last_used_at {
            None => "never used".to_owned(),
            Some(_) => format!("last used {used}"),
        };
        let revoked = revocation(pat, &colorless);
        let ends = revoked
            .clone()
            .unwrap_or_else(|| ends(expires_at, &colorless));
        Row {
            name: named(pat),
            summary: format!("{scope} · {ends} · {words}"),
            cells: vec![
                scope,
                revoked.unwrap_or_else(|| expiry(expires_at, &colorless)),
                used,
            ],
            id: plain(&pat.id),
            inactive: pat.status != Status::Live,
        }
    });
    Listing {
        form: Form::Named,
        titles: vec!["scope", "expires", "last used"],
        rows: rows.collect(),
    }
    .render(style)
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
