//! `oi settings admin users`: the users of the instance.

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
use crate::commands::{not_confirmed, suggest_check};
use crate::error::{CliError, Failure};
use crate::prompt;
use crate::render::{Style, fields, moment, plain, word};

use super::user_ref::{self, UserRef};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List users, in the order in which they joined
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show a user
    #[command(alias = "show")]
    Get(get::Args),
    /// Suspend a user; their tokens and sessions stop working immediately
    Suspend(suspend::Args),
    /// Unsuspend a user
    Unsuspend(unsuspend::Args),
    /// Change a user's role
    SetRole(set_role::Args),
    /// Change a user's email address
    Update(update::Args),
    /// Delete a user permanently
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
    /// Create a one-time sign-in link for a user
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

/// Returns the ID of the user to change, after confirmation unless `yes`.
fn confirmed(
    user: &UserRef,
    yes: bool,
    question: &str,
    declined: &str,
    session: &Session,
    app: &mut App<'_>,
) -> Result<UserId, CliError> {
    if yes {
        return Ok(user_ref::id_of(user, session)?);
    }
    let user = user_ref::find(user, session)?;
    let id = user_ref::parse_id(&user)?;
    let own = session.call(Client::me)?.user.id == user.id;
    let style = app.out.message_style();
    if prompt::confirm(&asked(&user, own, question, &style))? {
        Ok(id)
    } else {
        Err(not_confirmed(declined).into())
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

/// Suggests to look at the user if the change may have been applied although the request failed.
fn suggest_get(id: UserId, failure: Failure) -> Failure {
    suggest_check(failure, &format!("oi settings admin users get {id}"))
}

/// Prints the result of a command that changed a user.
fn changed(user: &User, what: &str, app: &mut App<'_>) -> Result<(), CliError> {
    app.out.print(user, |style| {
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
        style.bold(&user_ref::who(user)),
        fields(&rows, style)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::users;
    use crate::commands::tests::STYLE;

    #[test]
    fn shows_a_user_and_the_prompt() {
        let users = users();
        insta::assert_snapshot!("user", described(&users[1], &STYLE));
        insta::assert_snapshot!("user_hostile", described(&users[2], &STYLE));
        insta::assert_snapshot!(
            "user_question",
            asked(&users[0], true, suspend::QUESTION, &STYLE)
        );
    }
}
