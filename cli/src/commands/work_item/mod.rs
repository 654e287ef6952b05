//! `oi work-item`: creates, finds, claims and completes work items.

mod assignee;
mod description;
mod show;

pub(super) use show::{items_listing, suggest_next};

use clap::builder::TypedValueParser;
use openindex_adapters_http::client::{Client, ClientError};
use openindex_adapters_http::wire::{
    CreateWorkItem, PatchWorkItem, SearchText, UserRef, WorkItem, WorkItemQuery, WorkItemSummary,
};
use openindex_domain::work_item::{
    AgentId, DomainKey, ExecutionTarget, ItemKind, ItemStatus, Priority, Title, WorkItemKey,
};

use crate::commands::names::Names;
use crate::commands::prelude::*;
use assignee::{AssigneeChange, assignee};
use description::DescriptionArgs;

commands! {
    /// List work items, newest first
    #[command(visible_alias = "ls")]
    List(List) -> "WorkItemList" = list,
    /// Show a work item and its description
    #[command(alias = "show")]
    #[command(after_help = "\
Examples:
  oi work-item get OPS-42
  oi work-item get OPS-42 --json | jq -r .description")]
    Get(One<Key>) -> "WorkItem" = get,
    /// Create a work item or a sub-task
    Create(Create) -> "WorkItem" = create,
    /// Update a work item
    Update(Update) -> "WorkItem" = update,
    /// Claim a work item
    #[command(after_help = "\
With a personal access token and no agent, you claim the item; with an agent run token, the run's
agent does. Claiming an item again is not an error. Fails if another user or agent has claimed the
item.

Examples:
  oi work-item claim OPS-42
  oi work-item claim OPS-42 --agent-id builder-7")]
    Claim(WorkArgs) -> "WorkItem" = claim,
    /// Release a work item so that others can claim it
    #[command(after_help = "\
Anyone can claim the item afterwards. Releasing an item again is not an error.

Examples:
  oi work-item release OPS-42
  oi work-item release OPS-42 --agent-id builder-7")]
    Release(WorkArgs) -> "WorkItem" = release,
    /// Complete a work item
    #[command(after_help = "\
Ends the runs that are bound to the item: their tokens stop working immediately. An agent can only
complete items that it has claimed. Completing an item again is not an error, except in a run that
is bound to it, because its token has stopped working.

Examples:
  oi work-item complete OPS-42
  oi work-item complete OPS-42 --agent-id builder-7")]
    Complete(WorkArgs) -> "WorkItem" = complete,
    /// Delete a work item permanently
    #[command(visible_alias = "rm")]
    Delete(Delete) -> "Deleted" = delete,
}

const LIST: &str = "oi work-item list";
const NONE: &str = "\
No work items. Create one with: oi work-item create --domain OPS --title TITLE
";

/// The key of a work item.
pub(crate) struct Key;

impl Field for Key {
    type Value = WorkItemKey;
    const POSITIONAL: &'static str = "KEY";
    const FLAGS: Flags = &[("key", "KEY", "Key of the work item, such as OPS-42")];
}

/// The work item, and the agent to work as.
#[derive(Debug, clap::Args)]
pub(crate) struct WorkArgs {
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
        let item = session.change(&get_command(self.key.0), |client| {
            request(client, self.key.0, agent.as_ref())
        })?;
        Ok((session, item))
    }
}

/// Parses a title.
fn title(text: &str) -> Result<Title, Failure> {
    Title::parse(text).named("--title")
}

/// Returns the command that shows the item, to see whether a failed change was applied.
fn get_command(key: WorkItemKey) -> String {
    format!("oi work-item get {key}")
}

