//! `oi queue`: what there is to do now.

use clap::Subcommand;
use openindex_adapters_http::wire::{ExecutionTarget, QueueSection, WorkItemSummary, WorkQueue};
use openindex_domain::token::TokenKind;

use crate::app::App;
use crate::commands::paging::warn_of;
use crate::error::CliError;
use crate::render::Style;

use super::work_item::{WorkerArgs, lead_on, listing};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List what can be taken on, and what is yours
    #[command(visible_alias = "ls")]
    List(Args),
}

/// Whose queue, and how much of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Available is what an agent may take on: not resolved, not for people alone, and nobody works at it.
Mine is, with a run's token, what was claimed in that run; with a personal token, what the agent
works at, or with no agent what is assigned to you. The most urgent comes first, then the oldest.

Examples:
  oi queue list
  oi queue list --agent-id builder-7
  oi queue list --json | jq -r '.available.items[0].key'")]
pub(crate) struct Args {
    #[command(flatten)]
    worker: WorkerArgs,
    /// How many of each at most, from 1 to 200
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=200)
    )]
    limit: Option<u32>,
}

pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::List(args) => list(args, app),
    }
}

fn list(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let (session, agent) = app.working_session(args.worker.agent_id.as_ref())?;
    let queue = session.call(|client| client.work_queue(agent.as_ref(), args.limit))?;
    app.out.answer(&queue, |style| human(&queue, style))?;
    warn_of(&queue.available.damaged, app);
    warn_of(&queue.mine.damaged, app);
    if queue.available.more || queue.mine.more {
        app.out.note("there is more; --limit lists more of it");
    }
    let asker = match session.credential.secret.kind() {
        TokenKind::AgentRun => Asker::Run,
        TokenKind::Personal if agent.is_some() => Asker::ForAgent,
        TokenKind::Personal => Asker::Person,
    };
    if let Some((command, key)) = next(&queue, asker) {
        let next = match command {
            Next::Claim => args.worker.same("claim", key),
            Next::Complete => args.worker.same("complete", key),
            Next::Get => format!("oi work-item get {key}"),
        };
        lead_on(app, &next);
    }
    Ok(())
}

fn human(queue: &WorkQueue, style: &Style) -> String {
    let [available, mine] =
        [("Available", &queue.available), ("Mine", &queue.mine)].map(|(title, bucket)| {
            let title = style.bold(title);
            format!("{title}\n{}", rows(bucket, style))
        });
    format!("{available}\n{mine}")
}

fn rows(bucket: &QueueSection, style: &Style) -> String {
    if bucket.items.is_empty() {
        return "Nothing.\n".to_owned();
    }
    listing(&bucket.items, style)
}

/// Whose queue it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    Run,
    /// A person, for an agent.
    ForAgent,
    Person,
}

/// What may be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Claim,
    Complete,
    Get,
}

/// To go on with what is at hand, and with nothing of that, to take on what is most urgent.
fn next(queue: &WorkQueue, asker: Asker) -> Option<(Next, &str)> {
    if let Some(item) = queue.mine.items.first() {
        let next = if is_at_it(asker, item) {
            Next::Complete
        } else {
            Next::Get
        };
        return Some((next, &item.key));
    }
    // What is for agents alone is available too, but not to a person.
    let mut available = queue.available.items.iter();
    let item = available.find(|item| {
        // What this version does not know is for nobody that it knows.
        let target = item.execution_target.known();
        asker != Asker::Person
            || matches!(
                target,
                Some(ExecutionTarget::Human | ExecutionTarget::Either)
            )
    })?;
    Some((Next::Claim, &item.key))
}

/// Whether the asker could complete this item of theirs: what an agent works at in a run is for that
/// run to complete, and what is assigned to somebody another may work at, or nobody yet.
fn is_at_it(asker: Asker, item: &WorkItemSummary) -> bool {
    match asker {
        Asker::Run => true,
        Asker::ForAgent => item.active_run_id.is_none(),
        Asker::Person => item.active_user_id.is_some() && item.active_user_id == item.assignee,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::STYLE;
    use crate::commands::work_item::tests::{claimed_by_person, items};

    fn bucket(range: std::ops::Range<usize>) -> QueueSection {
        QueueSection {
            damaged: Vec::new(),
            items: items()[range].to_vec(),
            more: false,
        }
    }

    #[test]
    fn shows_what_is_available_and_what_is_mine() {
        let mut queue = WorkQueue {
            available: bucket(0..1),
            mine: bucket(1..2),
        };
        insta::assert_snapshot!("queue", human(&queue, &STYLE));
        queue.available.items.clear();
        queue.mine.items.clear();
        insta::assert_snapshot!("queue_empty", human(&queue, &STYLE));
    }

    #[test]
    fn leads_on_to_what_whoever_asks_can_do() {
        // The first of these is for agents alone, and worked at in a run.
        let mut queue = WorkQueue {
            available: bucket(1..3),
            mine: bucket(0..0),
        };
        for asker in [Asker::Run, Asker::ForAgent] {
            assert_eq!(next(&queue, asker), Some((Next::Claim, "OPS-42.1")));
        }
        let person = next(&queue, Asker::Person);
        assert_eq!(person, Some((Next::Claim, "OPS-42")));
        queue.available.items.truncate(1);
        assert_eq!(next(&queue, Asker::Person), None);
        queue.available.items.clear();
        assert_eq!(next(&queue, Asker::Run), None);
    }

    #[test]
    fn leads_on_to_what_is_at_hand_before_anything_else() {
        let mut queue = WorkQueue {
            available: bucket(0..1),
            mine: bucket(1..2),
        };
        let run = next(&queue, Asker::Run);
        assert_eq!(run, Some((Next::Complete, "OPS-42.1")));
        let agent = next(&queue, Asker::ForAgent);
        assert_eq!(agent, Some((Next::Get, "OPS-42.1")), "a run is at it");
        queue.mine.items[0].active_run_id = None;
        let agent = next(&queue, Asker::ForAgent);
        assert_eq!(agent, Some((Next::Complete, "OPS-42.1")));

        queue.mine = bucket(2..3);
        let person = next(&queue, Asker::Person);
        assert_eq!(person, Some((Next::Get, "OPS-42")), "nobody is at it");
        queue.mine.items = vec![claimed_by_person()];
        let person = next(&queue, Asker::Person);
        assert_eq!(person, Some((Next::Get, "OPS-42.1")), "another is at it");
        let item = &mut queue.mine.items[0];
        item.active_user_id.clone_from(&item.assignee);
        let person = next(&queue, Asker::Person);
        assert_eq!(person, Some((Next::Complete, "OPS-42.1")));
    }

    #[test]
    fn leads_on_as_the_same_worker() {
        let worker = |agent: Option<&str>| WorkerArgs {
            agent_id: agent.and_then(|agent| agent.parse().ok()),
        };
        assert_eq!(
            worker(None).same("claim", "OPS-42"),
            "oi work-item claim OPS-42"
        );
        assert_eq!(
            worker(Some("builder-7")).same("claim", "OPS-42"),
            "oi work-item claim OPS-42 --agent-id builder-7"
        );
    }
}
