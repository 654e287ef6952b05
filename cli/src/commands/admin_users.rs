//! `oi settings admin users list`: the users of the instance.

use openindex_adapters_http::wire::{User, UserList};

use crate::app::App;
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::render::{Listing, Row, Style, moment, plain};

use super::me::role;

pub(crate) const AFTER_HELP: &str = "\
Needs a token with the scope admin, of an administrator.

Examples:
  oi settings admin users list
  oi settings admin users list --json | jq -r '.items[].email'";

pub(crate) fn run(app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.human_session()?;
    let mut all = UserList {
        items: Vec::new(),
        next_cursor: None,
    };
    loop {
        let page = session.call(|client| client.users_list(all.next_cursor.as_deref()))?;
        // A server that leads in a circle would keep us here for ever.
        if page.next_cursor.is_some() && page.next_cursor == all.next_cursor {
            return Err(Failure::new(
                ExitCode::Failure,
                "unexpected_answer",
                "the server gave the same page of users twice",
            )
            .into());
        }
        all.items.extend(page.items);
        all.next_cursor = page.next_cursor;
        if all.next_cursor.is_none() {
            break;
        }
    }
    app.out.answer(&all, |style| human(&all.items, style))
}

fn human(users: &[User], style: &Style) -> String {
    let rows = users.iter().map(|user| {
        let spent = user.suspended_at.is_some();
        let (email, role) = (plain(&user.email), role(user.role));
        let standing = if spent { "suspended" } else { "active" };
        let joined = moment(Some(&user.created_at), style);
        Row {
            name: plain(&user.name),
            words: format!("{email} · {role} · {standing} · joined {joined}"),
            cells: vec![email, role.to_owned(), standing.to_owned(), joined],
            id: plain(&user.id),
            spent,
        }
    });
    Listing {
        titles: vec!["email", "role", "status", "joined"],
        rows: rows.collect(),
    }
    .render(style)
}

#[cfg(test)]
mod tests {
    use openindex_adapters_http::wire::Role;

    use super::*;
    use crate::commands::tests::{STYLE, WIDE};

    #[test]
    fn shows_users_as_a_table_and_as_a_list() {
        let user = |digit: char, name: &str, role, suspended_at: Option<&str>| User {
            id: format!("usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e{digit}"),
            email: format!("user{digit}@example.com"),
            name: name.to_owned(),
            role,
            created_at: "2026-11-20T08:00:00.000Z".to_owned(),
            suspended_at: suspended_at.map(str::to_owned),
        };
        let users = [
            user('1', "Ada Lovelace", Role::Admin, None),
            user(
                '2',
                "Charles",
                Role::Member,
                Some("2026-11-23T00:00:00.000Z"),
            ),
        ];
        insta::assert_snapshot!("users_wide", human(&users, &WIDE));
        insta::assert_snapshot!("users_narrow", human(&users, &STYLE));
    }
}
