//! Changes of work items.

use super::agent_runs::{begin, start};
use super::owners;
use super::work_items::{agent, change, create, creation, item, items, key};
use super::{InvalidActor, NOW, WorkHarness, acting, audit_log, find, invalidate_actor, put, seed};
use crate::access::{Actor, ActorError, CredentialId, Denial, Requirement};
use crate::agent_run::{AgentRunAction, StartRunOutcome};
use crate::audit::Subject;
use crate::testing::fixtures;
use crate::token::{Token, TokenId};
use crate::work_item::{
    ChangeWorkItem, ChangeWorkItemOutcome, Claim, CreateWorkItemOutcome, Description,
    ExecutionTarget, Holder, ItemStatus, Placement, Priority, QueueSection, Title, Versions,
    WorkItem, WorkItemChange, WorkItemConflict, WorkItemEdit, WorkItemFilter, Worker,
};

/// Returns the same by the agent of run `number`, whose digest has the same number.
pub(super) fn change_by_run(
    text: &str,
    what: WorkItemChange,
    event: u64,
    run: TokenId,
) -> ChangeWorkItem {
    let mut change = change(text, what, event);
    change.actor.credential = CredentialId::Token(run);
    change.worker = Worker::Agent {
        agent: agent(0),
        run: Some(run),
    };
    change
}

pub(super) async fn apply(
    harness: &dyn WorkHarness,
    change: ChangeWorkItem,
) -> ChangeWorkItemOutcome {
    let outcome = harness.work_items().change_item(change).await;
    outcome.expect("the store works")
}

pub(super) fn edit(edit: WorkItemEdit) -> WorkItemChange {
    WorkItemChange::Edit(edit)
}

fn status(status: ItemStatus) -> WorkItemChange {
    edit(WorkItemEdit {
        status: Some(status),
        ..WorkItemEdit::default()
    })
}

/// Inserts run `number` of user 1, bound to an item or not, with the digest of the same number.
pub(super) async fn put_run(harness: &dyn WorkHarness, number: u64, bound: Option<&str>) -> Token {
    let mut token = fixtures::run(number, acting().id);
    if let Some(run) = &mut token.run {
        run.work_item = bound.map(key);
    }
    put(harness, number, &token).await;
    token
}

/// An item goes through its statuses; every change is written, increments the version and is
/// audited.
pub async fn are_written_and_audited(harness: &dyn WorkHarness) {
    seed(harness).await;
    harness.put_user(&fixtures::user(2)).await;
    harness.put_work_item(&fixtures::work_item(1)).await;
    let run = put_run(harness, 10, None).await;
    let later = NOW.saturating_add_seconds(1);
    let everything = WorkItemEdit {
        title: Title::parse("Another").ok(),
        description: Description::parse("more").ok(),
        status: None,
        priority: Some(Priority::High),
        target: Some(ExecutionTarget::Agent),
        assignee: Some(Some(fixtures::user(2).id)),
    };
    let mut expected = WorkItem {
        title: Title::parse("Another").expect("a title"),
        description: Description::parse("more").expect("a description"),
        priority: Priority::High,
        target: ExecutionTarget::Agent,
        assignee: Some(fixtures::user(2).id),
        updated_at: later,
        ..fixtures::work_item(1)
    };
    for (event, what) in (1..).zip([
        edit(everything),
        WorkItemChange::Claim,
        WorkItemChange::Release,
        WorkItemChange::Claim,
        WorkItemChange::Complete,
        status(ItemStatus::Todo),
    ]) {
        match event {
            2 | 4 => {
                expected.status = ItemStatus::InProgress;
                expected.claim = Some(Claim {
                    holder: Holder::Agent(agent(0)),
                    run: Some(run.id),
                    on_behalf: None,
                    at: later,
                });
            }
            3 | 6 => {
                expected.status = ItemStatus::Todo;
                expected.claim = None;
                expected.resolved_at = None;
            }
            5 => {
                expected.status = ItemStatus::Done;
                expected.claim = None;
                expected.resolved_at = Some(later);
            }
            _ => {}
        }
        expected.version += 1;
        // Only a user may change the execution target or reopen an item.
        let mut change = match event {
            1 | 6 => change("OPS-1", what, event),
            _ => change_by_run("OPS-1", what, event, run.id),
        };
        change.actor.now = later;
        let outcome = apply(harness, change).await;
        assert_eq!(outcome, ChangeWorkItemOutcome::Changed(expected.clone()));
        assert_eq!(item(harness, expected.key).await, Some(expected.clone()));
        assert_eq!(audit_log(harness).await.len() as u64, event);
    }
    let outcome = apply(harness, change("OPS-1", WorkItemChange::Delete, 9)).await;
    assert_eq!(outcome, ChangeWorkItemOutcome::Deleted);
    assert_eq!(item(harness, expected.key).await, None);
    assert_eq!(items(harness, &WorkItemFilter::default()).await, vec![]);
    let outcome = apply(harness, change("OPS-1", WorkItemChange::Delete, 10)).await;
    assert_eq!(outcome, ChangeWorkItemOutcome::NotFound);
    assert_eq!(audit_log(harness).await.len(), 7);
}

