//! `oi agent-run`: agent runs, each with its own token.

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
    /// Start an agent run and show its token once
    Start(start::Args),
    /// List your agent runs, newest first
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// End agent runs; their tokens stop working immediately
    End(end::Args),
}

pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::Start(args) => start::run(args, app),
        Command::List(args) => list::run(args, app),
        Command::End(args) => end::run(args, app),
    }
}

/// Formats when a run expires or was ended.
fn end(run: &AgentRun, style: &Style) -> String {
    match run.status {
        Open::Known(Status::Revoked) => format!("ended {}", moment(run.ended_at.as_deref(), style)),
        _ => ends(run.expires_at.as_deref(), style),
    }
}

/// Formats which work items a run can change.
fn work_item(run: &AgentRun) -> String {
    match run.work_item_key.as_deref() {
        None => "any work item".to_owned(),
        Some(key) => format!("only {}", plain(key)),
    }
}

#[cfg(test)]
mod tests;
