use openindex_adapters_http::wire::PatchWorkItem;
use openindex_domain::work_item::{ExecutionTarget, ItemStatus, Priority};

use super::Key;
use crate::app::App;
use crate::error::{CliError, Failure};
use crate::field::One;

use super::description::DescriptionArgs;
use super::person::Assignee;
use super::{of_version, show, title, vocabulary};

/// What to change.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is not named stays as it is. With --if-version nothing is changed when somebody else has
changed the item since you saw it.

Examples:
  oi work-item update OPS-42 --status done
  oi work-item update OPS-42 --assignee me --priority urgent
  oi work-item update OPS-42 --description-file plan.md --if-version 3")]
pub(crate) struct Args {
    #[command(flatten)]
    key: One<Key>,
    /// What it is about, in one line
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    description: DescriptionArgs,
    /// Where it stands
    #[arg(long, value_parser = vocabulary::status())]
    status: Option<ItemStatus>,
    /// How soon it should be done
    #[arg(long, value_parser = vocabulary::priority())]
    priority: Option<Priority>,
    /// Who may take it on
    #[arg(long, value_parser = vocabulary::target(), visible_alias = "execution-target")]
    target: Option<ExecutionTarget>,
    /// The user who sees to it; none is nobody
    #[arg(long, value_name = "ID|me|none")]
    assignee: Option<Assignee>,
    /// Only if it has this version
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    if_version: Option<u64>,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let mut wanted = PatchWorkItem {
        title: args.title.as_deref().map(title).transpose()?,
        description: args.description.wanted()?,
        status: args.status,
        priority: args.priority,
        execution_target: args.target,
        assignee: None,
    };
    if wanted == PatchWorkItem::default() && args.assignee.is_none() {
        return Err(Failure::usage(
            "nothing to change; give --title, --description, --description-file, --status, \
             --priority, --target or --assignee",
        )
        .into());
    }
    let session = app.session()?;
    if let Some(assignee) = args.assignee {
        wanted.assignee = Some(assignee.wanted());
    }
    let item = session
        .call(|client| client.work_item_update(args.key.0, &wanted, args.if_version))
        .map_err(|failure| {
            let undone = "nothing was changed";
            of_version(args.key.0, args.if_version, undone, &session, failure)
        })?;
    show::changed(&item, &format!("Changed {}", args.key.0), app)
}
