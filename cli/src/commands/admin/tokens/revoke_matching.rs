use std::str::FromStr;

use openindex_adapters_http::client::PatFilter;
use openindex_adapters_http::wire::{RevokePats, RevokedPats};
use openindex_domain::admin_tokens::ReviewDigest;
use openindex_domain::page::MAX_PAGE;
use openindex_domain::token::Status;

use crate::commands::prelude::*;
use crate::parts::paging;

use super::filter::{FilterArgs, LIST, pats_listing};

/// The maximum number of tokens in the prompt.
const MAX_SHOWN: usize = MAX_PAGE as usize;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
At least one filter is required. Lists the matching tokens and asks for confirmation; without a
terminal, --yes or --expected is required. Revokes exactly the listed tokens, in one change: if the
matching tokens have changed since, none is revoked. The token in use is never revoked.

In a script, review the output of --dry-run, then pass its `expected` value as --expected.

Examples:
  oi settings admin tokens revoke-matching --user ada@example.com --dry-run
  oi settings admin tokens revoke-matching --unused-for 90d
  oi settings admin tokens revoke-matching --scope admin --unused-since 2026-01-01 --yes")]
pub(crate) struct RevokeMatching {
    #[command(flatten)]
    filter: FilterArgs,
    /// List every token that would be revoked, without revoking any
    #[arg(long)]
    dry_run: bool,
    /// Revoke exactly the tokens a dry run listed, without confirmation: the `expected` value in
    /// its output
    #[arg(long, value_name = "DIGEST")]
    expected: Option<ReviewDigest>,
    #[command(flatten)]
    yes: Confirmation,
}

pub(super) fn run(args: &RevokeMatching, app: &mut App<'_>) -> Result<(), CliError> {
    let filter = args.filter.without_user(app.now())?;
    if filter.is_empty() && !args.filter.names_a_user() {
        let message = "pass at least one filter; without any, every token would be revoked";
        return Err(Failure::usage(message).into());
    }
    if filter.status == Some(Status::Revoked) {
        let message = "--status revoked matches only tokens that are already revoked";
        return Err(Failure::usage(message).into());
    }
    if !args.dry_run {
        let confirmed = args.yes.given() || args.expected.is_some();
        require_terminal_or_yes(confirmed, "revoking")?;
    }
    let session = app.human_session()?;
    let filter = args.filter.with_user(filter, &session)?;
    if args.dry_run {
        let would = all(&session, &filter, args.expected)?;
        return app.out.print(&would, |style| human(&would, style));
    }
    let expected = if let Some(expected) = args.expected {
        expected
    } else {
        let would = page(&session, &filter, None, None)?;
        if would.count == 0 {
            let nothing = RevokedPats {
                dry_run: false,
                expected: None,
                ..would
            };
            return app.out.print(&nothing, |style| human(&nothing, style));
        }
        confirm_all(&would, args.yes.given(), app)?;
        digest(&would)?
    };
    let revocation = filter.revocation(Some(expected));
    let revoked = send(&session, &revocation).map_err(|failure| failure.or_check(LIST))?;
    app.out.print(&revoked, |style| human(&revoked, style))
}

/// Shows the tokens to revoke, and asks for confirmation unless `yes`.
fn confirm_all(would: &RevokedPats, yes: bool, app: &mut App<'_>) -> Result<(), CliError> {
    if yes {
        app.out.aside(|style| preview(would, style));
        return Ok(());
    }
    let it = if would.count == 1 { "it" } else { "them" };
    let question = format!(
        "{}Revoke {}? Anything using {it} stops working immediately. This cannot be undone.",
        preview(would, &app.out.message_style()),
        tokens(would.count),
    );
    confirm(&question, "no token was revoked")
}

fn send(session: &Session, request: &RevokePats) -> Result<RevokedPats, Failure> {
    let sent = session.call(|client| client.admin_pats_revoke(request));
    sent.map_err(|mut failure| {
        if failure.code == "review_outdated" {
            // The server's message is written for callers of the API.
            "the matching tokens have changed since they were listed, so nothing was revoked; list \
             them again with --dry-run and pass its --expected, or confirm the new list"
                .clone_into(&mut failure.message);
        }
        failure
    })
}

/// Returns one page of the tokens that would be revoked; fails if they do not match `expected`.
fn page(
    session: &Session,
    filter: &PatFilter,
    cursor: Option<&str>,
    expected: Option<ReviewDigest>,
) -> Result<RevokedPats, Failure> {
    let cursor = cursor.map(parse_opaque).transpose()?;
    let request = RevokePats {
        expected,
        ..filter.review(cursor)
    };
    send(session, &request)
}

