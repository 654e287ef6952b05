use std::fmt::Write as _;
use std::str::FromStr;

use openindex_adapters_http::client::PatFilter;
use openindex_adapters_http::wire::{RevokePats, RevokedPats};
use openindex_domain::admin_tokens::ReviewDigest;
use openindex_domain::token::Status;
use openindex_domain::user::MAX_PAGE;

use crate::app::{App, Session};
use crate::commands::paging::{self, Page};
use crate::commands::{look_first, not_confirmed, require_someone_to_ask};
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::prompt;
use crate::render::{Style, plain};

use super::filter::FilterArgs;
use super::{LIST, listing};

/// How many tokens a question shows.
const MAX_SHOWN: usize = MAX_PAGE as usize;

/// Which tokens.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
At least one filter is required. The matching tokens are listed first, and revoked after you
confirm; without a terminal, --yes or --expected is required. Exactly the listed tokens are
revoked, in one change: if others match by then, none is. The token in use is never revoked.

A script that reviews the tokens of --dry-run passes its `expected` as --expected.

Examples:
  oi settings admin tokens revoke-matching --user ada@example.com --dry-run
  oi settings admin tokens revoke-matching --unused-for 90d
  oi settings admin tokens revoke-matching --scope admin --unused-since 2026-01-01 --yes")]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// List every token that would be revoked, and revoke none
    #[arg(long)]
    dry_run: bool,
    /// Revoke exactly the tokens that a dry run listed, without asking: its `expected`
    #[arg(long, value_name = "DIGEST")]
    expected: Option<ReviewDigest>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let filter = args.filter.without_user(app.now())?;
    if filter.is_empty() && !args.filter.names_a_user() {
        let message = "give at least one filter: without any, every token would be revoked";
        return Err(Failure::usage(message).into());
    }
    if filter.status == Some(Status::Revoked) {
        return Err(Failure::usage("what is revoked cannot be revoked again").into());
    }
    if !args.dry_run {
        require_someone_to_ask(args.yes || args.expected.is_some(), "revoking")?;
    }
    let session = app.human_session()?;
    let filter = args.filter.with_user(filter, &session)?;
    if args.dry_run {
        let would = all(&session, &filter, args.expected)?;
        return app.out.answer(&would, |style| human(&would, style));
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
            return app.out.answer(&nothing, |style| human(&nothing, style));
        }
        confirm(&would, args.yes, app)?;
        digest(&would)?
    };
    let revocation = filter.revocation(Some(expected));
    let revoked = send(&session, &revocation).map_err(|failure| look_first(failure, LIST))?;
    app.out.answer(&revoked, |style| human(&revoked, style))
}

/// Shows what would be revoked, and asks unless `yes`.
fn confirm(would: &RevokedPats, yes: bool, app: &mut App<'_>) -> Result<(), CliError> {
    if yes {
        app.out.aside(|style| would_end(would, style));
        return Ok(());
    }
    let style = app.out.message_style();
    let question = format!(
        "{}Revoke {}? Anything using {} stops working immediately.",
        would_end(would, &style),
        tokens(would.count),
        if would.count == 1 { "it" } else { "them" },
    );
    if prompt::confirm(&question)? {
        Ok(())
    } else {
        Err(not_confirmed("nothing was revoked").into())
    }
}

fn send(session: &Session, wanted: &RevokePats) -> Result<RevokedPats, Failure> {
    let sent = session.call(|client| client.admin_pats_revoke(wanted));
    sent.map_err(|mut failure| {
        if failure.code == "review_outdated" {
            // The server's words are for callers of the API.
            "the matching tokens have changed since they were listed, so nothing was revoked; list \
             them again with --dry-run and pass its --expected, or confirm the new list"
                .clone_into(&mut failure.message);
        }
        failure
    })
}

/// Returns one page of the tokens that would be revoked, if they are those of `expected`.
fn page(
    session: &Session,
    filter: &PatFilter,
    cursor: Option<&str>,
    expected: Option<ReviewDigest>,
) -> Result<RevokedPats, Failure> {
    let cursor = cursor.map(understood).transpose()?;
    let wanted = RevokePats {
        expected,
        ..filter.review(cursor)
    };
    send(session, &wanted)
}

