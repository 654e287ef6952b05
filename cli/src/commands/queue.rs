//! `oi queue`: the work queue.

use openindex_adapters_http::wire::{ExecutionTarget, QueueSection, WorkItemSummary, WorkQueue};
use openindex_domain::page::MAX_PAGE;
use openindex_domain::token::TokenKind;

use crate::commands::prelude::*;
use crate::parts::paging::{parse_limit, warn_of};

use super::names::Names;
use super::work_item::{WorkerArgs, items_listing, suggest_next};

commands! {
    /// List available work items and your own
    #[command(visible_alias = "ls")]
    List(List) -> "WorkQueue" = list,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Available: unresolved, unclaimed work items that an agent can claim.
Mine: in an agent run, the items that the run has claimed; with a personal access token, the items
that --agent-id has claimed or, without an agent ID, the items assigned to you.
Items are sorted by priority, then by age, oldest first.

Examples:
  oi queue list
  oi queue list --agent-id builder-7
  oi queue list --json | jq -r '.available.items[0].key'")]
pub(crate) struct List {
    #[command(flatten)]
    worker: WorkerArgs,
    /// Maximum number of items per section (1 to 200) [default: 50]
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_limit::<MAX_PAGE>
    )]
    limit: Option<u32>,
}

fn list(args: &List, app: &mut App<'_>) -> Result<(), CliError> {
    let (session, agent) = app.working_session(args.worker.agent_id.as_ref())?;
    let queue = session.call(|client| client.work_queue(agent.as_ref(), args.limit))?;
    app.out.print(&queue, |style| {
        let items = queue.available.items.iter().chain(&queue.mine.items);
        human(&queue, &Names::of(&session, items), style)
    })?;
    warn_of(&queue.available.damaged, app);
    warn_of(&queue.mine.damaged, app);
    if queue.available.more || queue.mine.more {
        app.out
            .note("there are more items; pass a higher --limit to list them");
    }
    let caller = match session.credential.secret.kind() {
        TokenKind::AgentRun => Caller::Run,
        TokenKind::Personal if agent.is_some() => Caller::ForAgent,
        TokenKind::Personal => Caller::User,
    };
    if let Some((command, key)) = next(&queue, caller) {
        let next = match command {
            Next::Claim => args.worker.command("claim", key),
            Next::Complete => args.worker.command("complete", key),
            Next::Get => format!("oi work-item get {key}"),
        };
        suggest_next(app, &next);
    }
    Ok(())
}

fn human(queue: &WorkQueue, names: &Names, style: &Style) -> String {
    let [available, mine] =
        [("Available", &queue.available), ("Mine", &queue.mine)].map(|(title, section)| {
            let title = style.bold(title);
            format!("{title}\n{}", rows(section, names, style))
        });
    format!("{available}\n{mine}")
}

fn rows(section: &QueueSection, names: &Names, style: &Style) -> String {
    if section.items.is_empty() {
        return "No work items.\n".to_owned();
    }
    items_listing(&section.items, names, style)
}

/// The caller whose queue is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Run,
    /// A user on behalf of an agent.
    ForAgent,
    User,
}

/// The command to suggest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Claim,
    Complete,
    Get,
}

/// Suggests to continue the caller's first item, or else to claim the first available one.
fn next(queue: &WorkQueue, caller: Caller) -> Option<(Next, &str)> {
    if let Some(item) = queue.mine.items.first() {
        let next = if can_complete(caller, item) {
            Next::Complete
        } else {
            Next::Get
        };
        return Some((next, &item.key));
    }
    // Available items may be for agents only, which a user cannot claim.
    let mut available = queue.available.items.iter();
    let item = available.find(|item| {
        // An unknown execution target may exclude users.
        let target = item.execution_target.known();
        caller != Caller::User
            || matches!(
                target,
                Some(ExecutionTarget::Human | ExecutionTarget::Either)
            )
    })?;
    Some((Next::Claim, &item.key))
}

/// Returns whether the caller can complete this item. An item that was claimed in a run can only be
/// completed by that run, and an assigned item may be unclaimed, or claimed by another user.
fn can_complete(caller: Caller, item: &WorkItemSummary) -> bool {
    match caller {
        Caller::Run => true,
        Caller::ForAgent => item.active_run_id.is_none(),
        Caller::User => item.active_user_id.is_some() && item.active_user_id == item.assignee,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::names::tests::names;
    use crate::commands::tests::STYLE;
    use crate::commands::work_item::tests::{claimed_by_user, items};

    fn section(range: std::ops::Range<usize>) -> QueueSection {
        QueueSection {
            damaged: Vec::new(),
            items: items()[range].to_vec(),
            more: false,
        }
    }

    #[test]
    fn shows_available_items_and_the_callers_own() {
        let mut queue = WorkQueue {
            available: section(0..1),
            mine: section(1..2),
        };
        insta::assert_snapshot!("queue", human(&queue, &names(), &STYLE));
        queue.available.items.clear();
        queue.mine.items.clear();
        insta::assert_snapshot!("queue_empty", human(&queue, &names(), &STYLE));
    }

    #[test]
    fn suggests_only_commands_that_the_caller_can_run() {
        // The first item is for agents only, and claimed in a run.
        let mut queue = WorkQueue {
            available: section(1..3),
            mine: section(0..0),
        };
        for caller in [Caller::Run, Caller::ForAgent] {
            assert_eq!(next(&queue, caller), Some((Next::Claim, "OPS-42.1")));
        }
        let user = next(&queue, Caller::User);
        assert_eq!(user, Some((Next::Claim, "OPS-42")));
        queue.available.items.truncate(1);
        assert_eq!(next(&queue, Caller::User), None);
        queue.available.items.clear();
        assert_eq!(next(&queue, Caller::Run), None);
    }

    #[test]
    fn suggests_to_continue_own_items_before_claiming_others() {
        let mut queue = WorkQueue {
            available: section(0..1),
            mine: section(1..2),
        };
        let run = next(&queue, Caller::Run);
        assert_eq!(run, Some((Next::Complete, "OPS-42.1")));
        let agent = next(&queue, Caller::ForAgent);
        assert_eq!(agent, Some((Next::Get, "OPS-42.1")), "claimed in a run");
        queue.mine.items[0].active_run_id = None;
        let agent = next(&queue, Caller::ForAgent);
        assert_eq!(agent, Some((Next::Complete, "OPS-42.1")));

        queue.mine = section(2..3);
        let user = next(&queue, Caller::User);
        assert_eq!(user, Some((Next::Get, "OPS-42")), "unclaimed");
        queue.mine.items = vec![claimed_by_user()];
        let user = next(&queue, Caller::User);
        assert_eq!(user, Some((Next::Get, "OPS-42.1")), "claimed by another");
        let item = &mut queue.mine.items[0];
        item.active_user_id.clone_from(&item.assignee);
        let user = next(&queue, Caller::User);
        assert_eq!(user, Some((Next::Complete, "OPS-42.1")));
    }

    #[test]
    fn suggested_commands_use_the_same_agent() {
        let worker = |agent: Option<&str>| WorkerArgs {
            agent_id: agent.and_then(|agent| agent.parse().ok()),
        };
        assert_eq!(
            worker(None).command("claim", "OPS-42"),
            "oi work-item claim OPS-42"
        );
        assert_eq!(
            worker(Some("builder-7")).command("claim", "OPS-42"),
            "oi work-item claim OPS-42 --agent-id builder-7"
        );
    }
}
