//! `oi settings admin audit`: the audit log.

mod export;
mod filter;
mod list;

use clap::Subcommand;

use crate::app::App;
use crate::error::CliError;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List audit events, newest first
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Export the audit log, or the events that match the filters, as JSON or CSV
    Export(export::Args),
}

pub(super) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::List(args) => list::run(args, app),
        Command::Export(args) => export::run(args, app),
    }
}
