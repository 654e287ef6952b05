use openindex_adapters_http::wire::WorkItemSummary;
use serde_json::json;

use super::Key;
use crate::app::App;
use crate::commands::{not_confirmed, require_someone_to_ask};
use crate::error::CliError;
use crate::field::One;
use crate::prompt;
use crate::render::Style;

use super::{of_version, show};

/// What to delete.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Its key is never given to another item. Asks on a terminal; without one, --yes is required. What
has changed since the question is not deleted.

Examples:
  oi work-item delete OPS-42
  oi work-item delete OPS-42 --if-version 3 --yes")]
pub(crate) struct Args {
    #[command(flatten)]
    key: One<Key>,
    /// Only if it has this version
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    if_version: Option<u64>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    require_someone_to_ask(args.yes, "deleting")?;
    let session = app.session()?;
    let mut expected = args.if_version;
    if !args.yes {
        let item = session
            .call(|client| client.work_item_get(args.key.0))?
            .summary;
        let style = app.out.message_style();
        if !prompt::confirm(&question(&item, &style))? {
            return Err(not_confirmed("nothing was deleted").into());
        }
        // What was shown is what was meant.
        expected = expected.or(Some(item.version));
    }
    session
        .call(|client| client.work_item_delete(args.key.0, expected))
        .map_err(|failure| {
            let undone = "nothing was deleted";
            of_version(args.key.0, args.if_version, undone, &session, failure)
        })?;
    let deleted = [args.key.0.to_string()];
    app.out.answer(&json!({ "deleted": deleted }), |style| {
        format!("{} Deleted {}\n", style.done(), args.key.0)
    })
}

fn question(item: &WorkItemSummary, style: &Style) -> String {
    let shown = show::summary(item, style);
    format!("{shown}Delete this work item, with its description, for good?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::STYLE;
    use crate::commands::work_item::tests::items;

    #[test]
    fn the_question_shows_what_would_be_deleted() {
        insta::assert_snapshot!(question(&items()[1], &STYLE));
    }
}