/// Changes an item of a certain version. Explains a mismatch with the expected version, which
/// `flag` may name, and the current one; `outcome` says what was not done.
fn change_version<T>(
    key: WorkItemKey,
    flag: Option<u64>,
    outcome: &str,
    session: &Session,
    request: impl FnOnce(&Client) -> Result<T, ClientError>,
) -> Result<T, Failure> {
    let mut failure = match session.change(&get_command(key), request) {
        Err(failure) if failure.code == "version_mismatch" => failure,
        result => return result,
    };
    let item = session.call(|client| client.work_item_get(key));
    let current = item.ok().map(|item| item.summary.version);
    let now = current.map_or_else(
        || "another version".to_owned(),
        |current| format!("version {current}"),
    );
    failure.message = match flag {
        Some(expected) => format!("{key} is at {now}, not {expected} (--if-version); {outcome}"),
        None => format!("{key} changed before you confirmed: it is now at {now}; {outcome}"),
    };
    let failure = failure.next(get_command(key));
    Err(match current.filter(|_| flag.is_some()) {
        Some(current) => failure
            .hint(format!("review the item, then pass --if-version {current}"))
            .detail("currentVersion", current),
        None => failure,
    })
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  oi work-item list --status todo,in_progress
  oi work-item list --domain OPS --assignee me
  oi work-item list --search 'index broken' --all --json | jq -r '.items[].key'")]
pub(crate) struct List {
    /// Only items in this domain, such as OPS
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<DomainKey>,
    /// Only items of this kind
    #[arg(long, value_parser = one_of(ItemKind::ALL, ItemKind::as_str))]
    kind: Option<ItemKind>,
    /// Only items with one of these statuses, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = one_of(ItemStatus::ALL, ItemStatus::as_str))]
    status: Vec<ItemStatus>,
    /// Only items with this priority
    #[arg(long, value_parser = one_of(Priority::ALL, Priority::as_str))]
    priority: Option<Priority>,
    /// Only items with this execution target
    #[arg(long, value_parser = target(), visible_alias = "execution-target")]
    target: Option<ExecutionTarget>,
    /// Only items assigned to this user
    #[arg(long, value_name = "ID|me", value_parser = assignee)]
    assignee: Option<UserRef>,
    /// Only items claimed by this agent
    #[arg(long, value_name = "AGENT_ID", visible_alias = "agent-id")]
    agent: Option<AgentId>,
    /// Only sub-tasks of this item
    #[arg(long, value_name = "KEY")]
    parent: Option<WorkItemKey>,
    /// Only items whose key, title or description contains all of these words
    #[arg(long, value_name = "WORDS", visible_alias = "q")]
    search: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

fn list(args: &List, app: &mut App<'_>) -> Result<(), CliError> {
    let search = args.search.as_deref().map(SearchText::parse).transpose();
    let search = search.named("--search")?;
    let session = app.session()?;
    let filter = WorkItemQuery {
        domain: args.domain,
        kind: args.kind,
        statuses: args.status.clone(),
        priority: args.priority,
        execution_target: args.target,
        assignee: args.assignee,
        agent_id: args.agent.clone(),
        parent: args.parent,
        search,
    };
    let request = |client: &Client, query: &_| client.work_items_list(&filter, query);
    paging::list(
        &args.page,
        &session,
        app,
        request,
        |items: &[_], style| match items {
            [] if filter == WorkItemQuery::default() => NONE.to_owned(),
            [] => "No matching work items.\n".to_owned(),
            _ => items_listing(items, &Names::of(&session, items), style),
        },
    )
}

fn get(key: &One<Key>, app: &mut App<'_>) -> Result<(), CliError> {
    let session = app.session()?;
    let item = session.call(|client| client.work_item_get(key.0))?;
    app.out.print(&item, |style| {
        let names = Names::of(&session, [&item.summary]);
        show::full(&item, &names, style)
    })
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first item of a domain creates the domain. --parent creates a sub-task in the parent's domain.

Examples:
  oi work-item create --domain OPS --title 'Rotate the certificates' --priority high
  oi work-item create --domain OPS --kind project --title Migration --description-file plan.md
  oi work-item create --parent OPS-42 --title 'Rebuild the index' --target agent
  git diff --stat | oi work-item create --domain OPS --title Review --description-file -")]
pub(crate) struct Create {
    /// Domain of the item, such as OPS
    #[arg(
        long,
        value_name = "DOMAIN",
        required_unless_present = "parent",
        conflicts_with = "parent"
    )]
    domain: Option<DomainKey>,
    /// Create a sub-task of this item
    #[arg(long, value_name = "KEY")]
    parent: Option<WorkItemKey>,
    /// Title, in one line
    #[arg(long)]
    title: String,
    /// Kind of item [default: task]
    #[arg(long, value_parser = top_kind(), conflicts_with = "parent")]
    kind: Option<ItemKind>,
    #[command(flatten)]
    description: DescriptionArgs,
    /// Priority [default: medium]
    #[arg(long, value_parser = one_of(Priority::ALL, Priority::as_str))]
    priority: Option<Priority>,
    /// Who can claim it [default: either]
    #[arg(long, value_parser = target(), visible_alias = "execution-target")]
    target: Option<ExecutionTarget>,
    /// User to assign it to
    #[arg(long, value_name = "ID|me", value_parser = assignee)]
    assignee: Option<UserRef>,
}

fn create(args: &Create, app: &mut App<'_>) -> Result<(), CliError> {
    let request = CreateWorkItem {
        domain: args.domain,
        kind: args.kind,
        parent: args.parent,
        title: title(&args.title)?,
        description: args.description.read()?,
        priority: args.priority,
        execution_target: args.target,
        assignee: args.assignee,
    };
    let session = app.session()?;
    let item = session.change(LIST, |client| client.work_item_create(&request))?;
    let key = plain(&item.summary.key);
    show::changed(&item, "Created", key, &session, app)
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Fields that are not passed stay unchanged. With --if-version, nothing is changed if the item was
changed after you read it.

Examples:
  oi work-item update OPS-42 --status done
  oi work-item update OPS-42 --assignee me --priority urgent
  oi work-item update OPS-42 --description-file plan.md --if-version 3")]
pub(crate) struct Update {
    #[command(flatten)]
    key: One<Key>,
    /// New title, in one line
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    description: DescriptionArgs,
    /// New status
    #[arg(long, value_parser = one_of(ItemStatus::ALL, ItemStatus::as_str))]
    status: Option<ItemStatus>,
    /// New priority
    #[arg(long, value_parser = one_of(Priority::ALL, Priority::as_str))]
    priority: Option<Priority>,
    /// Who can claim it
    #[arg(long, value_parser = target(), visible_alias = "execution-target")]
    target: Option<ExecutionTarget>,
    /// User to assign it to; none removes the assignee
    #[arg(long, value_name = "ID|me|none")]
    assignee: Option<AssigneeChange>,
    /// Update only if the item has this version
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    if_version: Option<u64>,
}

fn update(args: &Update, app: &mut App<'_>) -> Result<(), CliError> {
    let request = PatchWorkItem {
        title: args.title.as_deref().map(title).transpose()?,
        description: args.description.read()?,
        status: args.status,
        priority: args.priority,
        execution_target: args.target,
        assignee: args.assignee.map(|change| change.0),
    };
    if request == PatchWorkItem::default() {
        let message = "nothing to change; pass --title, --description, --description-file, \
                       --status, --priority, --target or --assignee";
        return Err(Failure::usage(message).into());
    }
    let session = app.session()?;
    let (key, flag) = (args.key.0, args.if_version);
    let request = |client: &Client| client.work_item_update(key, &request, flag);
    let item = change_version(key, flag, "nothing was changed", &session, request)?;
    show::changed(&item, "Updated", key, &session, app)
}

fn claim(work: &WorkArgs, app: &mut App<'_>) -> Result<(), CliError> {
    let (session, item) = work.send(app, Client::work_item_claim)?;
    app.out.print(&item, |style| {
        let names = Names::of(&session, [&item.summary]);
        let shown = show::full(&item, &names, style);
        format!("{} Claimed {}\n{shown}", style.done(), work.key.0)
    })?;
    let key = work.key.0.to_string();
    suggest_next(app, &work.worker.command("complete", &key));
    Ok(())
}

fn release(work: &WorkArgs, app: &mut App<'_>) -> Result<(), CliError> {
    let (session, item) = work.send(app, Client::work_item_release)?;
    show::changed(&item, "Released", work.key.0, &session, app)
}

fn complete(work: &WorkArgs, app: &mut App<'_>) -> Result<(), CliError> {
    let (session, item) = work.send(app, Client::work_item_complete)?;
    show::changed(&item, "Completed", work.key.0, &session, app)
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The key of a deleted item is never reused. Asks for confirmation on a terminal; without one, --yes
is required. If the item changes before you confirm, it is not deleted.

Examples:
  oi work-item delete OPS-42
  oi work-item delete OPS-42 --if-version 3 --yes")]
pub(crate) struct Delete {
    #[command(flatten)]
    key: One<Key>,
    /// Delete only if the item has this version
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    if_version: Option<u64>,
    #[command(flatten)]
    yes: Confirmation,
}

fn delete(args: &Delete, app: &mut App<'_>) -> Result<(), CliError> {
    let key = args.key.0;
    args.yes.require("deleting")?;
    let session = app.session()?;
    let mut expected = args.if_version;
    if !args.yes.given() {
        let item = session.call(|client| client.work_item_get(key))?.summary;
        let names = Names::of(&session, [&item]);
        let question = question(&item, &names, &app.out.message_style());
        confirm(&question, "nothing was deleted")?;
        // Delete only the version that was shown.
        expected = expected.or(Some(item.version));
    }
    let request = |client: &Client| client.work_item_delete(key, expected);
    let flag = args.if_version;
    change_version(key, flag, "nothing was deleted", &session, request)?;
    print_ended(app, "deleted", "Deleted", &[key.to_string()])
}

fn question(item: &WorkItemSummary, names: &Names, style: &Style) -> String {
    let shown = show::summary(item, names, style);
    format!("{shown}Delete this work item and its description? This cannot be undone.")
}

/// The kinds of items that are not sub-tasks.
fn top_kind() -> impl TypedValueParser<Value = ItemKind> {
    let kinds = ItemKind::ALL.into_iter();
    one_of(
        kinds.filter(|kind| *kind != ItemKind::SubTask),
        ItemKind::as_str,
    )
}

fn target() -> impl TypedValueParser<Value = ExecutionTarget> {
    one_of(ExecutionTarget::ALL, ExecutionTarget::as_str)
}

#[cfg(test)]
pub(super) mod tests;
