//! `oi invite`: joins an instance with an invite.

mod claim;
mod link;
mod server;

use clap::Subcommand;

use crate::app::App;
use crate::error::CliError;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Claim an invite and create your account
    Claim(claim::Args),
}

pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::Claim(args) => claim::run(args, app),
    }
}
