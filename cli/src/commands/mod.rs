//! The commands, one module each.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod agent_run;
#[cfg(test)]
mod api_names;
pub(crate) mod auth_check;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod invite;
pub(crate) mod man;
pub(crate) mod me;
mod names;
mod once;
mod paging;
pub(crate) mod profile;
pub(crate) mod queue;
pub(crate) mod report_leak;
pub(crate) mod schema;
pub(crate) mod tokens;
pub(crate) mod work_item;

use crate::app::App;
use openindex_domain::user::Role;

use crate::cli::{AuthCommand, Command, PersonalCommand, SettingsCommand};
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::prompt;

/// Runs a command.
pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::Profile(command) => profile::run(command, app),
        Command::Auth(AuthCommand::Check) => auth_check::run(app),
        Command::Me => me::run(app),
        Command::Queue(command) => queue::run(command, app),
        Command::WorkItem(command) => work_item::run(command, app),
        Command::AgentRun(command) => agent_run::run(command, app),
        Command::Settings(SettingsCommand::Personal(PersonalCommand::Tokens(command))) => {
            tokens::run(command, app)
        }
        Command::Settings(SettingsCommand::Personal(PersonalCommand::Account(command))) => {
            account::run(command, app)
        }
        Command::Settings(SettingsCommand::Admin(command)) => admin::run(command, app),
        Command::Invite(command) => invite::run(command, app),
        Command::ReportLeak => report_leak::run(app),
        Command::Doctor => doctor::run(app),
        Command::Schema(args) => schema::run(args, app),
        Command::Completions(args) => completions::run(args, app),
        Command::Man(args) => man::run(args, app),
    }
}

/// Requires `--yes` if there is no terminal to ask for confirmation on.
fn require_terminal_or_yes(yes: bool, action: &str) -> Result<(), Failure> {
    if yes || prompt::is_interactive() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{action} requires confirmation, but there is no terminal; pass --yes"
    )))
}

/// Returns the failure when the user does not confirm.
fn not_confirmed(message: &str) -> Failure {
    Failure::new(ExitCode::Failure, "not_confirmed", message)
}

/// Suggests the command `check` if the change may have been applied although the request failed.
fn suggest_check(failure: Failure, check: &str) -> Failure {
    if failure.may_have_taken_effect() {
        failure.next(check)
    } else {
        failure
    }
}

/// Runs `act` for each item and stops at the first failure, which lists the items before it under
/// `done`, such as `revoked`. The command `check` shows whether the failed change was applied.
fn one_by_one<T: std::fmt::Display>(
    items: &[T],
    done: &str,
    check: &str,
    act: impl Fn(&T) -> Result<(), Failure>,
) -> Result<Vec<String>, Failure> {
    let mut finished: Vec<String> = Vec::new();
    for item in items {
        act(item).map_err(|failure| {
            let mut failure = suggest_check(failure, check);
            failure.message = format!("{item}: {}", failure.message);
            if finished.is_empty() {
                return failure;
            }
            let before = finished.join(", ");
            failure.message = format!("{}\nalready {done}: {before}", failure.message);
            failure.detail(done, finished.clone())
        })?;
        finished.push(item.to_string());
    }
    Ok(finished)
}

/// Parses a role on the command line.
fn parse_role(text: &str) -> Result<Role, Failure> {
    Role::parse(text).ok_or_else(|| Failure::usage("role must be member or admin"))
}

#[cfg(test)]
pub(crate) mod tests;
