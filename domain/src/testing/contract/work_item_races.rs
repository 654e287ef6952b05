//! Concurrent changes of work items.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all};

use super::agent_runs::{begin, start};
use super::work_item_changes::{apply, change_by_run, edit, put_run};
use super::work_items::{agent, change, create, creation, item, items, key};
use super::{NOW, WorkHarness, acting, audit_log, find, put, seed};
use crate::access::ActorError;
use crate::agent_run::StartRunOutcome;
use crate::testing::fixtures;
use crate::token::{Rejection, Status};
use crate::work_item::{
    ChangeWorkItemOutcome, CreateWorkItemOutcome, ItemStatus, Placement, QueueSection, Title,
    TopKind, Versions, WorkItemChange, WorkItemConflict, WorkItemEdit, WorkItemFilter, WorkItemKey,
    Worker,
};

/// Of 64 agents, each in its own run, one claims the item; the others learn which one.
pub async fn give_one_item_to_one_of_64_agents(harness: &dyn WorkHarness) {
    seed(harness).await;
    harness.put_work_item(&fixtures::work_item(1)).await;
    let mut claims = Vec::new();
    for number in 100..164 {
        let run = put_run(harness, number, None).await;
        let mut claim = change_by_run("OPS-1", WorkItemChange::Claim, number, run.id);
        claim.worker = Worker::Agent {
            agent: agent(number),
            run: Some(run.id),
        };
        claims.push(apply(harness, claim));
    }
    let outcomes = join_all(claims).await;
    let winners: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            ChangeWorkItemOutcome::Changed(item) => item.claim.as_ref(),
            _ => None,
        })
        .collect();
    let [winner] = winners[..] else {
        panic!("one wins: {outcomes:?}");
    };
    let lost = ChangeWorkItemOutcome::Conflict(WorkItemConflict::Claimed(winner.holder.clone()));
    assert_eq!(
        outcomes.iter().filter(|outcome| **outcome == lost).count(),
        63
    );
    let held = item(harness, key("OPS-1")).await.expect("it is there");
    assert_eq!(held.claim.as_ref(), Some(winner));
    assert_eq!(held.version, 2);
    assert_eq!(audit_log(harness).await.len(), 1);
}

