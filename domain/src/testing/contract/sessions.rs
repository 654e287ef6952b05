//! Browser sessions and passwords.

use super::{
    AccountHarness, NOW, acting, actor, audit_log, find, insert, insertion, put, revocation, seed,
    session_actor, session_start, start_session,
};
use crate::access::{Actor, ActorError, CredentialId};
use crate::audit::Subject;
use crate::session::{
    ABSOLUTE_LIMIT_SECONDS, ChangePassword, ChangePasswordOutcome, EndSessions, EndSessionsOutcome,
    IDLE_LIMIT_SECONDS, RemovePassword, RemovePasswordOutcome, Session, SessionAction,
    SessionSelection, StartSessionOutcome,
};
use crate::testing::fixtures;
use crate::token::{CreateTokenOutcome, RevokeTokenOutcome};

async fn sessions(harness: &dyn AccountHarness) -> Vec<Session> {
    let user = fixtures::user(1).id;
    let sessions = harness.sessions().sessions(user).await;
    sessions.expect("the store works")
}

async fn numbers(harness: &dyn AccountHarness) -> Vec<u64> {
    let there = sessions(harness).await;
    (1..=9)
        .filter(|number| {
            there
                .iter()
                .any(|own| own.id == fixtures::session(*number).id)
        })
        .collect()
}

fn ending(actor: Actor, selection: SessionSelection, event: u64) -> EndSessions {
    let user = fixtures::user(1).id;
    EndSessions {
        actor,
        user,
        selection,
        audit: fixtures::audit(
            event,
            NOW,
            SessionAction::SESSIONS_ENDED,
            Subject::User(user),
        ),
    }
}

async fn end(harness: &dyn AccountHarness, change: EndSessions) -> EndSessionsOutcome {
    harness
        .sessions()
        .end_sessions(change)
        .await
        .expect("the store works")
}

/// Every field is returned unchanged, by digest and in the list, with the current user.
pub async fn keeps_every_field_and_finds_by_digest(harness: &dyn AccountHarness) {
    seed(harness).await;
    for number in 1..=3 {
        start_session(harness, number).await;
    }
    let expected: Vec<Session> = (1..=3).rev().map(fixtures::session).collect();
    assert_eq!(sessions(harness).await, expected);
    let digest = fixtures::digest(1_002);
    let record = harness.sessions().find_session(&digest).await;
    let record = record.expect("the store works").expect("it is there");
    assert_eq!(record.session, fixtures::session(2));
    assert!(record.digest.matches(&digest));
    assert_eq!(record.owner, fixtures::owner(1));
    let strange = harness.sessions().find_session(&fixtures::digest(7)).await;
    assert!(strange.expect("the store works").is_none());
}

/// The latest time is stored, in whatever order they arrive.
pub async fn records_when_a_session_was_last_seen(harness: &dyn AccountHarness) {
    seed(harness).await;
    start_session(harness, 1).await;
    let id = fixtures::session(1).id;
    let later = NOW.saturating_add_seconds(90);
    for at in [later, NOW] {
        let touched = harness.sessions().touch_session(id, at).await;
        touched.expect("the store works");
    }
    let unknown = fixtures::session(9).id;
    let touched = harness.sessions().touch_session(unknown, later).await;
    touched.expect("the store works");
    assert_eq!(sessions(harness).await[0].last_seen_at, later);
}

/// Between the verification of a password and the start of a session, the password can change and
/// the user can be suspended.
pub async fn starts_none_for_a_password_that_was_changed(harness: &dyn AccountHarness) {
    seed(harness).await;
    let mut user = fixtures::user(1);
    for step in 0..3 {
        if step == 1 {
            harness
                .put_password(user.id, &fixtures::password_hash(2))
                .await;
        }
        if step == 2 {
            user.suspended_at = Some(NOW);
            harness.put_user(&user).await;
        }
        let verified = fixtures::password_hash(if step == 2 { 2 } else { 1 });
        let started = harness
            .sessions()
            .start_session(session_start(1, verified))
            .await;
        assert_eq!(
            started.expect("the store works"),
            StartSessionOutcome::Rejected,
            "step {step}: no password, another one, suspended"
        );
    }
    assert_eq!(sessions(harness).await, vec![]);
    assert_eq!(audit_log(harness).await, vec![]);
}

