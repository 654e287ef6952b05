//! `oi agent-run`: tokens for automated workers, each for one run.

mod end;
mod list;
mod start;

use clap::Subcommand;
use openindex_adapters_http::wire::{AgentRun, Open, Status};

use crate::app::App;
use crate::error::CliError;
use crate::render::{Style, ends, moment, plain};

const LIST: &str = "oi agent-run list";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a run and show the secret of its token, once
    Start(start::Args),
    /// List your runs, the newest first
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// End runs: their tokens stop working at once
    End(end::Args),
}

pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::Start(args) => start::run(args, app),
        Command::List(args) => list::run(args, app),
        Command::End(args) => end::run(args, app),
    }
}

/// When a run ends, or that it was ended before its time.
fn end(run: &AgentRun, style: &Style) -> String {
    match run.status {
        Open::Known(Status::Revoked) => format!("ended {}", moment(run.ended_at.as_deref(), style)),
        _ => ends(run.expires_at.as_deref(), style),
    }
}

/// Which work items it may change.
fn work_item(run: &AgentRun) -> String {
    match run.work_item_key.as_deref() {
        None => "any work item".to_owned(),
        Some(key) => format!("only {}", plain(key)),
    }
}

#[cfg(test)]
mod tests;
