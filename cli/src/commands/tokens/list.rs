use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{Pat, Status};

use crate::app::App;
use crate::commands::paging::warn_of;
use crate::error::CliError;
use crate::render::{Form, Listing, Row, Style, ends, expiry, moment, plain, word};

pub(super) const AFTER_HELP: &str = "\
All of your tokens are listed, live and expired; deleted ones are gone.

Examples:
  oi settings personal tokens list
  oi settings personal tokens list --json | jq -r '.items[] | select(.status == \"expired\").id'";

pub(super) fn run(app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let list = session.call(Client::pats_list)?;
    app.out.answer(&list, |style| human(&list.items, style))?;
    warn_of(&list.damaged, app);
    Ok(())
}

fn human(pats: &[Pat], style: &Style) -> String {
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
        insta::assert_snapshot!("tokens_wide", human(&pats(), &WIDE));
        insta::assert_snapshot!("tokens_narrow", human(&pats(), &STYLE));
    }

    #[test]
    fn says_how_to_make_the_first_one() {
        insta::assert_snapshot!("tokens_none", human(&[], &STYLE));
    }
}
