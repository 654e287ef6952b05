use openindex_adapters_http::wire::CreateWorkItem;
use openindex_domain::work_item::{DomainKey, ExecutionTarget, ItemKind, Priority, WorkItemKey};

use crate::app::App;
use crate::commands::suggest_check;
use crate::error::CliError;
use crate::render::plain;

use super::assignee::Assignee;
use super::description::DescriptionArgs;
use super::{LIST, show, title, vocabulary};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The first item of a domain creates the domain. --parent creates a sub-task in the parent's domain.

Examples:
  oi work-item create --domain OPS --title 'Rotate the certificates' --priority high
  oi work-item create --domain OPS --kind project --title Migration --description-file plan.md
  oi work-item create --parent OPS-42 --title 'Rebuild the index' --target agent
  git diff --stat | oi work-item create --domain OPS --title Review --description-file -")]
pub(crate) struct Args {
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
    #[arg(long, value_parser = vocabulary::top_kind(), conflicts_with = "parent")]
    kind: Option<ItemKind>,
    #[command(flatten)]
    description: DescriptionArgs,
    /// Priority [default: medium]
    #[arg(long, value_parser = vocabulary::priority())]
    priority: Option<Priority>,
    /// Who can claim it [default: either]
    #[arg(long, value_parser = vocabulary::target(), visible_alias = "execution-target")]
    target: Option<ExecutionTarget>,
    /// User to assign it to
    #[arg(long, value_name = "ID|me")]
    assignee: Option<Assignee>,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let mut request = CreateWorkItem {
        domain: args.domain,
        kind: args.kind,
        parent: args.parent,
        title: title(&args.title)?,
        description: args.description.read()?,
        priority: args.priority,
        execution_target: args.target,
        assignee: None,
    };
    let session = app.session()?;
    if let Some(assignee) = args.assignee {
        request.assignee = Some(assignee.into());
    }
    let item = session
        .call(|client| client.work_item_create(&request))
        .map_err(|failure| suggest_check(failure, LIST))?;
    let done = format!("Created {}", plain(&item.summary.key));
    show::changed(&item, &done, &session, app)
}
