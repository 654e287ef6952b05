//! `oi settings admin`: the instance, for those who administer it.

mod audit;
mod invites;
mod link;
mod paging;
mod people;
mod stats;
mod tokens;
mod users;
mod when;

use clap::Subcommand;

use crate::app::App;
use crate::error::{CliError, Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everybody who has an account
    #[command(subcommand)]
    Users(users::Command),
    /// Let somebody in
    #[command(subcommand)]
    Invites(invites::Command),
    /// Everybody's tokens
    #[command(subcommand)]
    Tokens(tokens::Command),
    /// Who did what, and when
    #[command(subcommand)]
    Audit(audit::Command),
    /// Count users, tokens and invites
    #[command(after_help = stats::AFTER_HELP)]
    Stats,
}

pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::Users(command) => users::run(command, app),
        Command::Invites(command) => invites::run(command, app),
        Command::Tokens(command) => tokens::run(command, app),
        Command::Audit(command) => audit::run(command, app),
        Command::Stats => stats::run(app),
    }
}

/// Does one thing after the other and stops at the first that fails; the failure then says, under
/// `done`, which were done before.
fn one_by_one<T: std::fmt::Display>(
    things: &[T],
    done: &str,
    act: impl Fn(&T) -> Result<(), Failure>,
) -> Result<Vec<String>, Failure> {
    let mut finished: Vec<String> = Vec::new();
    for thing in things {
        act(thing).map_err(|mut failure| {
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

#[cfg(test)]
pub(super) mod tests;
