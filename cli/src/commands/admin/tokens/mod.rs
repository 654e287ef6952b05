//! `oi settings admin tokens`: the tokens of all users.

mod filter;
mod list;
mod revoke;
mod revoke_matching;

use clap::Subcommand;
use openindex_adapters_http::wire::{AdminPat, Open, Status};

use crate::app::App;
use crate::commands::tokens::named;
use crate::error::CliError;
use crate::render::{Form, Listing, Row, Style, ends, expiry, moment, plain, word};

use super::user_ref;

const LIST: &str = "oi settings admin tokens list";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the tokens of all users, newest first
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Revoke tokens; anything using them stops working immediately
    #[command(visible_alias = "rm")]
    Revoke(revoke::Args),
    /// Revoke every token that matches the filters, in one change
    RevokeMatching(revoke_matching::Args),
}

pub(super) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::List(args) => list::run(args, app),
        Command::Revoke(args) => revoke::run(args, app),
        Command::RevokeMatching(args) => revoke_matching::run(args, app),
    }
}

/// Formats tokens with their owners.
fn listing(pats: &[AdminPat], style: &Style) -> String {
    // Color escapes in a cell would count as width.
    let colorless = Style {
        color: false,
        ..*style
    };
    let rows = pats.iter().map(|item| {
        let pat = &item.pat;
        let (owner, scope) = (user_ref::owner(&item.owner), word(&pat.scope));
        let expires_at = pat.expires_at.as_deref();
        let (expiry, ends) = match pat.status {
            Open::Known(Status::Revoked) => ("revoked".to_owned(), "revoked".to_owned()),
            _ => (expiry(expires_at, &colorless), ends(expires_at, &colorless)),
        };
        let used = moment(pat.last_used_at.as_deref(), &colorless);
        let words = match pat.last_used_at {
            None => "never used".to_owned(),
            Some(_) => format!("last used {used}"),
        };
        Row {
            name: named(pat),
            summary: format!("{owner} · {scope} · {ends} · {words}"),
            cells: vec![owner, scope, expiry, used],
            id: plain(&pat.id),
            inactive: pat.status != Status::Live,
        }
    });
    Listing {
        form: Form::Named,
        titles: vec!["owner", "scope", "expires", "last used"],
        rows: rows.collect(),
    }
    .render(style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::admin_pats;
    use crate::commands::tests::{STYLE, WIDE};

    #[test]
    fn shows_tokens_with_their_owners_as_a_table_and_as_a_list() {
        let wide = Style { width: 170, ..WIDE };
        insta::assert_snapshot!("admin_tokens_wide", listing(&admin_pats(), &wide));
        insta::assert_snapshot!("admin_tokens_narrow", listing(&admin_pats(), &STYLE));
    }
}