/// 16 agents claim what the queue offers until it is empty: each item is done once, and none is
/// lost.
pub async fn drain_500_items_with_16_agents(harness: &dyn WorkHarness) {
    const ITEMS: u32 = 500;
    seed(harness).await;
    for number in 1..=ITEMS {
        harness.put_work_item(&fixtures::work_item(number)).await;
    }
    let agents = (0..16_u64).map(|number| async move {
        let run = put_run(harness, 100 + number, None).await;
        let mut event = (number + 1) * 10_000;
        let mut done: Vec<WorkItemKey> = Vec::new();
        let mut act = |key: WorkItemKey, what: WorkItemChange| {
            event += 1;
            let mut change = change_by_run(&key.to_string(), what, event, run.id);
            change.worker = Worker::Agent {
                agent: agent(number),
                run: Some(run.id),
            };
            apply(harness, change)
        };
        loop {
            let offered = harness
                .work_items()
                .queue(&QueueSection::Available, NOW, 16)
                .await;
            let offered = offered.expect("the store works");
            if offered.is_empty() {
                return done;
            }
            // Each starts at a different position, so that they rarely try the same item.
            let item = &offered[usize::try_from(number).unwrap_or(0) % offered.len()];
            match act(item.key, WorkItemChange::Claim).await {
                ChangeWorkItemOutcome::Changed(_) => {
                    let completed = act(item.key, WorkItemChange::Complete).await;
                    assert!(
                        matches!(completed, ChangeWorkItemOutcome::Changed(_)),
                        "{completed:?}"
                    );
                    done.push(item.key);
                }
                ChangeWorkItemOutcome::Conflict(
                    WorkItemConflict::Claimed(_) | WorkItemConflict::Resolved(_),
                ) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    });
    let done: Vec<WorkItemKey> = join_all(agents).await.into_iter().flatten().collect();
    let distinct: BTreeSet<WorkItemKey> = done.iter().copied().collect();
    assert_eq!(done.len(), ITEMS as usize, "none is done twice");
    assert_eq!(distinct.len(), ITEMS as usize, "none is lost");
    let store = harness.work_items();
    let all = store
        .items(&WorkItemFilter::default(), NOW, None, ITEMS + 1)
        .await;
    for item in all.expect("the store works") {
        assert_eq!(item.status, ItemStatus::Done, "{}", item.key);
        assert_eq!(item.version, 3, "{}: claimed and completed", item.key);
    }
}

/// 64 concurrently created items, including sub-tasks, have 64 keys without a gap.
pub async fn give_each_new_item_its_own_number(harness: &dyn WorkHarness) {
    seed(harness).await;
    harness.put_work_item(&fixtures::work_item(1)).await;
    let ops = key("OPS-1").domain;
    let web = key("WEB-1").domain;
    let outcomes = join_all((0..64).map(|number| {
        let place = match number % 3 {
            0 => Placement::Domain(ops, TopKind::Task),
            1 => Placement::Domain(web, TopKind::Task),
            _ => Placement::PartOf(key("OPS-1")),
        };
        create(harness, creation(place, number + 1))
    }))
    .await;
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for outcome in outcomes {
        let CreateWorkItemOutcome::Created(item) = outcome else {
            panic!("{outcome:?}");
        };
        keys.insert(item.key.to_string());
        let place = match (item.key.part, item.key.domain == ops) {
            (Some(_), _) => "OPS-1.",
            (None, true) => "OPS-",
            (None, false) => "WEB-",
        };
        *counts.entry(place).or_default() += 1;
    }
    let expected: BTreeSet<String> = counts
        .iter()
        .flat_map(|(place, count)| {
            let first = if *place == "OPS-" { 2 } else { 1 };
            (first..first + count).map(move |number| format!("{place}{number}"))
        })
        .collect();
    assert_eq!(keys, expected);
}

/// Of 16 edits of one version, exactly one succeeds.
pub async fn accept_one_of_16_edits_of_one_version(harness: &dyn WorkHarness) {
    seed(harness).await;
    harness.put_work_item(&fixtures::work_item(1)).await;
    let outcomes = join_all((1..=16).map(|event| {
        let title = Title::parse(&format!("Edit {event}")).ok();
        let what = edit(WorkItemEdit {
            title,
            ..WorkItemEdit::default()
        });
        let mut change = change("OPS-1", what, event);
        change.expected = Versions::OneOf(vec![1]);
        apply(harness, change)
    }))
    .await;
    let lost = ChangeWorkItemOutcome::Conflict(WorkItemConflict::VersionMismatch { current: 2 });
    assert_eq!(
        outcomes.iter().filter(|outcome| **outcome == lost).count(),
        15,
        "{outcomes:?}"
    );
    let left = items(harness, &WorkItemFilter::default()).await;
    assert!(outcomes.contains(&ChangeWorkItemOutcome::Changed(left[0].clone())));
}

/// Whether a run is bound to an item first or the item is completed first, no run that is bound to
/// it is live afterwards.
pub async fn leave_no_run_bound_to_a_completed_item(harness: &dyn WorkHarness) {
    seed(harness).await;
    for round in 0..8_u32 {
        let number = round + 1;
        harness.put_work_item(&fixtures::work_item(number)).await;
        let text = format!("OPS-{number}");
        let (run_number, event) = (100 + u64::from(round), 200 + u64::from(round));
        let mut starting = start(run_number, 100);
        let run = starting.run.run.as_mut().expect("a run");
        run.work_item = Some(key(&text));
        let completing = apply(harness, change(&text, WorkItemChange::Complete, event));
        let (started, completed) = if round % 2 == 0 {
            join(begin(harness, starting), completing).await
        } else {
            let (completed, started) = join(completing, begin(harness, starting)).await;
            (started, completed)
        };
        assert!(
            matches!(completed, ChangeWorkItemOutcome::Changed(_)),
            "{completed:?}"
        );
        match started {
            StartRunOutcome::Started(_) => {
                let run = find(harness, run_number).await.expect("it is there").token;
                assert_eq!(run.status(NOW), Status::Revoked);
            }
            StartRunOutcome::WorkItemResolved => {}
            other => panic!("unexpected {other:?}"),
        }
    }
}

/// A run changes one item while the item that it is bound to is completed, which ends the run: its
/// changes were written before its end.
pub async fn let_no_run_write_after_its_end(harness: &dyn WorkHarness) {
    seed(harness).await;
    // The run of another user, so that the two changes share no user.
    harness.put_user(&fixtures::user(2)).await;
    for round in 0..8_u32 {
        let (bound, other) = (2 * round + 1, 2 * round + 2);
        for number in [bound, other] {
            harness.put_work_item(&fixtures::work_item(number)).await;
        }
        let number = 100 + u64::from(round);
        let text = format!("OPS-{bound}");
        let mut run = put_run(harness, number, Some(&text)).await;
        run.owner = fixtures::user(2).id;
        put(harness, number, &run).await;
        let what = edit(WorkItemEdit {
            title: Title::parse("written by the run").ok(),
            ..WorkItemEdit::default()
        });
        // The binding is checked before a store is called.
        let elsewhere = format!("OPS-{other}");
        let writing = change_by_run(&elsewhere, what, 1_000 + number, run.id);
        let completing = change(&text, WorkItemChange::Complete, 2_000 + number);
        let (wrote, completed) = if round % 2 == 0 {
            join(apply(harness, writing), apply(harness, completing)).await
        } else {
            let (completed, wrote) =
                join(apply(harness, completing), apply(harness, writing)).await;
            (wrote, completed)
        };
        assert!(
            matches!(completed, ChangeWorkItemOutcome::Changed(_)),
            "{completed:?}"
        );
        let ended = find(harness, number).await.expect("it is there").token;
        assert_eq!(ended.status(NOW), Status::Revoked);
        match wrote {
            ChangeWorkItemOutcome::Changed(_) => {}
            ChangeWorkItemOutcome::NotAuthorized(error) => {
                assert_eq!(error, ActorError::Rejected(Rejection::Revoked { at: NOW }));
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(find(harness, 0).await.expect("it is there").token, acting());
}
