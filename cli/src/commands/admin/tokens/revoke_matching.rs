use std::fmt::Write as _;

use openindex_adapters_http::wire::RevokedPats;
use openindex_domain::token::Status;

use crate::app::App;
use crate::commands::{look_first, not_confirmed, require_someone_to_ask};
use crate::error::{CliError, Failure};
use crate::prompt;
use crate::render::{Style, plain};

use super::filter::FilterArgs;
use super::{LIST, listing};

/// How many tokens a question shows.
const MAX_SHOWN: usize = 20;

/// Which tokens.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
At least one filter is required. What would end is asked of the server first and shown, and then
there is a question; without a terminal, --yes is required. All of it is one change. The token that
asks is never among them.

Examples:
  oi settings admin tokens revoke-matching --user ada@example.com --dry-run
  oi settings admin tokens revoke-matching --unused-for 90d
  oi settings admin tokens revoke-matching --scope admin --unused-since 2026-01-01 --yes")]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// Only show what would end
    #[arg(long)]
    dry_run: bool,
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
        require_someone_to_ask(args.yes, "revoking")?;
    }
    let session = app.human_session()?;
    let filter = args.filter.with_user(filter, &session)?;
    let would = session.call(|client| client.admin_pats_revoke(&filter.revocation(true)))?;
    if args.dry_run {
        return app.out.answer(&would, |style| human(&would, style));
    }
    if would.count == 0 {
        let nothing = RevokedPats {
            dry_run: false,
            ..would
        };
        return app.out.answer(&nothing, |style| human(&nothing, style));
    }
    if args.yes {
        app.out.aside(|style| would_end(&would, style));
    } else {
        let style = app.out.message_style();
        let question = format!(
            "{}Revoke {}? Whatever uses {} stops working at once.",
            would_end(&would, &style),
            tokens(would.count),
            if would.count == 1 { "it" } else { "them" },
        );
        if !prompt::confirm(&question)? {
            return Err(not_confirmed("nothing was revoked").into());
        }
    }
    let revoked = session
        .call(|client| client.admin_pats_revoke(&filter.revocation(false)))
        .map_err(|failure| look_first(failure, LIST))?;
    if revoked.count != would.count {
        app.out.note(&format!(
            "{} would have ended a moment ago and {} ended: tokens have changed meanwhile",
            would.count, revoked.count
        ));
    }
    app.out.answer(&revoked, |style| human(&revoked, style))
}

fn tokens(count: u64) -> String {
    match count {
        1 => "this token".to_owned(),
        count => format!("these {count} tokens"),
    }
}

/// What is about to end, as far as it can be read.
fn would_end(would: &RevokedPats, style: &Style) -> String {
    let shown = &would.items[..would.items.len().min(MAX_SHOWN)];
    let mut text = listing(shown, style);
    let more = would.items.len() - shown.len();
    if more > 0 {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "… and {more} more; --dry-run shows all");
    }
    text.push_str(&damaged(would));
    text.push_str(&kept(would));
    text
}

fn human(revoked: &RevokedPats, style: &Style) -> String {
    let kept = kept(revoked);
    if revoked.count == 0 {
        return format!("No token that the filters want: nothing was revoked.\n{kept}");
    }
    let count = revoked.count;
    let plural = if count == 1 { "" } else { "s" };
    let head = if revoked.dry_run {
        format!("Would revoke {count} token{plural}; nothing was changed.\n")
    } else {
        format!("{} Revoked {count} token{plural}\n", style.done())
    };
    let damaged = damaged(revoked);
    format!("{head}{}{damaged}{kept}", listing(&revoked.items, style))
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
        "The token that you are using fits the filters too; it is kept.\n".to_owned()
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
            items,
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
        let text = would_end(&revoked(true, 10), &wide);
        assert_eq!(text.lines().count(), 1 + MAX_SHOWN + 2, "{text}");
        assert!(text.contains("… and 10 more; --dry-run shows all\n"));
        assert_eq!(
            (tokens(1), tokens(2)),
            ("this token".into(), "these 2 tokens".into())
        );
    }
}
