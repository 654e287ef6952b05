//! `oi settings admin`: administers the instance.

mod audit;
mod invites;
mod stats;
mod time_filter;
mod tokens;
mod user_ref;
mod users;

use clap::Subcommand;

use crate::app::App;
use crate::error::CliError;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Manage users
    #[command(subcommand)]
    Users(users::Command),
    /// Manage invites
    #[command(subcommand)]
    Invites(invites::Command),
    /// List and revoke the tokens of all users
    #[command(subcommand)]
    Tokens(tokens::Command),
    /// Read the audit log
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

#[cfg(test)]
pub(super) mod tests;
