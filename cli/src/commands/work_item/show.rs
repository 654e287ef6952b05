//! Formats work items for users.

use std::fmt::Display;

use openindex_adapters_http::wire::{WorkItem, WorkItemSummary};
use openindex_domain::work_item::ItemStatus;

use crate::commands::names::Names;
use crate::commands::prelude::*;
use crate::render::for_terminal;

/// Replaces a tab, whose width on a terminal is unknown.
const TAB: &str = "    ";

/// Formats items without their descriptions.
pub(crate) fn items_listing(items: &[WorkItemSummary], names: &Names, style: &Style) -> String {
    let titles = &["kind", "status", "priority", "worker"];
    listing(Form::Keyed, titles, items, style, |item, _| {
        let status = word(&item.status);
        let known = item.status.known();
        let kind = word(&item.kind);
        let priority = word(&item.priority);
        let agent = item.active_agent_id.as_deref().map(plain);
        let [user, assignee] =
            [&item.active_user_id, &item.assignee].map(|id| Some(names.short(id.as_deref()?)));
        let (worker, phrase) = match (agent, user, assignee) {
            (Some(agent), ..) => (agent.clone(), format!("claimed by agent {agent}")),
            (None, Some(user), _) => (user.clone(), format!("claimed by {user}")),
            (None, None, Some(user)) => (user.clone(), format!("assigned to {user}")),
            (None, None, None) => ("-".to_owned(), "unassigned".to_owned()),
        };
        Row {
            name: plain(&item.title),
            summary: format!("{kind} · {status} · {priority} · {phrase}"),
            cells: vec![kind, status, priority, worker],
            id: plain(&item.key),
            inactive: known.is_some_and(|status| ItemStatus::from(*status).is_resolved()),
        }
    })
}

/// Formats an item without its description.
pub(super) fn summary(item: &WorkItemSummary, names: &Names, style: &Style) -> String {
    let ago = |at: &str| moment(Some(at), style);
    let mut rows = vec![("kind", word(&item.kind))];
    let parent = item.parent.as_deref();
    rows.extend(parent.map(|key| ("parent", plain(key))));
    let assignee = item.assignee.as_deref();
    let assignee = assignee.map_or_else(|| "none".to_owned(), |user| names.full(user));
    rows.extend([
        ("status", word(&item.status)),
        ("priority", word(&item.priority)),
        ("target", word(&item.execution_target)),
        ("assignee", assignee),
    ]);
    let since = item.claimed_at.as_deref();
    let since = since.map_or_else(String::new, |at| format!(", claimed {}", ago(at)));
    let (agent, user) = (&item.active_agent_id, &item.active_user_id);
    rows.extend(agent.iter().map(|id| ("agent", plain(id) + &since)));
    rows.extend(user.iter().map(|id| ("worker", names.full(id) + &since)));
    let run = item.active_run_id.as_deref();
    rows.extend(run.map(|run| ("run", plain(run))));
    let created_by = names.full(&item.created_by);
    rows.extend([
        (
            "created",
            format!("{} by {created_by}", ago(&item.created_at)),
        ),
        ("updated", ago(&item.updated_at)),
    ]);
    let resolved = item.resolved_at.as_deref();
    rows.extend(resolved.map(|at| ("resolved", ago(at))));
    rows.push(("version", item.version.to_string()));
    let heading = format!("{}  {}", plain(&item.key), plain(&item.title));
    format!("{}\n{}", style.bold(&heading), fields(&rows, style))
}

/// Formats an item with its description.
pub(super) fn full(item: &WorkItem, names: &Names, style: &Style) -> String {
    let summary = summary(&item.summary, names, style);
    let description = for_terminal(&item.description.replace('\t', TAB));
    let description = description.trim_end();
    if description.is_empty() {
        return format!("{summary}\n{}\n", style.dim("No description."));
    }
    format!("{summary}\n{description}\n")
}

/// Prints the result of a command that changed an item.
pub(super) fn changed(
    item: &WorkItem,
    verb: &str,
    key: impl Display,
    session: &Session,
    app: &mut App<'_>,
) -> Result<(), CliError> {
    app.out.print(item, |style| {
        let names = Names::of(session, [&item.summary]);
        let shown = summary(&item.summary, &names, style);
        format!("{} {verb} {key}\n{shown}", style.done())
    })
}

/// Suggests the next command.
pub(crate) fn suggest_next(app: &mut App<'_>, command: &str) {
    app.out.aside(|style| {
        let command = style.bold(&plain(command));
        format!("\n{} {command}\n", style.cyan("next:"))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::names::tests::names;
    use crate::commands::tests::{STYLE, WIDE};
    use crate::commands::work_item::tests::{claimed_by_user, item, items};

    #[test]
    fn shows_items_as_a_table_and_as_a_list() {
        let narrow = Style { width: 60, ..STYLE };
        insta::assert_snapshot!("items_wide", items_listing(&items(), &names(), &WIDE));
        insta::assert_snapshot!("items_narrow", items_listing(&items(), &names(), &narrow));
        // Unassigned items fit on a terminal of 80 columns.
        insta::assert_snapshot!(
            "items_usual",
            items_listing(&items()[..2], &names(), &STYLE)
        );
        let claimed = [claimed_by_user()];
        insta::assert_snapshot!(
            "items_claimed_by_user_wide",
            items_listing(&claimed, &names(), &WIDE)
        );
        insta::assert_snapshot!(
            "items_claimed_by_user",
            items_listing(&claimed, &Names::default(), &narrow)
        );
    }

    #[test]
    fn a_description_ends_with_one_line_break() {
        for description in ["x", "x\n", "x\n\n", "", "\n", "- x\r\n\t"] {
            let shown = full(&item(1, description), &names(), &STYLE);
            assert!(
                shown.ends_with('\n') && !shown.ends_with("\n\n"),
                "{shown:?}"
            );
        }
    }

    #[test]
    fn shows_all_of_an_item() {
        let description = "# Why\r\n\n- one\n\t- two  \n\u{1b}[2J\u{202e}\n\n";
        insta::assert_snapshot!("item", full(&item(1, description), &names(), &STYLE));
        insta::assert_snapshot!(
            "item_resolved",
            full(&item(2, ""), &Names::default(), &STYLE)
        );
        let claimed = claimed_by_user();
        insta::assert_snapshot!("item_claimed_by_user", summary(&claimed, &names(), &STYLE));
        insta::assert_snapshot!(
            "item_hostile",
            full(&item(3, "\u{1b}]0;x\u{7}"), &names(), &STYLE)
        );
    }
}