/// Returns all tokens that would be revoked. Each page is of the same ones, or it is a failure.
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
        let page = page(session, filter, query.cursor.as_deref(), Some(expected))?;
        Ok(Page {
            items: page.items,
            damaged: page.damaged,
            next_cursor: page.next_cursor,
        })
    })?;
    Ok(RevokedPats {
        items: whole.items,
        damaged: whole.damaged,
        next_cursor: None,
        ..first
    })
}

fn digest(would: &RevokedPats) -> Result<ReviewDigest, Failure> {
    understood(would.expected.as_deref().unwrap_or_default())
}

fn understood<T: FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| {
        let message = "the server names the matching tokens in a form that this version of oi \
                       does not know, so nothing was revoked";
        Failure::new(ExitCode::Failure, "unexpected_answer", message)
    })
}

fn tokens(count: u64) -> String {
    match count {
        1 => "this token".to_owned(),
        count => format!("these {count} tokens"),
    }
}

/// What is about to be revoked, as far as it can be read.
fn would_end(would: &RevokedPats, style: &Style) -> String {
    let shown = &would.items[..would.items.len().min(MAX_SHOWN)];
    let mut text = listing(shown, style);
    text.push_str(&damaged(would));
    text.push_str(&more(would, shown.len(), "; --dry-run lists all"));
    text.push_str(&kept(would));
    text
}

/// Says how many tokens are not among those shown.
fn more(revoked: &RevokedPats, shown: usize, advice: &str) -> String {
    let shown = shown + revoked.damaged.len();
    match revoked.count.saturating_sub(shown as u64) {
        0 => String::new(),
        more => format!("… and {more} more{advice}\n"),
    }
}

fn human(revoked: &RevokedPats, style: &Style) -> String {
    let kept = kept(revoked);
    if revoked.count == 0 {
        return format!("No tokens match the filters: nothing was revoked.\n{kept}");
    }
    let count = revoked.count;
    let plural = if count == 1 { "" } else { "s" };
    let head = if revoked.dry_run {
        format!("Would revoke {count} token{plural}; nothing was changed.\n")
    } else {
        format!("{} Revoked {count} token{plural}\n", style.done())
    };
    let shown = listing(&revoked.items, style) + &damaged(revoked);
    let more = more(revoked, revoked.items.len(), "");
    let next = match &revoked.expected {
        Some(expected) => format!(
            "To revoke exactly these, replace --dry-run by:\n  --expected {}\n",
            plain(expected)
        ),
        None => String::new(),
    };
    format!("{head}{shown}{more}{kept}{next}")
}

/// Those that the server cannot read, which are revoked as well.
fn damaged(revoked: &RevokedPats) -> String {
    let mut text = String::new();
    for row in &revoked.damaged {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{} (damaged: {}.{})",
            plain(&row.id),
            row.table,
            row.column
        );
    }
    text
}

fn kept(revoked: &RevokedPats) -> String {
    if revoked.kept_own {
        "The token you're using also matches; it is not revoked.\n".to_owned()
    } else {
        String::new()
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
    fn says_what_ended_or_would() {
        insta::assert_snapshot!("matching_dry", human(&revoked(true, 1), &STYLE));
        insta::assert_snapshot!("matching_done", human(&revoked(false, 1), &STYLE));
        insta::assert_snapshot!("matching_none", human(&revoked(true, 0), &STYLE));
    }

    #[test]
    fn a_question_stays_readable() {
        let wide = Style {
            width: 170,
            ..STYLE
        };
        let text = would_end(&revoked(true, 100), &wide);
        assert_eq!(text.lines().count(), 1 + MAX_SHOWN + 2, "{text}");
        assert!(text.contains("… and 100 more; --dry-run lists all\n"));
        assert_eq!(
            (tokens(1), tokens(2)),
            ("this token".into(), "these 2 tokens".into())
        );
    }

    #[test]
    fn what_a_page_does_not_show_is_counted() {
        let done = RevokedPats {
            count: 1_003,
            ..revoked(false, 1)
        };
        assert!(human(&done, &STYLE).contains("\n… and 1000 more\n"));
    }
}
