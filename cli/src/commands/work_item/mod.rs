//! `oi work-item`: what there is to do, and who does it.

mod claim;
mod complete;
mod create;
mod delete;
mod description;
mod get;
mod list;
mod person;
mod release;
mod show;
mod update;
mod vocabulary;

pub(super) use show::{lead_on, listing};

use clap::Subcommand;
use openindex_adapters_http::client::{Client, ClientError};
use openindex_adapters_http::wire::WorkItem;
use openindex_domain::work_item::{AgentId, Title, WorkItemKey};

use crate::app::{App, Session};
use crate::commands::look_first;
use crate::error::{CliError, Failure};
use crate::field::{Field, One};

const LIST: &str = "oi work-item list";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List work items, the newest first
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show a work item with its description
    Get(get::Args),
    /// Make a work item, or a sub-task of one
    Create(create::Args),
    /// Change a work item
    Update(update::Args),
    /// Take a work item on
    Claim(claim::Args),
    /// Give a work item back
    Release(release::Args),
    /// Say that the work is done
    Complete(complete::Args),
    /// Delete a work item
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
}

pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::List(args) => list::run(args, app),
        Command::Get(args) => get::run(args, app),
        Command::Create(args) => create::run(args, app),
        Command::Update(args) => update::run(args, app),
        Command::Claim(args) => claim::run(args, app),
        Command::Release(args) => release::run(args, app),
        Command::Complete(args) => complete::run(args, app),
        Command::Delete(args) => delete::run(args, app),
    }
}

/// A work item's key.
pub(super) struct Key;

impl Field for Key {
    type Value = WorkItemKey;
    const PLACE: &'static str = "KEY";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("key", "KEY", "Key of the work item, such as OPS-42")];
}

/// Which item, and who works at it.
#[derive(Debug, clap::Args)]
struct WorkArgs {
    #[command(flatten)]
    key: One<Key>,
    #[command(flatten)]
    worker: WorkerArgs,
}

/// Who works.
#[derive(Debug, clap::Args)]
pub(super) struct WorkerArgs {
    /// The agent that works, over the profile's
    #[arg(
        long,
        value_name = "ID",
        help = "The agent that works, over the profile's [env: OPENINDEX_AGENT_ID]"
    )]
    pub(super) agent_id: Option<AgentId>,
}

impl WorkerArgs {
    /// A command that goes on as the same worker.
    pub(super) fn same(&self, command: &str, key: &str) -> String {
        match &self.agent_id {
            None => format!("oi work-item {command} {key}"),
            Some(agent) => format!("oi work-item {command} {key} --agent-id {agent}"),
        }
    }
}

impl WorkArgs {
    /// Asks for it in the name of whoever works.
    fn act(
        &self,
        app: &mut App<'_>,
        request: impl FnOnce(&Client, WorkItemKey, Option<&AgentId>) -> Result<WorkItem, ClientError>,
    ) -> Result<WorkItem, CliError> {
        let (session, agent) = app.working_session(self.worker.agent_id.as_ref())?;
        let item = session
            .call(|client| request(client, self.key.0, agent.as_ref()))
            .map_err(|failure| look_at(self.key.0, failure))?;
        Ok(item)
    }
}

/// A title as the API takes it.
fn title(text: &str) -> Result<Title, Failure> {
    Title::parse(text).map_err(|error| Failure::usage(format!("--title {error}")))
}

/// A change that got no answer may have been made: say how to look before it is repeated.
fn look_at(key: WorkItemKey, failure: Failure) -> Failure {
    look_first(failure, &format!("oi work-item get {key}"))
}

/// Tells another version by the flag that named one, and by the one it has now.
fn of_version(
    key: WorkItemKey,
    flag: Option<u64>,
    undone: &str,
    session: &Session,
    failure: Failure,
) -> Failure {
    if failure.code != "version_mismatch" {
        return look_at(key, failure);
    }
    let item = session.call(|client| client.work_item_get(key));
    let current = item.ok().map(|item| item.summary.version);
    let now = current.map_or_else(
        || "another version by now".to_owned(),
        |current| format!("version {current} by now"),
    );
    let mut failure = failure;
    failure.message = match flag {
        Some(wanted) => format!("{key} has {now}, not {wanted} (--if-version); {undone}"),
        None => format!("{key} has changed since you were asked: it has {now}; {undone}"),
    };
    let failure = failure.next(format!("oi work-item get {key}"));
    match (current, flag) {
        (Some(current), Some(_)) => failure
            .hint(format!("look at it, then pass --if-version {current}"))
            .detail("currentVersion", current),
        _ => failure,
    }
}

#[cfg(test)]
pub(super) mod tests;
