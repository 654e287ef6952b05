use openindex_adapters_http::client::PatQuery;
use openindex_adapters_http::wire::{Pat, Status};
use openindex_domain::token::ListedStatus;

use crate::app::App;
use crate::commands::paging::{self, WholeArgs};
use crate::error::CliError;
use crate::render::{Form, Listing, Row, Style, ends, expiry, moment, plain, word};

use super::{page, parse_name};

/// Which, and how many.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
All of your tokens are listed, live and expired, unless you filter them. Deleted tokens are not
listed; expired ones are purged 30 days after their expiry.

Examples:
  oi settings personal tokens list
  oi settings personal tokens list --status live
  oi settings personal tokens list --status expired --json | jq -r '.items[].id'")]
pub(crate) struct Args {
    /// With this status
    #[arg(long, value_parser = ["live", "expired"])]
    status: Option<String>,
    /// With exactly this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    page: WholeArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let filter = PatQuery {
        status: args.status.as_deref().and_then(ListedStatus::parse),
        name: args.name.as_deref().map(parse_name).transpose()?,
    };
    let session = app.human_session()?;
    let is_filtered = filter != PatQuery::default() || args.page.is_later();
    let fetch = |query: &_| page(&session, &filter, query);
    paging::list_whole(&args.page, app, fetch, |pats, style| {
        human(pats, is_filtered, style)
    })
}

fn human(pats: &[Pat], is_filtered: bool, style: &Style) -> String {
    if pats.is_empty() && is_filtered {
        return "No tokens match.\n".to_owned();
    }
    if pats.is_empty() {
        return "No tokens. Create one with: oi settings personal tokens create --name NAME\n"
            .to_owned();
    }
    // Colour has no place inside of a cell: it would count as width.
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
        Row {
            name: named(pat),
            words: format!("{scope} · {} · {words}", ends(expires_at, &colorless)),
            cells: vec![scope, expiry(expires_at, &colorless), used],
            id: plain(&pat.id),
            spent: pat.status != Status::Live,
        }
    });
    Listing {
        form: Form::Named,
        titles: vec!["scope", "expires", "last used"],
        rows: rows.collect(),
    }
    .render(style)
}

/// The name of a token. Two of one name stand in the list until the overlap of a rotation ends.
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
    fn says_how_to_make_the_first_one() {
        insta::assert_snapshot!("tokens_none", human(&[], false, &STYLE));
        assert_eq!(human(&[], true, &STYLE), "No tokens match.\n");
    }
}