/// Ends one session, all but one, or all, of one user only, and records an event only if any
/// session ended.
pub async fn ends_one_the_others_or_all(harness: &dyn AccountHarness) {
    seed(harness).await;
    for number in 1..=5 {
        start_session(harness, number).await;
    }
    let id = |number| fixtures::session(number).id;
    let by = session_actor(1);
    for (event, selection, count, left) in [
        (1, SessionSelection::One(id(5)), 1, vec![1, 2, 3, 4]),
        (2, SessionSelection::One(id(5)), 0, vec![1, 2, 3, 4]),
        (3, SessionSelection::AllBut(id(1)), 3, vec![1]),
        (4, SessionSelection::All, 1, vec![]),
    ] {
        let outcome = end(harness, ending(by.clone(), selection, event)).await;
        assert_eq!(outcome, EndSessionsOutcome::Ended(count), "{selection:?}");
        assert_eq!(numbers(harness).await, left, "{selection:?}");
    }
    assert_eq!(audit_log(harness).await.len(), 5 + 3);
    let over = end(harness, ending(by, SessionSelection::All, 5)).await;
    assert_eq!(
        over,
        EndSessionsOutcome::NotAuthorized(ActorError::SessionEnded)
    );
}

/// The acting session continues, the others end, and tokens are not affected.
pub async fn changes_a_password_and_ends_the_other_sessions(harness: &dyn AccountHarness) {
    seed(harness).await;
    for number in 1..=3 {
        start_session(harness, number).await;
    }
    let user = fixtures::user(1);
    let change = |verified, new, event| ChangePassword {
        actor: session_actor(2),
        verified: Some(fixtures::password_hash(verified)),
        hash: fixtures::password_hash(new),
        audit: fixtures::audit(
            event,
            NOW,
            SessionAction::PASSWORD_CHANGED,
            Subject::User(user.id),
        ),
    };
    let changed = harness.sessions().change_password(change(1, 2, 1)).await;
    assert_eq!(
        changed.expect("the store works"),
        ChangePasswordOutcome::Changed
    );
    let account = harness.users().account(&user.email.key()).await;
    let account = account.expect("the store works").expect("it is there");
    assert_eq!(account.password, Some(fixtures::password_hash(2)));
    assert_eq!(numbers(harness).await, [2]);
    let token = find(harness, 0).await.expect("the token is there").token;
    assert_eq!(token, acting());
    // Verified against the old password, and therefore too late.
    let late = harness.sessions().change_password(change(1, 3, 2)).await;
    assert_eq!(
        late.expect("the store works"),
        ChangePasswordOutcome::Conflict
    );
    let mut by_token = change(2, 3, 3);
    by_token.actor = actor();
    let rejected = harness.sessions().change_password(by_token).await;
    assert!(matches!(
        rejected.expect("the store works"),
        ChangePasswordOutcome::NotAuthorized(_)
    ));
}

