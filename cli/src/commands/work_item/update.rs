use openindex_adapters_http::wire::PatchWorkItem;
use openindex_domain::work_item::{ExecutionTarget, ItemStatus, Priority};

use super::Key;
use crate::app::App;
use crate::error::{CliError, Failure};
use crate::field::One;

use super::assignee::AssigneeChange;
use super::description::DescriptionArgs;
use super::{show, title, vocabulary, with_version};
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Fields that are not passed stay unchanged. With --if-version, nothing is changed if the item was
changed after you read it.

Examples:
  oi work-item update OPS-42 --status done
  oi work-item update OPS-42 --assignee me --priority urgent
  oi work-item update OPS-42 --description-file plan.md --if-version 3")]
pub(crate) struct Args {
    #[command(flatten)]
    key: One<Key>,
    /// New title, in one line
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    description: DescriptionArgs,
    /// New status
    #[arg(long, value_parser = vocabulary::status())]
    status: Option<ItemStatus>,
    /// New priority
    #[arg(long, value_parser = vocabulary::priority())]
    priority: Option<Priority>,
    /// Who can claim it
    #[arg(long, value_parser = vocabulary::target(), visible_alias = "execution-target")]
    target: Option<ExecutionTarget>,
    /// User to assign it to; none removes the assignee
    #[arg(long, value_name = "ID|me|none")]
    assignee: Option<AssigneeChange>,
    /// Update only if the item has this version
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    if_version: Option<u64>,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let mut request = PatchWorkItem {
        title: args.title.as_deref().map(title).transpose()?,
        description: args.description.read()?,
        status: args.status,
        priority: args.priority,
        execution_target: args.target,
        assignee: None,
    };
    if request == PatchWorkItem::default() && args.assignee.is_none() {
        return Err(Failure::usage(
            "nothing to change; pass --title, --description, --description-file, --status, \
             --priority, --target or --assignee",
        )
        .into());
    }
    let session = app.session()?;
    if let Some(change) = args.assignee {
        request.assignee = Some(change.assignee());
    }
    let item = session
        .call(|client| client.work_item_update(args.key.0, &request, args.if_version))
        .map_err(|failure| {
            let outcome = "nothing was changed";
            with_version(args.key.0, args.if_version, outcome, &session, failure)
        })?;
    show::changed(&item, &format!("Updated {}", args.key.0), &session, app)
}
