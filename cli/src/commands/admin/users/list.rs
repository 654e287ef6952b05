use openindex_adapters_http::wire::{User, UserQuery};
use openindex_domain::user::{UserSearch, UserSort};

use crate::app::App;
use crate::commands::admin::user_ref;
use crate::commands::paging::{self, PageArgs};
use crate::error::{CliError, Failure};
use crate::render::{Form, Listing, Row, Style, moment, plain, word};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Requires an administrator's token with the admin scope.

Examples:
  oi settings admin users list
  oi settings admin users list --search example.com --sort least_seen
  oi settings admin users list --all --json | jq -r '.items[].email'")]
pub(crate) struct Args {
    /// Only users whose name or email address contains this text (case-insensitive)
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Sort order [default: joined]
    #[arg(long, value_parser = UserSort::ALL.map(UserSort::as_str))]
    sort: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let query = UserQuery {
        search: args.search.as_deref().map(parse_search).transpose()?,
        sort: args.sort.as_deref().and_then(UserSort::parse),
    };
    let session = app.human_session()?;
    paging::list(
        &args.page,
        app,
        |page| user_ref::page(&session, &query, page),
        human,
    )
}

fn parse_search(text: &str) -> Result<UserSearch, Failure> {
    UserSearch::parse(text).map_err(|error| Failure::usage(format!("--search {error}")))
}

fn human(users: &[User], style: &Style) -> String {
    let rows = users.iter().map(|user| {
        let inactive = user.suspended_at.is_some();
        let (email, role) = (
            user_ref::marked(&user.email, &user.mixed_scripts),
            word(&user.role),
        );
        let status = if inactive { "suspended" } else { "active" };
        let joined = moment(Some(&user.created_at), style);
        Row {
            name: plain(&user.name),
            summary: format!("{email} · {role} · {status} · joined {joined}"),
            cells: vec![email, role, status.to_owned(), joined],
            id: plain(&user.id),
            inactive,
        }
    });
    Listing {
        form: Form::Named,
        titles: vec!["email", "role", "status", "joined"],
        rows: rows.collect(),
    }
    .render(style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::users;
    use crate::commands::tests::{STYLE, WIDE};

    #[test]
    fn shows_users_as_a_table_and_as_a_list() {
        insta::assert_snapshot!("users_wide", human(&users(), &WIDE));
        insta::assert_snapshot!("users_narrow", human(&users(), &STYLE));
    }
}