/// A repeated change changes neither version nor audit log.
pub async fn do_nothing_when_repeated(harness: &dyn WorkHarness) {
    seed(harness).await;
    let mut held = fixtures::work_item(1);
    held.status = ItemStatus::InProgress;
    let run = put_run(harness, 10, None).await;
    held.claim = Some(Claim {
        holder: Holder::Agent(agent(0)),
        run: Some(run.id),
        on_behalf: None,
        at: NOW.saturating_add_seconds(-5),
    });
    harness.put_work_item(&held).await;
    let mut done = fixtures::work_item(2);
    done.status = ItemStatus::Done;
    done.resolved_at = Some(NOW);
    harness.put_work_item(&done).await;
    harness.put_work_item(&fixtures::work_item(3)).await;
    for (text, what, unchanged) in [
        ("OPS-1", WorkItemChange::Claim, held),
        ("OPS-2", WorkItemChange::Complete, done.clone()),
        ("OPS-2", WorkItemChange::Release, done),
        ("OPS-3", WorkItemChange::Release, fixtures::work_item(3)),
        (
            "OPS-3",
            edit(WorkItemEdit::default()),
            fixtures::work_item(3),
        ),
        ("OPS-3", status(ItemStatus::Todo), fixtures::work_item(3)),
    ] {
        let outcome = apply(harness, change_by_run(text, what, 1, run.id)).await;
        assert_eq!(outcome, ChangeWorkItemOutcome::Unchanged(unchanged));
    }
    assert_eq!(audit_log(harness).await, vec![]);
}

/// Only the expected version is changed.
pub async fn are_rejected_for_another_version(harness: &dyn WorkHarness) {
    seed(harness).await;
    let mut seen = fixtures::work_item(1);
    seen.version = 5;
    harness.put_work_item(&seen).await;
    for expected in [
        Versions::OneOf(vec![4]),
        Versions::OneOf(vec![6, 4]),
        Versions::OneOf(vec![]),
        Versions::NoneOf(vec![5]),
        Versions::NoneOf(vec![4, 5]),
    ] {
        for what in [
            status(ItemStatus::Done),
            WorkItemChange::Claim,
            WorkItemChange::Delete,
        ] {
            let mut change = change("OPS-1", what, 1);
            change.expected = expected.clone();
            assert_eq!(
                apply(harness, change).await,
                ChangeWorkItemOutcome::Conflict(WorkItemConflict::VersionMismatch { current: 5 })
            );
        }
    }
    assert_eq!(item(harness, seen.key).await, Some(seen));
    let mut fits = change("OPS-1", status(ItemStatus::Done), 1);
    fits.expected = Versions::OneOf(vec![4, 5]);
    assert!(matches!(
        apply(harness, fits).await,
        ChangeWorkItemOutcome::Changed(_)
    ));
}

