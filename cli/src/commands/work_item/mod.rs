//! `oi work-item`: creates, finds, claims and completes work items.

mod assignee;
mod claim;
mod complete;
mod create;
mod delete;
mod description;
mod get;
mod list;
mod release;
mod show;
mod update;
mod vocabulary;

pub(super) use show::{listing, suggest_next};

use clap::Subcommand;
use openindex_adapters_http::client::{Client, ClientError};
use openindex_adapters_http::wire::WorkItem;
use openindex_domain::work_item::{AgentId, Title, WorkItemKey};

use crate::app::{App, Session};
use crate::commands::suggest_check;
use crate::error::{CliError, Failure};
use crate::field::{Field, One};

const LIST: &str = "oi work-item list";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List work items, newest first
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show a work item and its description
    #[command(alias = "show")]
    Get(get::Args),
    /// Create a work item or a sub-task
    Create(create::Args),
    /// Update a work item
    Update(update::Args),
    /// Claim a work item
    Claim(claim::Args),
    /// Release a work item so that others can claim it
    Release(release::Args),
    /// Complete a work item
    Complete(complete::Args),
    /// Delete a work item permanently
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

/// The key of a work item.
pub(super) struct Key;

impl Field for Key {
    type Value = WorkItemKey;
    const POSITIONAL: &'static str = "KEY";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("key", "KEY", "Key of the work item, such as OPS-42")];
}

/// The work item, and the agent to work as.
#[derive(Debug, clap::Args)]
struct WorkArgs {
    #[command(flatten)]
    key: One<Key>,
    #[command(flatten)]
    worker: WorkerArgs,
}

/// The agent to work as.
#[derive(Debug, clap::Args)]
pub(super) struct WorkerArgs {
    /// ID of the agent; overrides the profile's agent ID
    #[arg(
        long,
        value_name = "ID",
        help = "ID of the agent; overrides the profile's agent ID [env: OPENINDEX_AGENT_ID]"
    )]
    pub(super) agent_id: Option<AgentId>,
}

impl WorkerArgs {
    /// Returns a command for the same agent.
    pub(super) fn command(&self, command: &str, key: &str) -> String {
        match &self.agent_id {
            None => format!("oi work-item {command} {key}"),
            Some(agent) => format!("oi work-item {command} {key} --agent-id {agent}"),
        }
    }
}

impl WorkArgs {
    /// Sends a request for the item as the agent or the user.
    fn send(
        &self,
        app: &mut App<'_>,
        request: impl FnOnce(&Client, WorkItemKey, Option<&AgentId>) -> Result<WorkItem, ClientError>,
    ) -> Result<(Session, WorkItem), CliError> {
        let (session, agent) = app.working_session(self.worker.agent_id.as_ref())?;
        let item = session
            .call(|client| request(client, self.key.0, agent.as_ref()))
            .map_err(|failure| suggest_get(self.key.0, failure))?;
        Ok((session, item))
    }
}

/// Parses a title.
fn title(text: &str) -> Result<Title, Failure> {
    Title::parse(text).map_err(|error| Failure::usage(format!("--title {error}")))
}

/// Suggests to look at the item if the change may have been applied although the request failed.
fn suggest_get(key: WorkItemKey, failure: Failure) -> Failure {
    suggest_check(failure, &format!("oi work-item get {key}"))
}

/// Explains a version mismatch with the expected version and the current one.
fn with_version(
    key: WorkItemKey,
    flag: Option<u64>,
    outcome: &str,
    session: &Session,
    failure: Failure,
) -> Failure {
    if failure.code != "version_mismatch" {
        return suggest_get(key, failure);
    }
    let item = session.call(|client| client.work_item_get(key));
    let current = item.ok().map(|item| item.summary.version);
    let now = current.map_or_else(
        || "another version".to_owned(),
        |current| format!("version {current}"),
    );
    let mut failure = failure;
    failure.message = match flag {
        Some(expected) => format!("{key} is at {now}, not {expected} (--if-version); {outcome}"),
        None => format!("{key} changed before you confirmed: it is now at {now}; {outcome}"),
    };
    let failure = failure.next(format!("oi work-item get {key}"));
    match (current, flag) {
        (Some(current), Some(_)) => failure
            .hint(format!("review the item, then pass --if-version {current}"))
            .detail("currentVersion", current),
        _ => failure,
    }
}

#[cfg(test)]
pub(super) mod tests;
