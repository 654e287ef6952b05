//! `oi queue`: what there is to do now.

use clap::Subcommand;
use openindex_adapters_http::wire::{ExecutionTarget, QueueBucket, WorkQueue};
use openindex_domain::token::TokenKind;

use crate::app::App;
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
Mine is what the agent works at; with a personal token and no agent, what is assigned to you. The
most urgent comes first, then the oldest.

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
    if queue.available.more || queue.mine.more {
        app.out.note("there is more; --limit lists more of it");
    }
    let person = agent.is_none() && session.credential.secret.kind() == TokenKind::Personal;
    if let Some((command, key)) = next(&queue, person) {
        let next = match command {
            Next::Claim => args.worker.same("claim", key),
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

fn rows(bucket: &QueueBucket, style: &Style) -> String {
    if bucket.items.is_empty() {
        return "Nothing.\n".to_owned();
    }
    listing(&bucket.items, style)
}

/// What a person may do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Claim,
    Get,
}

/// To take on what is most urgent, and with nothing left of that, to go on with what there is.
fn next(queue: &WorkQueue, person: bool) -> Option<(Next, &str)> {
    // What is for agents alone is available too, but not to a person.
    let mut available = queue.available.items.iter();
    let available =
        available.find(|item| !(person && item.execution_target == ExecutionTarget::Agent));
    match (available, queue.mine.items.first()) {
        (Some(item), _) => Some((Next::Claim, &item.key)),
        (None, Some(item)) => Some((Next::Get, &item.key)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::STYLE;
    use crate::commands::work_item::tests::items;

    fn bucket(range: std::ops::Range<usize>) -> QueueBucket {
        QueueBucket {
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
        // The first of these is for agents alone.
        let mut queue = WorkQueue {
            available: bucket(1..3),
            mine: bucket(0..1),
        };
        assert_eq!(next(&queue, false), Some((Next::Claim, "OPS-42.1")));
        assert_eq!(next(&queue, true), Some((Next::Claim, "OPS-42")));
        queue.available.items.truncate(1);
        assert_eq!(next(&queue, true), Some((Next::Get, "OPS-43")));
        queue.available.items.clear();
        assert_eq!(next(&queue, false), Some((Next::Get, "OPS-43")));
        queue.mine.items.clear();
        assert_eq!(next(&queue, false), None);
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
