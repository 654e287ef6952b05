use openindex_domain::access::{ActorError, Denial};
use openindex_domain::testing::fixtures;
use openindex_domain::token::Rejection;
use openindex_domain::work_item::{
    Claim, Holder, ItemStatus, Title, Versions, WorkItem, WorkItemChange, WorkItemConflict,
    WorkItemEdit, WorkItemError, WorkItemFilter,
};

use crate::world::{World, agent, context, task};

fn retitle() -> WorkItemChange {
    WorkItemChange::Edit(WorkItemEdit {
        title: Title::parse("Another").ok(),
        ..WorkItemEdit::default()
    })
}

fn keys(items: &[WorkItem]) -> Vec<String> {
    items.iter().map(|item| item.key.to_string()).collect()
}

#[tokio::test]
async fn a_bound_run_reads_everything_and_changes_only_its_item() {
    let world = World::new().await;
    let (own, other) = (world.task("Own").await, world.task("Other").await);
    let run = world.run("a", Some(own.key)).await;
    let work = &world.all.work_items;
    assert_eq!(work.get(&run, other.key).await.expect("read"), other);
    let listed = work.list(&run, &WorkItemFilter::default(), None, 10).await;
    assert_eq!(listed.expect("read").items.len(), 2);
    for change in [
        retitle(),
        WorkItemChange::Claim,
        WorkItemChange::Release,
        WorkItemChange::Complete,
        WorkItemChange::Delete,
    ] {
        let rejected = work.change(&run, None, other.key, Versions::ANY, change, context());
        let Err(WorkItemError::NotAuthorized(error)) = rejected.await else {
            panic!("a run changes an item that it is not bound to");
        };
        let bound_to = own.key;
        assert_eq!(error, Denial::BoundToWorkItem { bound_to }.into());
    }
    let making = work.create(&run, task("More"), context()).await;
    assert!(
        matches!(making, Err(WorkItemError::NotAuthorized(_))),
        "{making:?}"
    );
    for change in [WorkItemChange::Claim, retitle(), WorkItemChange::Complete] {
        let changed = work.change(&run, None, own.key, Versions::ANY, change, context());
        changed.await.expect("its own");
    }
    // The run ended with its item: even a request that was verified before fails.
    let again = work.change(&run, None, own.key, Versions::ANY, retitle(), context());
    assert!(matches!(
        again.await,
        Err(WorkItemError::NotAuthorized(ActorError::Rejected(
            Rejection::Revoked { .. }
        )))
    ));
}

#[tokio::test]
async fn a_run_works_for_its_own_agent_alone() {
    let world = World::new().await;
    let item = world.task("Fix it").await;
    let run = world.run("a", None).await;
    let work = &world.all.work_items;
    for named in [None, Some(agent("a"))] {
        let claim = work.change(
            &run,
            named,
            item.key,
            Versions::ANY,
            WorkItemChange::Claim,
            context(),
        );
        let claimed = claim.await.expect("claimed").expect("there");
        assert_eq!(claimed.agent(), Some(&agent("a")));
    }
    let named = Some(agent("b"));
    let claim = work.change(
        &run,
        named.clone(),
        item.key,
        Versions::ANY,
        WorkItemChange::Claim,
        context(),
    );
    let rejected = claim.await;
    assert!(matches!(rejected, Err(WorkItemError::OtherAgent { own }) if own == agent("a")));
    assert!(matches!(
        work.queue(&run, named, 10).await,
        Err(WorkItemError::OtherAgent { .. })
    ));
}

#[tokio::test]
async fn a_claim_is_free_again_when_its_run_ends() {
    let world = World::new().await;
    let item = world.task("Fix it").await;
    let run = world.run("a", None).await;
    let work = &world.all.work_items;
    let claim = || WorkItemChange::Claim;
    let claimed = work.change(&run, None, item.key, Versions::ANY, claim(), context());
    claimed.await.expect("claimed");
    let other = world.run("b", None).await;
    let lost = work.change(&other, None, item.key, Versions::ANY, claim(), context());
    assert!(matches!(
        lost.await,
        Err(WorkItemError::Conflict(WorkItemConflict::Claimed(holder)))
            if holder == Holder::Agent(agent("a"))
    ));
    let id = run.token().expect("a token").id;
    let ended = world.all.agent_runs.end(&world.person, id, context());
    ended.await.expect("ended");
    let queue = work.queue(&other, None, 10).await.expect("a queue");
    assert_eq!(keys(&queue.available.items), ["OPS-1"]);
    let won = work.change(&other, None, item.key, Versions::ANY, claim(), context());
    let won = won.await.expect("claimed").expect("there");
    assert_eq!(won.agent(), Some(&agent("b")));
}

#[tokio::test]
async fn a_person_claims_releases_and_steps_in() {
    let world = World::new().await;
    let item = world.task("Fix it").await;
    let work = &world.all.work_items;
    let act = |change: WorkItemChange| {
        let (person, key) = (&world.person, item.key);
        async move {
            let done = work
                .change(person, None, key, Versions::ANY, change, context())
                .await;
            done.expect("done").expect("there")
        }
    };
    let taken = act(WorkItemChange::Claim).await;
    assert_eq!(taken.assignee, Some(world.person.user_id()));
    assert_eq!(taken.status, ItemStatus::InProgress);
    let queue = work.queue(&world.person, None, 10).await.expect("a queue");
    assert_eq!(keys(&queue.mine.items), ["OPS-1"]);
    let back = act(WorkItemChange::Release).await;
    assert_eq!((back.assignee, back.status), (None, ItemStatus::Todo));
    let run = world.run("a", None).await;
    let claim = work.change(
        &run,
        None,
        item.key,
        Versions::ANY,
        WorkItemChange::Claim,
        context(),
    );
    claim.await.expect("claimed");
    let freed = act(WorkItemChange::Release).await;
    assert_eq!((freed.claim, freed.status), (None, ItemStatus::Todo));
    // A person can claim for an agent; such a claim does not end with a run.
    let named = Some(agent("hand"));
    let claim = work.change(
        &world.person,
        named.clone(),
        item.key,
        Versions::ANY,
        WorkItemChange::Claim,
        context(),
    );
    claim.await.expect("claimed");
    let queue = work.queue(&world.person, named, 10).await.expect("a queue");
    assert_eq!(keys(&queue.mine.items), ["OPS-1"]);
    assert_eq!(keys(&queue.available.items), Vec::<String>::new());
    assert_eq!(act(WorkItemChange::Complete).await.status, ItemStatus::Done);
}

#[tokio::test]
async fn a_person_cannot_claim_what_another_has_claimed() {
    let world = World::new().await;
    let item = world.task("Fix it").await;
    let work = &world.all.work_items;
    let other = fixtures::user(2);
    let held = WorkItem {
        claim: Some(Claim {
            holder: Holder::Person(other.id),
            run: None,
            on_behalf: None,
            at: item.created_at,
        }),
        ..item.clone()
    };
    world.all.store.put_user(other.clone());
    world.all.store.put_work_item(held);
    let claim = work.change(
        &world.person,
        None,
        item.key,
        Versions::ANY,
        WorkItemChange::Claim,
        context(),
    );
    assert!(matches!(
        claim.await,
        Err(WorkItemError::Conflict(WorkItemConflict::Claimed(holder)))
            if holder == Holder::Person(other.id)
    ));
}
