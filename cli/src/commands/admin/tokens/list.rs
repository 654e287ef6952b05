use crate::app::App;
use crate::commands::paging::{self, Page, PageArgs};
use crate::error::CliError;

use super::filter::FilterArgs;
use super::listing;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Requires an administrator's token with the admin scope. Secrets are not listed: each is shown only
once, when its token is created.

Examples:
  oi settings admin tokens list --user ada@example.com
  oi settings admin tokens list --unused-for 90d --scope admin
  oi settings admin tokens list --expiring-within 7d --all --json | jq -r '.items[].owner.email'")]
pub(crate) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    page: PageArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let filter = args.filter.without_user(app.now())?;
    let session = app.human_session()?;
    let filter = args.filter.with_user(filter, &session)?;
    let fetch = |query: &_| {
        let list = session.call(|client| client.admin_pats_list(&filter, query))?;
        Ok(Page {
            items: list.items,
            damaged: list.damaged,
            next_cursor: list.next_cursor,
        })
    };
    paging::list(&args.page, app, fetch, |pats, style| {
        if pats.is_empty() {
            "No matching tokens.\n".to_owned()
        } else {
            listing(pats, style)
        }
    })
}
