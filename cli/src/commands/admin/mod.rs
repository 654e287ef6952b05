//! `oi settings admin`: the instance, for those who administer it.

mod audit;
mod invites;
mod people;
mod stats;
mod tokens;
mod users;
mod when;

use clap::Subcommand;

use crate::app::App;
use crate::error::CliError;

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

#[cfg(test)]
pub(super) mod tests;
