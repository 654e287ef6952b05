//! `oi invite`: join an instance.

mod claim;
mod link;
mod place;

use clap::Subcommand;

use crate::app::App;
use crate::error::CliError;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Claim an invite: it makes you an account
    Claim(claim::Args),
}

pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::Claim(args) => claim::run(args, app),
    }
}