/// A change that the rules forbid leaves everything unchanged.
pub async fn reject_forbidden_changes(harness: &dyn WorkHarness) {
    use WorkItemConflict::NotClaimed;

    seed(harness).await;
    let run = put_run(harness, 10, None).await;
    let other = put_run(harness, 11, None).await;
    let mut held = fixtures::work_item(1);
    held.status = ItemStatus::InProgress;
    held.claim = Some(Claim {
        holder: Holder::Agent(agent(11)),
        run: Some(other.id),
        on_behalf: None,
        at: NOW,
    });
    let mut human = fixtures::work_item(2);
    human.target = ExecutionTarget::Human;
    let mut done = fixtures::work_item(3);
    done.status = ItemStatus::Done;
    done.resolved_at = Some(NOW);
    let whole = fixtures::work_item(4);
    let mut part = fixtures::work_item(4);
    part.key = key("OPS-4.1");
    part.kind = crate::work_item::ItemKind::SubTask;
    let before = [&held, &human, &done, &whole, &part];
    for item in before {
        harness.put_work_item(item).await;
    }
    let claimed = || WorkItemConflict::Claimed(Holder::Agent(agent(11)));
    for (text, what, conflict) in [
        ("OPS-1", WorkItemChange::Claim, claimed()),
        ("OPS-1", WorkItemChange::Release, claimed()),
        ("OPS-1", WorkItemChange::Complete, claimed()),
        ("OPS-1", WorkItemChange::Delete, claimed()),
        ("OPS-1", status(ItemStatus::Done), claimed()),
        (
            "OPS-2",
            WorkItemChange::Claim,
            WorkItemConflict::WrongTarget(ExecutionTarget::Human),
        ),
        (
            "OPS-3",
            WorkItemChange::Claim,
            WorkItemConflict::Resolved(ItemStatus::Done),
        ),
        (
            "OPS-3",
            status(ItemStatus::Cancelled),
            WorkItemConflict::Transition {
                from: ItemStatus::Done,
                to: ItemStatus::Cancelled,
            },
        ),
        ("OPS-4", WorkItemChange::Complete, NotClaimed),
        ("OPS-4", status(ItemStatus::Done), NotClaimed),
        ("OPS-4", status(ItemStatus::InProgress), NotClaimed),
        ("OPS-4", WorkItemChange::Delete, NotClaimed),
        (
            "OPS-2",
            edit(WorkItemEdit {
                title: Title::parse("not for agents").ok(),
                ..WorkItemEdit::default()
            }),
            WorkItemConflict::WrongTarget(ExecutionTarget::Human),
        ),
    ] {
        let outcome = apply(harness, change_by_run(text, what.clone(), 1, run.id)).await;
        assert_eq!(
            outcome,
            ChangeWorkItemOutcome::Conflict(conflict),
            "{text} {what:?}"
        );
    }
    let outcome = apply(harness, change("OPS-4", WorkItemChange::Delete, 1)).await;
    assert_eq!(
        outcome,
        ChangeWorkItemOutcome::Conflict(WorkItemConflict::HasSubTasks)
    );
    let retarget = edit(WorkItemEdit {
        target: Some(ExecutionTarget::Agent),
        ..WorkItemEdit::default()
    });
    for text in ["OPS-2", "OPS-4"] {
        let outcome = apply(harness, change_by_run(text, retarget.clone(), 1, run.id)).await;
        let error = ActorError::Denied(Denial::HumanTokenRequired);
        assert_eq!(outcome, ChangeWorkItemOutcome::NotAuthorized(error));
    }
    let nothing = change("OPS-5", WorkItemChange::Claim, 1);
    assert_eq!(
        apply(harness, nothing).await,
        ChangeWorkItemOutcome::NotFound
    );
    for expected in before {
        assert_eq!(item(harness, expected.key).await.as_ref(), Some(expected));
    }
    assert_eq!(audit_log(harness).await, vec![]);
}

