//! `oi settings admin users`: everybody who has an account.

mod delete;
mod get;
mod list;
mod set_role;
mod sign_in_link;
mod suspend;
mod unsuspend;
mod update;

use clap::Subcommand;
use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::User;
use openindex_domain::user::UserId;

use crate::app::{App, Session};
use crate::commands::{look_first, not_confirmed};
use crate::error::{CliError, Failure};
use crate::prompt;
use crate::render::{Style, fields, moment, plain, word};

use super::people::{self, UserRef};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List users, in the order of their joining
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show a user
    Get(get::Args),
    /// Suspend a user: their tokens and sessions stop working at once
    Suspend(suspend::Args),
    /// Let a suspended user act again
    Unsuspend(unsuspend::Args),
    /// Make a user an administrator, or a member
    SetRole(set_role::Args),
    /// Change a user's email address
    Update(update::Args),
    /// Delete a user: everything of theirs ends at once, for good
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
    /// Make a one-time link that opens a user's account
    SignInLink(sign_in_link::Args),
}

pub(super) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::List(args) => list::run(args, app),
        Command::Get(args) => get::run(args, app),
        Command::Suspend(args) => suspend::run(args, app),
        Command::Unsuspend(args) => unsuspend::run(args, app),
        Command::SetRole(args) => set_role::run(args, app),
        Command::Update(args) => update::run(args, app),
        Command::Delete(args) => delete::run(args, app),
        Command::SignInLink(args) => sign_in_link::run(args, app),
    }
}

/// Whom to change, after a question unless it is not to be asked.
fn confirmed(
    user: &UserRef,
    yes: bool,
    question: &str,
    refused: &str,
    session: &Session,
    app: &mut App<'_>,
) -> Result<UserId, CliError> {
    if yes {
        return Ok(people::id_of(user, session)?);
    }
    let user = people::find(user, session)?;
    let id = people::parse_id(&user)?;
    let own = session.call(Client::me)?.user.id == user.id;
    let style = app.out.message_style();
    if prompt::confirm(&asked(&user, own, question, &style))? {
        Ok(id)
    } else {
        Err(not_confirmed(refused).into())
    }
}

fn asked(user: &User, own: bool, question: &str, style: &Style) -> String {
    let shown = described(user, style);
    let own = if own {
        format!("{}\n", style.yellow("This is your own account."))
    } else {
        String::new()
    };
    format!("{shown}{own}{question}")
}

/// A change that may have been made although the request failed: the user shows whether it was.
fn look_at(id: UserId, failure: Failure) -> Failure {
    look_first(failure, &format!("oi settings admin users get {id}"))
}

/// The answer of a command that changed a user.
fn changed(user: &User, what: &str, app: &mut App<'_>) -> Result<(), CliError> {
    app.out.answer(user, |style| {
        format!("{} {what}\n{}", style.done(), described(user, style))
    })
}

fn described(user: &User, style: &Style) -> String {
    let status = match user.suspended_at.as_deref() {
        None => "active".to_owned(),
        at => style.red(&format!("suspended {}", moment(at, style))),
    };
    let mut rows = vec![
        ("id", plain(&user.id)),
        ("role", word(&user.role)),
        ("status", status),
        ("joined", moment(Some(&user.created_at), style)),
    ];
    if !user.mixed_scripts.is_empty() {
        let scripts = plain(&user.mixed_scripts.join(", "));
        rows.push(("mixed scripts", style.red(&scripts)));
    }
    format!(
        "{}\n{}",
        style.bold(&people::who(user)),
        fields(&rows, style)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::users;
    use crate::commands::tests::STYLE;

    #[test]
    fn shows_a_user_and_asks_about_them() {
        let users = users();
        insta::assert_snapshot!("user", described(&users[1], &STYLE));
        insta::assert_snapshot!("user_hostile", described(&users[2], &STYLE));
        insta::assert_snapshot!(
            "user_question",
            asked(&users[0], true, suspend::QUESTION, &STYLE)
        );
    }
}
