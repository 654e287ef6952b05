//! Owners of tokens without accounts, and what a service changes on their behalf.

use futures_util::future::{join, join_all};

use super::{
    Harness, NOW, actor, audit_log, find, insert, insertion, list, put, replacement, revocation,
    seed,
};
use crate::access::{Actor, ActorError, CredentialId, Denial, Requirement};
use crate::agent_run::AgentRunAction;
use crate::audit::{AuditAction, AuditActor, Subject};
use crate::testing::fixtures;
use crate::token::{
    ChangeOwner, ChangeOwnerOutcome, CreateToken, CreateTokenOutcome, OwnerAction, OwnerChange,
    PredecessorEnd, Rejection, RevokeTokenOutcome, RotateTokenOutcome, Scope, Status,
};
use crate::user::{Owner, Role};

/// Returns user 7, an administrator that no harness has inserted.
pub(super) fn owner() -> Owner {
    fixtures::user(7).as_owner()
}

fn suspended() -> Owner {
    Owner {
        active: false,
        ..owner()
    }
}

fn changing(change: OwnerChange, event: u64) -> ChangeOwner {
    let subject = Subject::User(change.id());
    ChangeOwner {
        change,
        now: NOW,
        audit: fixtures::audit(event, NOW, OwnerAction::ADDED, subject),
    }
}

pub(super) async fn put_owner(
    harness: &dyn Harness,
    owner: Owner,
    event: u64,
) -> ChangeOwnerOutcome {
    change_owner(harness, OwnerChange::Put(owner), event).await
}

async fn change_owner(
    harness: &dyn Harness,
    change: OwnerChange,
    event: u64,
) -> ChangeOwnerOutcome {
    let change = changing(change, event);
    let changed = harness.tokens().change_owner(change).await;
    changed.expect("the store works")
}

async fn unsuspend(harness: &dyn Harness, event: u64) {
    let unsuspended = change_owner(harness, OwnerChange::Unsuspend(owner().id), event).await;
    assert_eq!(unsuspended, ChangeOwnerOutcome::Changed);
}

pub(super) async fn add(harness: &dyn Harness) {
    assert_eq!(
        put_owner(harness, owner(), 700).await,
        ChangeOwnerOutcome::Changed
    );
}

pub(super) fn external() -> Actor {
    Actor {
        credential: CredentialId::External(owner().id),
        ..actor()
    }
}

/// Returns the creation of the owner's token `number` on their behalf.
fn creation(number: u64) -> CreateToken {
    let mut change = insertion(number, 100);
    change.actor = external();
    change.token.owner = owner().id;
    change.audit.actor = AuditActor::External { user: owner().id };
    change
}

async fn actions(harness: &dyn Harness) -> Vec<AuditAction> {
    let events = audit_log(harness).await;
    events.iter().rev().map(|event| event.action).collect()
}

/// Owners are returned as they were put last, with and without a profile, and each property that
/// changed has an event.
pub async fn are_added_and_updated(harness: &dyn Harness) {
    let found = async || {
        let found = harness.tokens().find_owner(owner().id).await;
        found.expect("the store works")
    };
    assert_eq!(found().await, None);
    add(harness).await;
    assert_eq!(found().await, Some(owner()));
    let changed = Owner {
        role: Role::Member,
        active: false,
        profile: None,
        ..owner()
    };
    for (event, next) in [(710, changed), (720, owner())] {
        if event == 720 {
            unsuspend(harness, 715).await;
        }
        let outcome = put_owner(harness, next.clone(), event).await;
        assert_eq!(outcome, ChangeOwnerOutcome::Changed);
        assert_eq!(found().await, Some(next));
    }
    let mut recorded = actions(harness).await;
    recorded.sort_by_key(|action| action.as_str());
    assert_eq!(
        recorded,
        [
            OwnerAction::ADDED,
            OwnerAction::DEMOTED,
            OwnerAction::PROMOTED,
            OwnerAction::SUSPENDED,
            OwnerAction::UNSUSPENDED,
            OwnerAction::UPDATED,
            OwnerAction::UPDATED,
        ]
    );
    let before = audit_log(harness).await;
    let again = put_owner(harness, owner(), 730).await;
    assert_eq!(again, ChangeOwnerOutcome::Unchanged);
    assert_eq!(audit_log(harness).await, before);
}

