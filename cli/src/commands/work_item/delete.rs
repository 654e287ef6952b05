use openindex_adapters_http::wire::WorkItemSummary;
use serde_json::json;

use super::Key;
use crate::app::App;
use crate::commands::names::Names;
use crate::commands::{not_confirmed, require_terminal_or_yes};
use crate::error::CliError;
use crate::field::One;
use crate::prompt;
use crate::render::Style;

use super::{show, with_version};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The key of a deleted item is never reused. Asks for confirmation on a terminal; without one, --yes
is required. If the item changes before you confirm, it is not deleted.

Examples:
  oi work-item delete OPS-42
  oi work-item delete OPS-42 --if-version 3 --yes")]
pub(crate) struct Args {
    #[command(flatten)]
    key: One<Key>,
    /// Delete only if the item has this version
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    if_version: Option<u64>,
    /// Skip the confirmation prompt
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    require_terminal_or_yes(args.yes, "deleting")?;
    let session = app.session()?;
    let mut expected = args.if_version;
    if !args.yes {
        let item = session
            .call(|client| client.work_item_get(args.key.0))?
            .summary;
        let names = Names::of(&session, [&item]);
        let style = app.out.message_style();
        if !prompt::confirm(&question(&item, &names, &style))? {
            return Err(not_confirmed("nothing was deleted").into());
        }
        // Delete only the version that was shown.
        expected = expected.or(Some(item.version));
    }
    session
        .call(|client| client.work_item_delete(args.key.0, expected))
        .map_err(|failure| {
            let outcome = "nothing was deleted";
            with_version(args.key.0, args.if_version, outcome, &session, failure)
        })?;
    let deleted = [args.key.0.to_string()];
    app.out.print(&json!({ "deleted": deleted }), |style| {
        format!("{} Deleted {}\n", style.done(), args.key.0)
    })
}

fn question(item: &WorkItemSummary, names: &Names, style: &Style) -> String {
    let shown = show::summary(item, names, style);
    format!("{shown}Delete this work item and its description? This cannot be undone.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::names::tests::names;
    use crate::commands::tests::STYLE;
    use crate::commands::work_item::tests::items;

    #[test]
    fn the_prompt_shows_the_item() {
        insta::assert_snapshot!(question(&items()[1], &names(), &STYLE));
    }
}
