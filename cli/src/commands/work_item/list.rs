use openindex_adapters_http::wire::{SearchText, WorkItemQuery};
use openindex_domain::work_item::{
    AgentId, DomainKey, ExecutionTarget, ItemKind, ItemStatus, Priority, WorkItemKey,
};

use crate::app::App;
use crate::commands::names::Names;
use crate::commands::paging::{self, Page, PageArgs};
use crate::error::{CliError, Failure};

use super::assignee::Assignee;
use super::{listing, vocabulary};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  oi work-item list --status todo,in_progress
  oi work-item list --domain OPS --assignee me
  oi work-item list --search 'index broken' --all --json | jq -r '.items[].key'")]
pub(crate) struct Args {
    /// Only items in this domain, such as OPS
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<DomainKey>,
    /// Only items of this kind
    #[arg(long, value_parser = vocabulary::kind())]
    kind: Option<ItemKind>,
    /// Only items with one of these statuses, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = vocabulary::status())]
    status: Vec<ItemStatus>,
    /// Only items with this priority
    #[arg(long, value_parser = vocabulary::priority())]
    priority: Option<Priority>,
    /// Only items with this execution target
    #[arg(long, value_parser = vocabulary::target(), visible_alias = "execution-target")]
    target: Option<ExecutionTarget>,
    /// Only items assigned to this user
    #[arg(long, value_name = "ID|me")]
    assignee: Option<Assignee>,
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
            "No work items. Create one with: oi work-item create --domain OPS --title TITLE\n"
                .to_owned()
        } else if items.is_empty() {
            "No matching work items.\n".to_owned()
        } else {
            listing(items, &Names::of(&session, items), style)
        }
    })
}
