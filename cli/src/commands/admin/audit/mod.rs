//! `oi settings admin audit`: who did what, and when.

mod export;
mod filter;
mod list;

use clap::Subcommand;

use crate::app::App;
use crate::error::CliError;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List events, the newest first
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Write the whole trail, or what the filters want of it, as JSON or CSV
    Export(export::Args),
}

pub(super) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::List(args) => list::run(args, app),
        Command::Export(args) => export::run(args, app),
    }
}
