use openindex_adapters_http::wire::{Invite, InviteStatus};

use crate::app::App;
use crate::commands::admin::user_ref;
use crate::commands::paging::{self, PageArgs};
use crate::error::CliError;
use crate::render::{Form, Listing, Row, Style, ends, expiry, moment, plain, word};

use super::page;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Links are not listed: each is shown only once, when its invite is created.

Examples:
  oi settings admin invites list
  oi settings admin invites list --all --json |
    jq -r '.items[] | select(.status == \"open\").email'")]
pub(crate) struct Args {
    #[command(flatten)]
    page: PageArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    paging::list(&args.page, app, |query| page(&session, query), human)
}

fn human(invites: &[Invite], style: &Style) -> String {
    if invites.is_empty() {
        return "No invites. Create one with: oi settings admin invites create EMAIL\n".to_owned();
    }
    let colorless = Style {
        color: false,
        ..*style
    };
    let rows = invites.iter().map(|invite| {
        let open = invite.status == InviteStatus::Open;
        let (status, role) = (word(&invite.status), word(&invite.role));
        let (until, ends) = if open {
            let at = Some(invite.expires_at.as_str());
            (expiry(at, &colorless), ends(at, &colorless))
        } else {
            let at = invite.claimed_at.as_deref();
            let claimed = at.map(|at| format!("claimed {}", moment(Some(at), &colorless)));
            let words = claimed.unwrap_or_else(|| status.clone());
            ("-".to_owned(), words)
        };
        Row {
            name: invite.email.as_deref().map_or_else(
                || "(first administrator)".to_owned(),
                |email| user_ref::marked(email, &invite.mixed_scripts),
            ),
            summary: format!("{role} · {ends}"),
            cells: vec![role, status, until],
            id: plain(&invite.id),
            inactive: !open,
        }
    });
    Listing {
        form: Form::Named,
        titles: vec!["role", "status", "expires"],
        rows: rows.collect(),
    }
    .render(style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::invites;
    use crate::commands::tests::{STYLE, WIDE};

    #[test]
    fn shows_invites_as_a_table_and_as_a_list() {
        insta::assert_snapshot!("invites_wide", human(&invites(), &WIDE));
        insta::assert_snapshot!("invites_narrow", human(&invites(), &STYLE));
        insta::assert_snapshot!("invites_none", human(&[], &STYLE));
    }
}
