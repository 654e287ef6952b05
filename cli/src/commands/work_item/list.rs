use openindex_adapters_http::wire::{SearchText, WorkItemQuery};
use openindex_domain::work_item::{
    AgentId, DomainKey, ExecutionTarget, ItemKind, ItemStatus, Priority, WorkItemKey,
};

use crate::app::App;
use crate::commands::paging::{self, Page, PageArgs};
use crate::error::{CliError, Failure};

use super::person::Person;
use super::{listing, vocabulary};

/// Which, and how many; each filter that is given narrows it down.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  oi work-item list --status todo,in_progress
  oi work-item list --domain OPS --assignee me
  oi work-item list --search 'index broken' --all --json | jq -r '.items[].key'")]
pub(crate) struct Args {
    /// Of this part of the work, as in OPS
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<DomainKey>,
    /// Of this kind
    #[arg(long, value_parser = vocabulary::kind())]
    kind: Option<ItemKind>,
    /// In one of these states, with commas between them
    #[arg(long, value_delimiter = ',', value_parser = vocabulary::status())]
    status: Vec<ItemStatus>,
    /// With this priority
    #[arg(long, value_parser = vocabulary::priority())]
    priority: Option<Priority>,
    /// That these may take on
    #[arg(long, value_parser = vocabulary::target(), visible_alias = "execution-target")]
    target: Option<ExecutionTarget>,
    /// Assigned to this user
    #[arg(long, value_name = "ID|me")]
    assignee: Option<Person>,
    /// That this agent works at
    #[arg(long, value_name = "AGENT_ID", visible_alias = "agent-id")]
    agent: Option<AgentId>,
    /// Sub-tasks of this item
    #[arg(long, value_name = "KEY")]
    parent: Option<WorkItemKey>,
    /// In whose key, title or description all of these words occur
    #[arg(long, value_name = "WORDS", visible_alias = "q")]
    search: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let search = args.search.as_deref().map(SearchText::parse).transpose();
    let search = search.map_err(|error| Failure::usage(format!("--search {error}")))?;
    let session = app.session()?;
    let filter = WorkItemQuery {
        domain: args.domain,
        kind: args.kind,
        statuses: args.status.clone(),
        priority: args.priority,
        execution_target: args.target,
        assignee: args.assignee.map(Into::into),
        agent_id: args.agent.clone(),
        parent: args.parent,
        search,
    };
    let fetch = |query: &_| {
        let list = session.call(|client| client.work_items_list(&filter, query))?;
        Ok(Page {
            items: list.items,
            damaged: list.damaged,
            next_cursor: list.next_cursor,
        })
    };
    paging::list(&args.page, app, fetch, |items, style| {
        if items.is_empty() && filter == WorkItemQuery::default() {
            "No work items. Make one with: oi work-item create --domain OPS --title TITLE\n"
                .to_owned()
        } else if items.is_empty() {
            "No work items that the filters want.\n".to_owned()
        } else {
            listing(items, style)
        }
    })
}