/// A token is created, rotated and revoked on an owner's behalf, and the audit log says so.
pub async fn get_tokens_on_their_behalf(harness: &dyn Harness) {
    add(harness).await;
    let created = creation(1);
    assert_eq!(
        insert(harness, created.clone()).await,
        CreateTokenOutcome::Created
    );
    let record = find(harness, 1).await.expect("the token is there");
    assert_eq!((record.token, record.owner), (created.token, owner()));
    let mut rotate = replacement(fixtures::token(1, NOW).id, 2, PredecessorEnd::Immediately);
    rotate.successor.actor = external();
    rotate.successor.token.owner = owner().id;
    rotate.successor.audit.actor = AuditActor::External { user: owner().id };
    let rotated = harness.tokens().rotate_token(rotate).await;
    assert_eq!(
        rotated.expect("the store works"),
        RotateTokenOutcome::Rotated
    );
    let mut revoke = revocation(fixtures::token(2, NOW).id, 3);
    revoke.actor = external();
    revoke.owner = owner().id;
    revoke.audit.actor = AuditActor::External { user: owner().id };
    let revoked = harness.tokens().revoke_token(revoke).await;
    assert_eq!(
        revoked.expect("the store works"),
        RevokeTokenOutcome::Revoked
    );
    assert_eq!(list(harness, owner().id).await, vec![]);
    let events = audit_log(harness).await;
    let external = events
        .iter()
        .filter(|event| event.actor == AuditActor::External { user: owner().id });
    assert_eq!(external.count(), 3, "{events:?}");
    assert!(events.iter().all(|event| event.involves(owner().id)));
}

/// The next lookup after a suspension has the suspended owner, and their runs have ended for good.
pub async fn are_suspended_with_their_runs(harness: &dyn Harness) {
    add(harness).await;
    insert_all(harness, &[1]).await;
    let mut run = fixtures::run(2, fixtures::token(1, NOW).id);
    run.owner = owner().id;
    put(harness, 2, &run).await;
    // A run of another user.
    seed(harness).await;
    let foreign = fixtures::run(3, fixtures::token(0, NOW).id);
    put(harness, 3, &foreign).await;
    let outcome = put_owner(harness, suspended(), 710).await;
    assert_eq!(outcome, ChangeOwnerOutcome::Changed);
    let status = async |number| {
        let record = find(harness, number).await.expect("the token is there");
        (record.owner.active, record.token.status(NOW))
    };
    assert_eq!(status(1).await, (false, Status::Live));
    assert_eq!(status(2).await, (false, Status::Revoked));
    assert_eq!(status(3).await, (true, Status::Live));
    let mut recorded = actions(harness).await;
    recorded.retain(|action| *action == AgentRunAction::ENDED);
    assert_eq!(recorded.len(), 1);
    unsuspend(harness, 720).await;
    assert_eq!(status(1).await, (true, Status::Live));
    assert_eq!(status(2).await, (true, Status::Revoked));
}