/// An item that a user has claimed cannot be changed by agents, can be changed by other users,
/// and is not in the queue.
pub async fn by_a_person_exclude_agents(harness: &dyn WorkHarness) {
    seed(harness).await;
    harness.put_user(&fixtures::user(2)).await;
    harness.put_work_item(&fixtures::work_item(1)).await;
    let run = put_run(harness, 10, None).await;
    let user = fixtures::user(1).id;
    let held = WorkItem {
        status: ItemStatus::InProgress,
        assignee: Some(user),
        claim: Some(Claim {
            holder: Holder::Person(user),
            run: None,
            on_behalf: None,
            at: NOW,
        }),
        version: 2,
        ..fixtures::work_item(1)
    };
    let outcome = apply(harness, change("OPS-1", WorkItemChange::Claim, 1)).await;
    assert_eq!(outcome, ChangeWorkItemOutcome::Changed(held.clone()));
    assert_eq!(item(harness, held.key).await, Some(held.clone()));
    let available = harness
        .work_items()
        .queue(&QueueSection::Available, NOW, 10)
        .await;
    assert_eq!(available.expect("the store works"), vec![]);
    let claimed =
        || ChangeWorkItemOutcome::Conflict(WorkItemConflict::Claimed(Holder::Person(user)));
    for what in [
        WorkItemChange::Claim,
        WorkItemChange::Complete,
        WorkItemChange::Release,
    ] {
        let outcome = apply(harness, change_by_run("OPS-1", what, 2, run.id)).await;
        assert_eq!(outcome, claimed());
    }
    let mut other = change("OPS-1", WorkItemChange::Claim, 2);
    other.worker = Worker::Person(fixtures::user(2).id);
    assert_eq!(apply(harness, other.clone()).await, claimed());
    other.change = WorkItemChange::Release;
    let released = apply(harness, other).await;
    let ChangeWorkItemOutcome::Changed(released) = released else {
        panic!("{released:?}");
    };
    assert_eq!(released.claim, None);
    assert_eq!(
        released.assignee,
        Some(user),
        "that is not for others to end"
    );
    // Assigned, but not started: anyone can claim it.
    let outcome = apply(
        harness,
        change_by_run("OPS-1", WorkItemChange::Claim, 3, run.id),
    )
    .await;
    assert!(
        matches!(outcome, ChangeWorkItemOutcome::Changed(_)),
        "{outcome:?}"
    );
}

/// Only existing users who are not suspended can be assigned.
pub async fn assign_only_active_users(harness: &dyn WorkHarness) {
    seed(harness).await;
    let mut suspended = fixtures::user(2);
    suspended.suspended_at = Some(NOW);
    harness.put_user(&suspended).await;
    harness.put_user(&fixtures::user(4)).await;
    harness.put_work_item(&fixtures::work_item(1)).await;
    let assign = |number: u64| {
        edit(WorkItemEdit {
            assignee: Some(Some(fixtures::user(number).id)),
            ..WorkItemEdit::default()
        })
    };
    for number in [2, 3] {
        assert_eq!(
            apply(harness, change("OPS-1", assign(number), 1)).await,
            ChangeWorkItemOutcome::Conflict(WorkItemConflict::AssigneeNotFound)
        );
    }
    let outcome = apply(harness, change("OPS-1", assign(4), 1)).await;
    assert!(
        matches!(outcome, ChangeWorkItemOutcome::Changed(_)),
        "{outcome:?}"
    );
    let unknown = edit(WorkItemEdit {
        assignee: Some(None),
        ..WorkItemEdit::default()
    });
    let outcome = apply(harness, change("OPS-1", unknown, 2)).await;
    assert!(
        matches!(outcome, ChangeWorkItemOutcome::Changed(_)),
        "{outcome:?}"
    );
    let unassigned = item(harness, key("OPS-1")).await.expect("it is there");
    assert_eq!(unassigned.assignee, None);
}