/// The operator removes a password once, and no session ends with it.
pub async fn removes_a_password_of_a_user_who_has_one(harness: &dyn AccountHarness) {
    seed(harness).await;
    start_session(harness, 1).await;
    let user = fixtures::user(1);
    let removal = |event, user| RemovePassword {
        actor: Actor::operator(NOW),
        user,
        audit: fixtures::audit(
            event,
            NOW,
            SessionAction::PASSWORD_CHANGED,
            Subject::User(user),
        ),
    };
    let remove = |change| async move {
        let removed = harness.sessions().remove_password(change).await;
        removed.expect("the store works")
    };
    let by_token = RemovePassword {
        actor: Actor {
            credential: CredentialId::Token(fixtures::token(99, NOW).id),
            ..actor()
        },
        ..removal(1, user.id)
    };
    assert!(matches!(
        remove(by_token).await,
        RemovePasswordOutcome::NotAuthorized(_)
    ));
    let unknown = removal(2, fixtures::user(9).id);
    assert_eq!(remove(unknown).await, RemovePasswordOutcome::NotFound);
    let removed = remove(removal(3, user.id)).await;
    assert_eq!(removed, RemovePasswordOutcome::Removed);
    let account = harness.users().account(&user.email.key()).await;
    let account = account.expect("the store works").expect("it is there");
    assert_eq!(account.password, None);
    assert_eq!(numbers(harness).await, [1]);
    let again = remove(removal(4, user.id)).await;
    assert_eq!(again, RemovePasswordOutcome::NotFound);
    let log = audit_log(harness).await;
    let changes = log
        .iter()
        .filter(|event| event.action == SessionAction::PASSWORD_CHANGED);
    assert_eq!(changes.count(), 1);
}

/// A session that ended between verification and change creates no token and ends no session.
pub async fn rejects_a_session_that_ended_in_the_meantime(harness: &dyn AccountHarness) {
    seed(harness).await;
    start_session(harness, 1).await;
    put(harness, 30, &fixtures::token(30, NOW)).await;
    let own = fixtures::session(1).id;
    let ended = end(
        harness,
        ending(session_actor(1), SessionSelection::One(own), 9),
    )
    .await;
    assert_eq!(ended, EndSessionsOutcome::Ended(1));
    let mut issue = insertion(31, 100);
    issue.actor = session_actor(1);
    assert_eq!(
        insert(harness, issue).await,
        CreateTokenOutcome::NotAuthorized(ActorError::SessionEnded)
    );
    let mut revoke = revocation(fixtures::token(30, NOW).id, 32);
    revoke.actor = session_actor(1);
    let revoked = harness.tokens().revoke_token(revoke).await;
    assert_eq!(
        revoked.expect("the store works"),
        RevokeTokenOutcome::NotAuthorized(ActorError::SessionEnded)
    );
    assert!(find(harness, 31).await.is_none());
}

/// A session can create and revoke tokens, unless it has expired in the meantime.
pub async fn can_create_and_revoke_tokens(harness: &dyn AccountHarness) {
    seed(harness).await;
    start_session(harness, 1).await;
    let mut issue = insertion(31, 100);
    issue.actor = session_actor(1);
    assert_eq!(insert(harness, issue).await, CreateTokenOutcome::Created);
    let mut late = insertion(33, 100);
    late.actor = session_actor(1);
    late.actor.now = NOW.saturating_add_seconds(IDLE_LIMIT_SECONDS);
    assert_eq!(
        insert(harness, late).await,
        CreateTokenOutcome::NotAuthorized(ActorError::SessionEnded)
    );
    let mut revoke = revocation(fixtures::token(31, NOW).id, 32);
    revoke.actor = session_actor(1);
    let revoked = harness.tokens().revoke_token(revoke).await;
    assert_eq!(
        revoked.expect("the store works"),
        RevokeTokenOutcome::Revoked
    );
}

/// Only sessions that have reached one of the limits are deleted.
pub async fn purges_expired_sessions(harness: &dyn AccountHarness) {
    seed(harness).await;
    for number in 1..=2 {
        start_session(harness, number).await;
    }
    let later = NOW.saturating_add_seconds(60);
    let seen = harness
        .sessions()
        .touch_session(fixtures::session(2).id, later)
        .await;
    seen.expect("the store works");
    let purge = |begun, seen, now| async move {
        let purged = harness.sessions().purge_sessions(begun, seen, now).await;
        purged.expect("the store works")
    };
    assert_eq!(purge(NOW, NOW, NOW).await, 0);
    assert_eq!(purge(NOW, later, NOW).await, 1);
    assert_eq!(numbers(harness).await, [2]);
    let old = NOW.saturating_add_seconds(ABSOLUTE_LIMIT_SECONDS);
    assert_eq!(purge(old, later, old).await, 1);
    assert_eq!(numbers(harness).await, [0; 0]);
}
