use openindex_adapters_http::wire::CreateWorkItem;
use openindex_domain::work_item::{DomainKey, ExecutionTarget, ItemKind, Priority, WorkItemKey};

use crate::app::App;
use crate::commands::look_first;
use crate::error::CliError;
use crate::render::plain;

use super::description::DescriptionArgs;
use super::person::Person;
use super::{LIST, show, title, vocabulary};

/// What to make.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first item of a domain makes the domain. A sub-task is made with --parent and stands in the
domain of that.

Examples:
  oi work-item create --domain OPS --title 'Rotate the certificates' --priority high
  oi work-item create --domain OPS --kind project --title Migration --description-file plan.md
  oi work-item create --parent OPS-42 --title 'Mend the index' --target agent
  echo 'As said.' | oi work-item create --domain OPS --title 'Write it down' --description-file -")]
pub(crate) struct Args {
    /// The part of the work that it belongs to, as in OPS
    #[arg(
        long,
        value_name = "DOMAIN",
        required_unless_present = "parent",
        conflicts_with = "parent"
    )]
    domain: Option<DomainKey>,
    /// The item that it is a sub-task of
    #[arg(long, value_name = "KEY")]
    parent: Option<WorkItemKey>,
    /// What it is about, in one line
    #[arg(long)]
    title: String,
    /// What sort of work it is; a task when left out
    #[arg(long, value_parser = vocabulary::top_kind(), conflicts_with = "parent")]
    kind: Option<ItemKind>,
    #[command(flatten)]
    description: DescriptionArgs,
    /// How soon it should be done; medium when left out
    #[arg(long, value_parser = vocabulary::priority())]
    priority: Option<Priority>,
    /// Who may take it on; either when left out
    #[arg(long, value_parser = vocabulary::target(), visible_alias = "execution-target")]
    target: Option<ExecutionTarget>,
    /// The user who sees to it
    #[arg(long, value_name = "ID|me")]
    assignee: Option<Person>,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let mut wanted = CreateWorkItem {
        domain: args.domain,
        kind: args.kind,
        parent: args.parent,
        title: title(&args.title)?,
        description: args.description.wanted()?,
        priority: args.priority,
        execution_target: args.target,
        assignee: None,
    };
    let session = app.session()?;
    if let Some(person) = args.assignee {
        wanted.assignee = Some(person.into());
    }
    let item = session
        .call(|client| client.work_item_create(&wanted))
        .map_err(|failure| look_first(failure, LIST))?;
    show::changed(&item, &format!("Made {}", plain(&item.summary.key)), app)
}