/// Returns all tokens that would be revoked; fails if they change between two pages.
fn all(
    session: &Session,
    filter: &PatFilter,
    expected: Option<ReviewDigest>,
) -> Result<RevokedPats, Failure> {
    let first = page(session, filter, None, expected)?;
    if first.next_cursor.is_none() {
        return Ok(first);
    }
    let expected = digest(&first)?;
    let whole = paging::all(MAX_PAGE, |query| {
        page(session, filter, query.cursor.as_deref(), Some(expected))
    })?;
    Ok(RevokedPats {
        items: whole.items,
        damaged: whole.damaged,
        next_cursor: None,
        ..first
    })
}

fn digest(would: &RevokedPats) -> Result<ReviewDigest, Failure> {
    parse_opaque(would.expected.as_deref().unwrap_or_default())
}

/// Parses a cursor or digest from the server.
fn parse_opaque<T: FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| {
        let message = "this version of oi cannot read the server's response; nothing was revoked";
        Failure::unexpected(message).hint("upgrade oi to the server's version")
    })
}

fn tokens(count: u64) -> String {
    match count {
        1 => "this token".to_owned(),
        count => format!("these {count} tokens"),
    }
}

/// Formats the tokens to revoke, at most [`MAX_SHOWN`] of them.
fn preview(would: &RevokedPats, style: &Style) -> String {
    let shown = &would.items[..would.items.len().min(MAX_SHOWN)];
    let listed = pats_listing(shown, style) + &damaged(would);
    let more = more(would, shown.len(), "; --dry-run lists all");
    format!("{listed}{more}{}", own_token_note(would))
}

/// Returns a line with the number of tokens that are not shown.
fn more(revoked: &RevokedPats, shown: usize, advice: &str) -> String {
    let shown = shown + revoked.damaged.len();
    match revoked.count.saturating_sub(shown as u64) {
        0 => String::new(),
        more => format!("… and {more} more{advice}\n"),
    }
}

fn human(revoked: &RevokedPats, style: &Style) -> String {
    let note = own_token_note(revoked);
    if revoked.count == 0 {
        return format!("No tokens match the filters: nothing was revoked.\n{note}");
    }
    let count = revoked.count;
    let plural = if count == 1 { "" } else { "s" };
    let head = if revoked.dry_run {
        format!("Would revoke {count} token{plural}; nothing was changed.\n")
    } else {
        format!("{} Revoked {count} token{plural}\n", style.done())
    };
    let shown = pats_listing(&revoked.items, style) + &damaged(revoked);
    let more = more(revoked, revoked.items.len(), "");
    let next = match &revoked.expected {
        Some(expected) => format!(
            "To revoke exactly these tokens, replace --dry-run with:\n  --expected {}\n",
            plain(expected)
        ),
        None => String::new(),
    };
    format!("{head}{shown}{more}{note}{next}")
}

/// Lists the rows that the server cannot read, which are also revoked.
fn damaged(revoked: &RevokedPats) -> String {
    let lines = revoked.damaged.iter().map(|row| {
        let id = plain(&row.id);
        format!("{id} (damaged: {}.{})\n", row.table, row.column)
    });
    lines.collect()
}

/// Says whether the token in use also matches, which is never revoked.
const fn own_token_note(revoked: &RevokedPats) -> &'static str {
    if revoked.kept_own {
        "The token you're using also matches; it is not revoked.\n"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::admin_pats;
    use crate::commands::tests::STYLE;

    fn revoked(dry_run: bool, copies: usize) -> RevokedPats {
        let items: Vec<_> = std::iter::repeat_n(admin_pats(), copies)
            .flatten()
            .collect();
        RevokedPats {
            damaged: Vec::new(),
            dry_run,
            count: items.len() as u64,
            kept_own: dry_run,
            expected: dry_run.then(|| "0".repeat(64)),
            items,
            next_cursor: None,
        }
    }

    #[test]
    fn lists_the_tokens_that_were_or_would_be_revoked() {
        insta::assert_snapshot!("matching_dry", human(&revoked(true, 1), &STYLE));
        insta::assert_snapshot!("matching_done", human(&revoked(false, 1), &STYLE));
        insta::assert_snapshot!("matching_none", human(&revoked(true, 0), &STYLE));
    }

    #[test]
    fn a_prompt_shows_a_limited_number_of_tokens() {
        let wide = Style {
            width: 170,
            ..STYLE
        };
        let text = preview(&revoked(true, 100), &wide);
        assert_eq!(text.lines().count(), 1 + MAX_SHOWN + 2, "{text}");
        assert!(text.contains("… and 100 more; --dry-run lists all\n"));
        assert_eq!(
            (tokens(1), tokens(2)),
            ("this token".into(), "these 2 tokens".into())
        );
    }

    #[test]
    fn tokens_that_are_not_shown_are_counted() {
        let done = RevokedPats {
            count: 1_003,
            ..revoked(false, 1)
        };
        assert!(human(&done, &STYLE).contains("\n… and 1000 more\n"));
    }
}
