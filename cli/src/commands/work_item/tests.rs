//! Fixtures for the snapshots of these commands, some of them hostile.

use crate::commands::names::tests::names;
use crate::commands::tests::STYLE;
use openindex_adapters_http::wire::{
    ExecutionTarget, ItemKind, ItemStatus, Open, Priority, WorkItem, WorkItemSummary,
};

/// An open item, one claimed by an agent in a run, one assigned and done, and a hostile one.
pub(in crate::commands) fn items() -> Vec<WorkItemSummary> {
    let item = |key: &str, title: &str, status| WorkItemSummary {
        key: key.to_owned(),
        kind: Open::Known(ItemKind::Task),
        parent: None,
        title: title.to_owned(),
        status: Open::Known(status),
        priority: Open::Known(Priority::Medium),
        execution_target: Open::Known(ExecutionTarget::Either),
        assignee: None,
        active_agent_id: None,
        active_user_id: None,
        active_run_id: None,
        claimed_at: None,
        created_by: "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e1".to_owned(),
        created_at: "2026-11-20T08:00:00.000Z".to_owned(),
        updated_at: "2026-11-24T05:00:00.000Z".to_owned(),
        resolved_at: None,
        version: 1,
    };
    let mut items = vec![
        item("OPS-43", "Rotate the certificates", ItemStatus::Todo),
        item("OPS-42.1", "Fix the index", ItemStatus::InProgress),
        item("OPS-42", &"長い名前".repeat(20), ItemStatus::Done),
        item(
            "OPS-1",
            "<b>x</b>\u{1b}[2J\u{202e}gnp.exe",
            ItemStatus::Cancelled,
        ),
    ];
    items[0].kind = Open::Known(ItemKind::Project);
    items[0].priority = Open::Known(Priority::Urgent);
    items[1].kind = Open::Known(ItemKind::SubTask);
    items[1].parent = Some("OPS-42".to_owned());
    items[1].execution_target = Open::Known(ExecutionTarget::Agent);
    items[1].active_agent_id = Some("builder-7".to_owned());
    items[1].active_run_id = Some("run_0199f3a1c6d07c35b2f0e8a4d1c7b9e3".to_owned());
    items[1].claimed_at = Some("2026-11-24T05:00:00.000Z".to_owned());
    items[1].version = 3;
    items[2].assignee = Some("usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned());
    items[2].resolved_at = Some("2026-11-24T05:00:00.000Z".to_owned());
    items
}

/// An item that is claimed by one user and assigned to another.
pub(in crate::commands) fn claimed_by_user() -> WorkItemSummary {
    let mut item = items().remove(1);
    item.assignee = Some("usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".to_owned());
    item.active_agent_id = None;
    item.active_user_id = Some("usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e1".to_owned());
    item.active_run_id = None;
    item
}

/// One of the items with a description.
pub(super) fn item(at: usize, description: &str) -> WorkItem {
    WorkItem {
        summary: items().remove(at),
        description: description.to_owned(),
    }
}

#[test]
fn the_prompt_shows_the_item() {
    let shown = super::question(&items()[1], &names(), &STYLE);
    insta::assert_snapshot!(shown);
}