/// A credential that ended between verification and change changes nothing.
pub async fn reject_an_actor_that_is_no_longer_valid(harness: &dyn WorkHarness) {
    harness.put_user(&fixtures::user(1)).await;
    harness.put_work_item(&fixtures::work_item(1)).await;
    for how in InvalidActor::ALL {
        seed(harness).await;
        let invalid = invalidate_actor(harness, how).await;
        for what in [
            WorkItemChange::Claim,
            WorkItemChange::Complete,
            WorkItemChange::Delete,
        ] {
            let mut change = change("OPS-1", what, 1);
            change.actor = Actor {
                requirement: match how {
                    InvalidActor::Demoted => Requirement::HUMAN_ADMIN,
                    _ => Requirement::ANY_TOKEN,
                },
                ..invalid.clone()
            };
            assert_eq!(
                apply(harness, change).await,
                ChangeWorkItemOutcome::NotAuthorized(how.error()),
                "{how:?}"
            );
        }
    }
    let left = item(harness, key("OPS-1")).await;
    assert_eq!(left, Some(fixtures::work_item(1)));
    assert_eq!(audit_log(harness).await, vec![]);
}

async fn is_live(harness: &dyn WorkHarness, number: u64) -> bool {
    let record = find(harness, number).await.expect("it is there");
    record.token.revoked_at.is_none()
}

/// Runs that are bound to an item, of any owner, end in the step that completes or cancels it,
/// including the run that makes the change. Others continue.
pub async fn end_the_runs_bound_to_a_resolved_item(harness: &dyn WorkHarness) {
    seed(harness).await;
    harness.put_user(&fixtures::user(2)).await;
    for (number, by_itself) in [(1, true), (2, false)] {
        harness.put_work_item(&fixtures::work_item(number)).await;
        let text = format!("OPS-{number}");
        let first = u64::from(number) * 100;
        let own = put_run(harness, first, Some(&text)).await;
        let mut foreign = put_run(harness, first + 1, Some(&text)).await;
        foreign.owner = fixtures::user(2).id;
        put(harness, first + 1, &foreign).await;
        let _ = put_run(harness, first + 2, Some("OPS-99")).await;
        let _ = put_run(harness, first + 3, None).await;
        let resolving = if by_itself {
            let claim = change_by_run(&text, WorkItemChange::Claim, first, own.id);
            let claimed = apply(harness, claim).await;
            assert!(
                matches!(claimed, ChangeWorkItemOutcome::Changed(_)),
                "{claimed:?}"
            );
            change_by_run(&text, WorkItemChange::Complete, first + 1, own.id)
        } else {
            change(&text, status(ItemStatus::Cancelled), first + 1)
        };
        let outcome = apply(harness, resolving).await;
        assert!(
            matches!(outcome, ChangeWorkItemOutcome::Changed(_)),
            "{outcome:?}"
        );
        for (number, live) in [(0, false), (1, false), (2, true), (3, true)] {
            assert_eq!(is_live(harness, first + number).await, live, "{number}");
        }
        let audit_log = audit_log(harness).await;
        let ended = audit_log
            .iter()
            .filter(|event| event.action == AgentRunAction::ENDED)
            .filter(|event| event.related == Some(Subject::WorkItem(key(&text))));
        assert_eq!(ended.count(), 2);
    }
}

/// The same for a deletion.
pub async fn end_the_runs_bound_to_a_deleted_item(harness: &dyn WorkHarness) {
    seed(harness).await;
    harness.put_work_item(&fixtures::work_item(1)).await;
    let _ = put_run(harness, 10, Some("OPS-1")).await;
    let _ = put_run(harness, 11, Some("OPS-2")).await;
    let outcome = apply(harness, change("OPS-1", WorkItemChange::Delete, 1)).await;
    assert_eq!(outcome, ChangeWorkItemOutcome::Deleted);
    assert!(!is_live(harness, 10).await);
    assert!(is_live(harness, 11).await);
    assert_eq!(audit_log(harness).await.len(), 2);
}

