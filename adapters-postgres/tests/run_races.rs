//! Races between the ends of agent runs, and between these and what runs do. The contract suite
//! races each end with the start of runs.

mod support;

use std::sync::Arc;

use openindex_adapters_postgres::{PoolOptions, PostgresStore};
use openindex_domain::access::{Actor, ActorError, CredentialId, Requirement};
use openindex_domain::admin_tokens::{
    AdminTokenStore, ReportLeakedTokens, RevokeMatching, TokenFilter,
};
use openindex_domain::agent_run::{
    AgentId, AgentRunAction, AgentRunStore, EndRuns, RunFilter, WorkItemKey,
};
use openindex_domain::audit::{AuditFilter, AuditStore, RequestContext, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{
    Rejection, RevokeToken, Status, Token, TokenAction, TokenId, TokenStore,
};
use openindex_domain::user::{ChangeUser, UserAction, UserChange, UserStore};
use openindex_domain::work_item::{
    ChangeWorkItem, ChangeWorkItemOutcome, Claim, Holder, Title, Versions, WorkItemAction,
    WorkItemChange, WorkItemConflict, WorkItemEdit, WorkItemStore, Worker,
};
use support::{Postgres, a_session_waits_for_a_lock, put_token, put_user, put_work_item, seeded};
use tokio::task::JoinSet;

const NOW: Timestamp = fixtures::NOW;

fn by(token: TokenId, requirement: Requirement) -> Actor {
    Actor {
        credential: CredentialId::Token(token),
        requirement,
        now: NOW,
        form: None,
    }
}

fn key(number: u64) -> WorkItemKey {
    fixtures::work_item(u32::try_from(number).expect("small")).key
}

/// Inserts user `number` and returns their token.
async fn token_of_user(owner: &PostgresStore<true>, number: u64) -> TokenId {
    put_user(owner, &fixtures::user(number)).await;
    let mut token = fixtures::token(number, NOW);
    token.owner = fixtures::user(number).id;
    put_token(owner, &token, &fixtures::digest(number)).await;
    token.id
}

/// Inserts run `number`, issued with `issuer`, and the item of the same number that it is bound to.
async fn bound_run(owner: &PostgresStore<true>, number: u64, issuer: TokenId) -> Token {
    let mut run = fixtures::run(number, issuer);
    run.run.as_mut().expect("a run").work_item = Some(key(number));
    put_token(owner, &run, &fixtures::digest(number)).await;
    let item = fixtures::work_item(u32::try_from(number).expect("small"));
    put_work_item(owner, &item).await;
    run
}

fn worker(run: &Token) -> Worker {
    Worker::Agent {
        agent: run.run.as_ref().expect("a run").agent.clone(),
        run: Some(run.id),
    }
}

/// A change of an item with this token.
fn change(
    actor: TokenId,
    worker: Worker,
    item: WorkItemKey,
    change: WorkItemChange,
    event: u64,
) -> ChangeWorkItem {
    ChangeWorkItem {
        actor: by(actor, Requirement::ANY_TOKEN),
        worker,
        key: item,
        expected: Versions::ANY,
        change,
        audit: fixtures::audit(event, NOW, WorkItemAction::UPDATED, Subject::WorkItem(item)),
    }
}

fn retitle(title: &str) -> WorkItemChange {
    WorkItemChange::Edit(WorkItemEdit {
        title: Some(Title::parse(title).expect("a title")),
        ..WorkItemEdit::default()
    })
}

/// Number of runs of each issuer.
const RUNS: u64 = 20;
/// User 1 owns the issuers, and user 6 ends everything.
const ADMIN: u64 = 6;

/// Makes one call of some kind that ends or uses some of the runs `first..first + RUNS` and their
/// issuer. Any outcome is fine, but it must not fail.
async fn change_something(
    store: &PostgresStore<true, true>,
    kind: u64,
    first: u64,
    issuer: TokenId,
    event: u64,
) {
    let owner = fixtures::user(1).id;
    let mut runs: Vec<TokenId> = (first..first + RUNS)
        .map(|number| fixtures::run(number, issuer).id)
        .collect();
    let admin = by(fixtures::token(ADMIN, NOW).id, Requirement::HUMAN_ADMIN);
    let audit = |action| fixtures::audit(event, NOW, action, Subject::User(owner));
    let done = match kind {
        0..=2 => {
            runs.push(issuer);
            runs.reverse();
            let at = NOW.saturating_add_millis(i64::try_from(event).expect("small"));
            let uses: Vec<_> = runs
                .iter()
                .map(|run| fixtures::token_use(*run, at))
                .collect();
            store.record_last_used(&uses).await
        }
        3 => {
            let change = RevokeToken {
                actor: by(issuer, Requirement::HUMAN),
                owner,
                token: issuer,
                audit: audit(TokenAction::REVOKED),
            };
            store.revoke_token(change).await.map(|_| ())
        }
        4 => {
            let change = RevokeMatching {
                actor: admin,
                filter: TokenFilter {
                    owner: Some(owner),
                    ..TokenFilter::default()
                },
                kept: None,
                expected: None,
                audit: audit(TokenAction::REVOKED),
            };
            store.revoke_matching(change).await.map(|_| ())
        }
        5 => {
            // Some of the runs, including their issuer.
            let reported = (first + 8..first + 12).chain([100 + first]);
            let change = ReportLeakedTokens {
                reported: reported
                    .zip(1..)
                    .map(|(number, place)| {
                        let event = event * 100 + place;
                        let action = TokenAction::REPORTED_LEAKED;
                        let event = fixtures::audit(event, NOW, action, Subject::User(owner));
                        (fixtures::digest(number), event.id)
                    })
                    .collect(),
                now: NOW,
                context: RequestContext::default(),
            };
            store.report_leaked_tokens(change).await.map(|_| ())
        }
        6 => {
            let change = EndRuns {
                actor: by(issuer, Requirement::HUMAN),
                owner,
                runs: vec![runs[usize::try_from(event % RUNS).expect("small")]],
                audit: audit(AgentRunAction::ENDED),
            };
            store.end_runs(change).await.map(|_| ())
        }
        7 | 8 => {
            let change = ChangeUser {
                actor: admin,
                user: owner,
                change: [UserChange::Suspend, UserChange::Unsuspend][usize::from(kind == 8)]
                    .clone(),
                audit: audit(UserAction::SUSPENDED),
            };
            store.change_user(change).await.map(|_| ())
        }
        9..=11 => {
            // A run updates its item.
            let number = first + event % RUNS;
            let run = fixtures::run(number, issuer);
            let change = change(
                run.id,
                worker(&run),
                key(number),
                WorkItemChange::Claim,
                event,
            );
            store.change_item(change).await.map(|_| ())
        }
        _ => {
            // One of the users 2 to 5 completes an item.
            let user = 2 + event % 4;
            let token = fixtures::token(user, NOW).id;
            let worker = Worker::Person(fixtures::user(user).id);
            let item = key(first + event % RUNS);
            let change = change(token, worker, item, WorkItemChange::Complete, event);
            store.change_item(change).await.map(|_| ())
        }
    };
    done.unwrap_or_else(|error| panic!("kind {kind}, event {event}: {error:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_ends_and_uses_of_runs_never_deadlock() {
    let postgres = Postgres::start().await;
    for number in 1..=ADMIN {
        token_of_user(&postgres.owner, number).await;
    }
    // Two stores, as of two replicas.
    let other = PostgresStore::connect_with(&postgres.url, PoolOptions::default())
        .await
        .expect("a store")
        .with_accounts()
        .with_work_items();
    let stores = Arc::new([postgres.store.clone(), other]);
    for round in 0..6 {
        let first = 1_000 + 1_000 * round;
        let mut issuer = fixtures::token(100 + first, NOW);
        // In some rounds the issuer's id is greater than those of its runs, as where clocks differ.
        if round % 2 == 0 {
            issuer = fixtures::token(100 + first, NOW);
        } else {
            issuer.id = fixtures::token(10 + round, NOW).id;
        }
        put_token(&postgres.owner, &issuer, &fixtures::digest(100 + first)).await;
        for number in first..first + RUNS {
            bound_run(&postgres.owner, number, issuer.id).await;
        }
        let mut calls = JoinSet::new();
        for call in 0..120 {
            // Each kind of end happens once in a while among uses, updates and completions.
            let kind = if call % 3 == 0 {
                call / 3 % 20
            } else {
                9 + call % 11
            };
            let (stores, issuer) = (stores.clone(), issuer.id);
            let event = 10_000 * (round + 1) + call;
            calls.spawn(async move {
                let store = &stores[usize::from(call % 2 == 0)];
                change_something(store, kind, first, issuer, event).await;
            });
        }
        calls.join_all().await;
        change_something(
            &postgres.store,
            8,
            first,
            issuer.id,
            10_000 * (round + 1) + 900,
        )
        .await;
    }
    // Every run ended once, and its one event says so.
    let filter = AuditFilter {
        action: Some(AgentRunAction::ENDED),
        ..AuditFilter::default()
    };
    let ended = postgres.store.events(&filter, None, 1_000).await;
    let mut ended: Vec<Subject> = ended
        .expect("the store works")
        .iter()
        .map(|event| event.subject)
        .filter(|subject| matches!(subject, Subject::Token(_)))
        .collect();
    let count = ended.len();
    ended.sort_by_key(ToString::to_string);
    ended.dedup();
    assert_eq!(ended.len(), count, "a run ended twice");
    let owner = fixtures::user(1).id;
    let runs = postgres
        .store
        .runs(owner, &RunFilter::ANY, NOW, None, 1_000)
        .await;
    for run in runs.expect("the store works") {
        assert_eq!(run.status(NOW), Status::Revoked, "{run:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_writes_nothing_after_its_end() {
    let postgres = seeded().await;
    let (pool, owner) = (&postgres.raw, &postgres.owner);
    let run = fixtures::run(10, fixtures::token(0, NOW).id);
    put_token(owner, &run, &fixtures::digest(10)).await;
    put_work_item(owner, &fixtures::work_item(1)).await;
    // Ends it by a change that locks nothing of its owner.
    let mut end = pool.begin().await.expect("a transaction");
    sqlx::query("UPDATE tokens SET revoked_at = created_at WHERE id = $1")
        .bind(run.id.uuid())
        .execute(&mut *end)
        .await
        .expect("ended");
    let store = postgres.store.clone();
    let edit = change(run.id, worker(&run), key(1), retitle("Too late"), 1);
    let waiting = tokio::spawn(async move { store.change_item(edit).await });
    while !a_session_waits_for_a_lock(pool).await {
        assert!(!waiting.is_finished(), "it overtook the end");
    }
    end.commit().await.expect("committed");
    let outcome = waiting.await.expect("no panic").expect("the store works");
    let rejected = ActorError::Rejected(Rejection::Revoked { at: NOW });
    assert_eq!(outcome, ChangeWorkItemOutcome::NotAuthorized(rejected));
    let item = postgres
        .store
        .item(key(1), NOW)
        .await
        .expect("the store works");
    assert_eq!(item, Some(fixtures::work_item(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn completing_an_item_is_serialized_with_each_update_by_its_run() {
    let postgres = Postgres::start().await;
    let issuer = token_of_user(&postgres.owner, 1).await;
    let other = token_of_user(&postgres.owner, 2).await;
    for number in 100..116 {
        let run = bound_run(&postgres.owner, number, issuer).await;
        let (store, item) = (postgres.store.clone(), key(number));
        let claim = change(
            run.id,
            worker(&run),
            item,
            WorkItemChange::Claim,
            10 * number,
        );
        let claimed = store.change_item(claim).await.expect("the store works");
        assert!(matches!(claimed, ChangeWorkItemOutcome::Changed(_)));
        let editing = tokio::spawn(async move {
            let mut written = 0;
            for edit in 1..9 {
                let title = format!("Edit {edit}");
                let change = change(
                    run.id,
                    worker(&run),
                    item,
                    retitle(&title),
                    10 * number + edit,
                );
                match store.change_item(change).await.expect("the store works") {
                    ChangeWorkItemOutcome::Changed(item) => {
                        assert!(!item.status.is_resolved(), "it wrote after its end");
                        written = edit;
                    }
                    ChangeWorkItemOutcome::NotAuthorized(refusal) => {
                        assert_eq!(
                            refusal,
                            ActorError::Rejected(Rejection::Revoked { at: NOW })
                        );
                    }
                    other => panic!("{other:?}"),
                }
            }
            written
        });
        let worker = Worker::Person(fixtures::user(2).id);
        let done = change(
            other,
            worker,
            item,
            WorkItemChange::Complete,
            10 * number + 9,
        );
        let done = postgres
            .store
            .change_item(done)
            .await
            .expect("the store works");
        let ChangeWorkItemOutcome::Changed(done) = done else {
            panic!("{done:?}");
        };
        let written = editing.await.expect("no panic");
        // The item was completed with the last acknowledged update.
        let is_last = done.title.as_str() == format!("Edit {written}");
        assert!(is_last || written == 0, "{written}: {done:?}");
        let now = postgres
            .store
            .item(item, NOW)
            .await
            .expect("the store works");
        assert_eq!(now, Some(done));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_made_meanwhile_does_not_look_expired() {
    let postgres = seeded().await;
    let (pool, owner) = (&postgres.raw, &postgres.owner);
    let issuer = fixtures::token(0, NOW).id;
    for number in [10, 11] {
        let run = fixtures::run(number, issuer);
        put_token(owner, &run, &fixtures::digest(number)).await;
    }
    let mut item = fixtures::work_item(1);
    put_work_item(owner, &item).await;
    // The locks of a claim just before its commit.
    let mut claim = pool.begin().await.expect("a transaction");
    sqlx::query(
        "UPDATE work_items SET claim_agent = 'agent-10', claim_run_id = $1, \
         claimed_at = created_at, status = 'in_progress'",
    )
    .bind(fixtures::run(10, issuer).id.uuid())
    .execute(&mut *claim)
    .await
    .expect("claimed");
    let (store, run) = (postgres.store.clone(), fixtures::run(11, issuer));
    let second = change(run.id, worker(&run), key(1), WorkItemChange::Claim, 1);
    let waiting = tokio::spawn(async move { store.change_item(second).await });
    while !a_session_waits_for_a_lock(pool).await {
        assert!(!waiting.is_finished(), "it overtook the claim");
    }
    claim.commit().await.expect("committed");
    let agent = AgentId::parse("agent-10").expect("an id");
    let outcome = waiting.await.expect("no panic").expect("the store works");
    let conflict = WorkItemConflict::Claimed(Holder::Agent(agent.clone()));
    assert_eq!(outcome, ChangeWorkItemOutcome::Conflict(conflict));
    item.status = openindex_domain::work_item::ItemStatus::InProgress;
    item.claim = Some(Claim {
        holder: Holder::Agent(agent),
        run: Some(fixtures::run(10, issuer).id),
        on_behalf: None,
        at: NOW,
    });
    let stored = postgres
        .store
        .item(key(1), NOW)
        .await
        .expect("the store works");
    assert_eq!(stored, Some(item));
}
