//! The commands, one in each file.

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

/// Does what was asked.
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

/// Where there is nobody to ask, what would be asked must be answered beforehand.
fn require_someone_to_ask(yes: bool, doing: &str) -> Result<(), Failure> {
    if yes || prompt::is_interactive() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{doing} asks for confirmation, and there is no terminal to ask on; pass --yes"
    )))
}

/// The answer to a question was no.
fn not_confirmed(message: &str) -> Failure {
    Failure::new(ExitCode::Failure, "not_confirmed", message)
}

/// A change that may have been done although the request failed: `look` shows whether it was.
fn look_first(failure: Failure, look: &str) -> Failure {
    if failure.may_be_done() {
        failure.next(look)
    } else {
        failure
    }
}

/// Does one thing after the other and stops at the first that fails; the failure then says, under
/// `done`, which were done before. `look` shows whether that one was.
fn one_by_one<T: std::fmt::Display>(
    things: &[T],
    done: &str,
    look: &str,
    act: impl Fn(&T) -> Result<(), Failure>,
) -> Result<Vec<String>, Failure> {
    let mut finished: Vec<String> = Vec::new();
    for thing in things {
        act(thing).map_err(|failure| {
            let mut failure = look_first(failure, look);
            failure.message = format!("{thing}: {}", failure.message);
            if finished.is_empty() {
                return failure;
            }
            let before = finished.join(", ");
            failure.message = format!("{}\n{done} before: {before}", failure.message);
            failure.detail(done, finished.clone())
        })?;
        finished.push(thing.to_string());
    }
    Ok(finished)
}

/// A role as it is written on the command line.
fn parse_role(text: &str) -> Result<Role, Failure> {
    Role::parse(text).ok_or_else(|| Failure::usage("a role is member or admin"))
}

#[cfg(test)]
pub(crate) mod tests;