/// A run can be bound only to an item that is not resolved.
pub async fn bind_no_run_to_a_resolved_item(harness: &dyn WorkHarness) {
    seed(harness).await;
    harness.put_work_item(&fixtures::work_item(1)).await;
    let bound = |number: u64| {
        let mut change = start(number, 10);
        let run = change.run.run.as_mut().expect("a run");
        run.work_item = Some(key("OPS-1"));
        change
    };
    let started = begin(harness, bound(10)).await;
    assert!(
        matches!(started, StartRunOutcome::Started(_)),
        "{started:?}"
    );
    let record = find(harness, 10).await.expect("it is there");
    let run = record.token.run.expect("a run");
    assert_eq!(run.work_item, Some(key("OPS-1")));
    let outcome = apply(harness, change("OPS-1", WorkItemChange::Complete, 1)).await;
    assert!(
        matches!(outcome, ChangeWorkItemOutcome::Changed(_)),
        "{outcome:?}"
    );
    assert_eq!(
        begin(harness, bound(11)).await,
        StartRunOutcome::WorkItemResolved
    );
    assert!(find(harness, 11).await.is_none());
}

/// An event that cannot be written prevents its change, including that of the runs.
pub async fn are_written_with_their_events_or_not_at_all(harness: &dyn WorkHarness) {
    seed(harness).await;
    let made = create(
        harness,
        creation(
            Placement::Domain(key("OPS-1").domain, crate::work_item::TopKind::Task),
            1,
        ),
    )
    .await;
    let CreateWorkItemOutcome::Created(made) = made else {
        panic!("{made:?}");
    };
    let _ = put_run(harness, 10, Some("OPS-1")).await;
    // Event 1 exists already.
    let store = harness.work_items();
    let completing = store.change_item(change("OPS-1", WorkItemChange::Complete, 1));
    assert!(completing.await.is_err());
    let creating = store.create_item(creation(Placement::PartOf(made.key), 1));
    assert!(creating.await.is_err());
    assert_eq!(items(harness, &WorkItemFilter::default()).await, vec![made]);
    assert!(is_live(harness, 10).await);
    assert_eq!(audit_log(harness).await.len(), 1);
}

/// An owner without an account can be neither the creator of an item nor the holder of a claim, and
/// can make every other change.
pub async fn by_an_owner_without_an_account_are_denied_where_they_name_the_author(
    harness: &dyn WorkHarness,
) {
    seed(harness).await;
    owners::add(harness).await;
    harness.put_work_item(&fixtures::work_item(1)).await;
    let denied = || ActorError::Denied(Denial::AccountRequired);
    let mut creation = creation(Placement::PartOf(key("OPS-1")), 1);
    creation.actor = owners::external();
    creation.creator = owners::owner().id;
    assert_eq!(
        create(harness, creation).await,
        CreateWorkItemOutcome::NotAuthorized(denied())
    );
    let by_owner = |what, event| {
        let mut change = change("OPS-1", what, event);
        change.actor = owners::external();
        change.worker = Worker::Person(owners::owner().id);
        apply(harness, change)
    };
    assert_eq!(
        by_owner(WorkItemChange::Claim, 2).await,
        ChangeWorkItemOutcome::NotAuthorized(denied())
    );
    let found = item(harness, key("OPS-1")).await;
    assert_eq!(found, Some(fixtures::work_item(1)));
    let completed = by_owner(WorkItemChange::Complete, 3).await;
    assert!(
        matches!(completed, ChangeWorkItemOutcome::Changed(_)),
        "{completed:?}"
    );
}