/// A suspension changes nothing else, and what was read before it does not lift it.
pub async fn stay_suspended_until_they_are_unsuspended(harness: &dyn Harness) {
    let found = async || {
        let found = harness.tokens().find_owner(owner().id).await;
        found.expect("the store works")
    };
    for change in [
        OwnerChange::Suspend(owner().id),
        OwnerChange::Unsuspend(owner().id),
    ] {
        let outcome = change_owner(harness, change, 700).await;
        assert_eq!(outcome, ChangeOwnerOutcome::NotFound);
    }
    assert_eq!(found().await, None);
    add(harness).await;
    insert_all(harness, &[1]).await;
    let suspend = || OwnerChange::Suspend(owner().id);
    assert_eq!(
        change_owner(harness, suspend(), 710).await,
        ChangeOwnerOutcome::Changed
    );
    assert_eq!(found().await, Some(suspended()));
    let mut renamed = owner();
    renamed.profile = fixtures::user(8).as_owner().profile;
    assert_eq!(
        put_owner(harness, renamed.clone(), 720).await,
        ChangeOwnerOutcome::Changed
    );
    assert_eq!(found().await, Some(renamed.clone().suspended()));
    let record = find(harness, 1).await.expect("the token is there");
    assert!(!record.owner.active);
    for (change, event) in [(OwnerChange::Put(renamed.clone()), 730), (suspend(), 740)] {
        assert_eq!(
            change_owner(harness, change, event).await,
            ChangeOwnerOutcome::Unchanged
        );
    }
    unsuspend(harness, 750).await;
    assert_eq!(found().await, Some(renamed));
    let mut recorded = actions(harness).await;
    recorded.retain(|action| action.as_str().starts_with("owner."));
    assert_eq!(
        recorded,
        [
            OwnerAction::ADDED,
            OwnerAction::SUSPENDED,
            OwnerAction::UPDATED,
            OwnerAction::UNSUSPENDED,
        ]
    );
    let updates = (0_u64..16).map(|number| {
        let mut update = owner();
        update.role = if number % 2 == 0 {
            Role::Member
        } else {
            Role::Admin
        };
        put_owner(harness, update, 800 + 10 * number)
    });
    let (_, suspension) = join(join_all(updates), change_owner(harness, suspend(), 760)).await;
    assert_eq!(suspension, ChangeOwnerOutcome::Changed);
    assert!(found().await.is_some_and(|owner| !owner.active));
}

async fn insert_all(harness: &dyn Harness, numbers: &[u64]) {
    for number in numbers {
        assert_eq!(
            insert(harness, creation(*number)).await,
            CreateTokenOutcome::Created
        );
    }
}

/// A change on behalf of an owner is rejected when they are unknown, suspended or demoted in the
/// meantime.
pub async fn are_checked_in_each_change(harness: &dyn Harness) {
    let unknown = ActorError::Rejected(Rejection::Unknown);
    let rejected = CreateTokenOutcome::NotAuthorized(unknown);
    let mut change = creation(1);
    // The owner of an existing token, so that only the actor is unknown.
    seed(harness).await;
    change.token.owner = fixtures::user(1).id;
    assert_eq!(insert(harness, change).await, rejected);
    let demoted = Owner {
        role: Role::Member,
        ..owner()
    };
    let denied = Denial::InsufficientScope {
        required: Scope::Admin,
    };
    for (event, state, error) in [
        (710, suspended(), Rejection::OwnerSuspended.into()),
        (720, demoted, ActorError::Denied(denied)),
    ] {
        let outcome = put_owner(harness, state, event).await;
        assert_eq!(outcome, ChangeOwnerOutcome::Changed);
        if event == 720 {
            unsuspend(harness, 730).await;
        }
        let mut change = creation(1);
        change.actor.requirement = Requirement::HUMAN_ADMIN;
        assert_eq!(
            insert(harness, change).await,
            CreateTokenOutcome::NotAuthorized(error)
        );
    }
    assert!(find(harness, 1).await.is_none());
}

/// Creations on behalf of an owner race their suspension: those that succeed are complete, and once
/// the suspension has returned, none succeeds.
pub async fn get_no_token_after_their_suspension(harness: &dyn Harness) {
    add(harness).await;
    let racing = join_all((1..=16).map(|number| insert(harness, creation(number))));
    let (outcomes, suspension) = join(racing, put_owner(harness, suspended(), 710)).await;
    assert_eq!(suspension, ChangeOwnerOutcome::Changed);
    let rejected = CreateTokenOutcome::NotAuthorized(Rejection::OwnerSuspended.into());
    for (number, outcome) in (1..).zip(&outcomes) {
        let there = find(harness, number).await.is_some();
        assert_eq!(
            there,
            *outcome == CreateTokenOutcome::Created,
            "{outcome:?}"
        );
        assert!(there || *outcome == rejected, "{outcome:?}");
    }
    assert_eq!(insert(harness, creation(17)).await, rejected);
}

/// The quota of an owner is exact under concurrent creations.
pub async fn have_an_exact_quota(harness: &dyn Harness) {
    add(harness).await;
    let creations = (1..=32).map(|number| CreateToken {
        quota: 5,
        ..creation(number)
    });
    let outcomes = join_all(creations.map(|change| insert(harness, change))).await;
    let created = outcomes
        .iter()
        .filter(|outcome| **outcome == CreateTokenOutcome::Created);
    assert_eq!(created.count(), 5);
}
