//! Suspending users, and changing their roles and names.

use futures_util::future::{join, join_all};

use super::{
    AccountHarness, InvalidActor, NOW, actor, audit_log, find, invalidate_actor, invites, seed,
    start_session,
};
use crate::access::{Actor, CredentialId, Requirement};
use crate::agent_run::AgentRunAction;
use crate::audit::Subject;
use crate::invite::{
    ClaimInviteOutcome, CreateInviteOutcome, InviteAction, InviteStatus, NotClaimable,
};
use crate::testing::fixtures;
use crate::token::{TokenId, TokenKind};
use crate::user::{
    ChangeUser, ChangeUserOutcome, Email, Notice, NoticeAbout, PersonName, Role, User, UserAction,
    UserChange, UserId,
};

pub(super) fn change(user: UserId, change: UserChange, event: u64) -> ChangeUser {
    let (action, subject) = (UserAction::SUSPENDED, Subject::User(user));
    ChangeUser {
        actor: Actor {
            requirement: Requirement::HUMAN_ADMIN,
            ..actor()
        },
        user,
        change,
        audit: fixtures::audit(event, NOW, action, subject),
    }
}

pub(super) async fn apply(harness: &dyn AccountHarness, change: ChangeUser) -> ChangeUserOutcome {
    harness
        .users()
        .change_user(change)
        .await
        .expect("the store works")
}

pub(super) fn email(text: &str) -> Email {
    Email::parse(text).expect("a well-formed address")
}

pub(super) async fn user(harness: &dyn AccountHarness, number: u64) -> User {
    let id = fixtures::user(number).id;
    let found = harness.users().find(id).await.expect("the store works");
    found.expect("they are there")
}

/// A suspension is visible in the next token lookup, and has ended the user's sessions.
pub async fn suspends_and_ends_sessions_in_one_step(harness: &dyn AccountHarness) {
    seed(harness).await;
    start_session(harness, 1).await;
    // Another administrator makes the change and remains.
    let other = fixtures::user(2);
    harness.put_user(&other).await;
    let mut token = fixtures::token(20, NOW);
    token.owner = other.id;
    harness.put_token(&token, &fixtures::digest(20)).await;
    let ada = fixtures::user(1);
    let mut suspend = change(ada.id, UserChange::Suspend, 1);
    suspend.actor.credential = CredentialId::Token(token.id);
    let mut expected = ada.clone();
    expected.suspended_at = Some(NOW);
    let outcome = apply(harness, suspend).await;
    assert_eq!(outcome, ChangeUserOutcome::Changed(expected.clone()));
    assert_eq!(user(harness, 1).await, expected);
    let record = find(harness, 0).await.expect("the token is there");
    assert!(!record.owner.active);
    let sessions = harness.sessions().sessions(ada.id).await;
    assert_eq!(sessions.expect("the store works"), vec![]);
    let digest = fixtures::digest(1_001);
    let found = harness.sessions().find_session(&digest).await;
    assert!(found.expect("the store works").is_none());
    assert_eq!(
        audit_log(harness).await.len(),
        2,
        "the sign-in and the suspension"
    );
}

/// A suspension ends the user's agent runs in the same step and permanently: unsuspending the user
/// does not restore them.
pub async fn ends_the_agent_runs_of_a_suspended_user(harness: &dyn AccountHarness) {
    seed(harness).await;
    let grace = fixtures::user(2);
    harness.put_user(&grace).await;
    let issuer = fixtures::token(20, NOW).id;
    for number in 21..24 {
        let mut run = fixtures::run(number, issuer);
        if number != 23 {
            run.owner = grace.id;
        }
        harness.put_token(&run, &fixtures::digest(number)).await;
    }
    let suspend = change(grace.id, UserChange::Suspend, 1);
    let outcome = apply(harness, suspend).await;
    assert!(matches!(outcome, ChangeUserOutcome::Changed(_)));
    let lift = change(grace.id, UserChange::Unsuspend, 2);
    let outcome = apply(harness, lift).await;
    assert!(matches!(outcome, ChangeUserOutcome::Changed(_)));
    for (number, revoked_at) in [(21, Some(NOW)), (22, Some(NOW)), (23, None)] {
        let run = find(harness, number).await.expect("it is there").token;
        assert_eq!(run.revoked_at, revoked_at, "{number}");
    }
    let audit_log = audit_log(harness).await;
    let ended = audit_log
        .iter()
        .filter(|event| event.action == AgentRunAction::ENDED)
        .filter(|event| event.related == Some(Subject::User(grace.id)));
    assert_eq!(ended.count(), 2);
    assert_eq!(audit_log.len(), 4);
}

/// A suspension can be reversed, of which the user gets a notice, and a role changed in both
/// directions.
pub async fn unsuspends_and_changes_roles(harness: &dyn AccountHarness) {
    seed(harness).await;
    let mut grace = fixtures::user(2);
    grace.role = Role::Member;
    grace.suspended_at = Some(NOW);
    harness.put_user(&grace).await;
    for (event, step) in [
        (1, UserChange::Unsuspend),
        (2, UserChange::SetRole(Role::Admin)),
        (3, UserChange::SetRole(Role::Member)),
        (4, UserChange::SetEmail(email("Grace@Example.org"))),
        (5, UserChange::SetName(name("Grace \u{5b}Hopper\u{5d} 😀"))),
    ] {
        match &step {
            UserChange::Unsuspend => grace.suspended_at = None,
            UserChange::Suspend => grace.suspended_at = Some(NOW),
            UserChange::SetRole(role) => grace.role = *role,
            UserChange::SetEmail(email) => grace.email = email.clone(),
            UserChange::SetName(name) => grace.name = name.clone(),
        }
        let outcome = apply(harness, change(grace.id, step, event)).await;
        assert_eq!(outcome, ChangeUserOutcome::Changed(grace.clone()));
        assert_eq!(user(harness, 2).await, grace);
    }
    let event = change(grace.id, UserChange::Unsuspend, 1).audit.id;
    let lifted = Notice {
        about: NoticeAbout::Unsuspended { event },
        at: NOW,
    };
    let notices = harness.users().notices(grace.id).await;
    assert_eq!(notices.expect("the store works"), [lifted]);
    let unknown = change(fixtures::user(3).id, UserChange::Suspend, 6);
    assert_eq!(apply(harness, unknown).await, ChangeUserOutcome::NotFound);
    assert_eq!(audit_log(harness).await.len(), 5);
}

fn name(text: &str) -> PersonName {
    PersonName::parse(text).expect("a well-formed name")
}

/// A user, administrator or not, can change their own name, and nothing else changes.
pub async fn lets_users_change_their_own_name(harness: &dyn AccountHarness) {
    seed(harness).await;
    start_session(harness, 1).await;
    let mut ada = fixtures::user(1);
    ada.role = Role::Member;
    harness.put_user(&ada).await;
    let mut rename = change(ada.id, UserChange::SetName(name("Ada King")), 2);
    rename.audit.action = UserAction::NAME_CHANGED;
    let denied = apply(harness, rename.clone()).await;
    assert!(matches!(denied, ChangeUserOutcome::NotAuthorized(_)));
    rename.actor.requirement = Requirement::HUMAN;
    ada.name = name("Ada King");
    let outcome = apply(harness, rename.clone()).await;
    assert_eq!(outcome, ChangeUserOutcome::Changed(ada.clone()));
    assert_eq!(user(harness, 1).await, ada);
    let record = find(harness, 0).await.expect("the token is there");
    let profile = record.owner.profile.expect("the store knows them");
    assert_eq!(profile.name, ada.name);
    rename.audit.id = fixtures::audit(3, NOW, UserAction::NAME_CHANGED, Subject::User(ada.id)).id;
    let again = apply(harness, rename).await;
    assert_eq!(again, ChangeUserOutcome::Unchanged(ada.clone()));
    let sessions = harness.sessions().sessions(ada.id).await;
    assert_eq!(sessions.expect("the store works").len(), 1);
    assert_eq!(
        audit_log(harness).await.len(),
        2,
        "the sign-in and the name"
    );
}

/// A repeated change records no event and keeps the time of the first suspension.
pub async fn does_nothing_when_repeated(harness: &dyn AccountHarness) {
    seed(harness).await;
    let grace = fixtures::user(2);
    harness.put_user(&grace).await;
    for step in [UserChange::Unsuspend, UserChange::SetRole(Role::Admin)] {
        let outcome = apply(harness, change(grace.id, step, 1)).await;
        assert_eq!(outcome, ChangeUserOutcome::Unchanged(grace.clone()));
    }
    let _ = apply(harness, change(grace.id, UserChange::Suspend, 1)).await;
    let mut again = change(grace.id, UserChange::Suspend, 2);
    again.actor.now = NOW.saturating_add_seconds(1);
    let mut suspended = grace.clone();
    suspended.suspended_at = Some(NOW);
    let outcome = apply(harness, again).await;
    assert_eq!(outcome, ChangeUserOutcome::Unchanged(suspended));
    assert_eq!(audit_log(harness).await.len(), 1);
}

/// Suspended administrators and members do not count: the last active administrator remains one.
pub async fn keeps_the_last_active_admin(harness: &dyn AccountHarness) {
    seed(harness).await;
    let mut suspended = fixtures::user(2);
    suspended.suspended_at = Some(NOW);
    let mut member = fixtures::user(3);
    member.role = Role::Member;
    harness.put_user(&suspended).await;
    harness.put_user(&member).await;
    let ada = fixtures::user(1);
    for step in [UserChange::Suspend, UserChange::SetRole(Role::Member)] {
        let outcome = apply(harness, change(ada.id, step, 1)).await;
        assert_eq!(outcome, ChangeUserOutcome::LastAdmin);
        assert_eq!(user(harness, 1).await, ada);
    }
    assert_eq!(audit_log(harness).await, vec![]);
}

/// Administrators who concurrently demote and suspend one another: one remains.
pub async fn keeps_one_admin_of_two_that_demote_each_other(harness: &dyn AccountHarness) {
    for round in 0..8 {
        for number in 1..=2 {
            let owner = fixtures::user(number);
            harness.put_user(&owner).await;
            let mut token = fixtures::token(number, NOW);
            token.owner = owner.id;
            harness.put_token(&token, &fixtures::digest(number)).await;
        }
        let step = |by: u64, to: u64| {
            let kind = if round % 2 == 0 {
                UserChange::Suspend
            } else {
                UserChange::SetRole(Role::Member)
            };
            let mut change = change(fixtures::user(to).id, kind, 10 * round + by);
            let id = TokenId::new(TokenKind::Personal, fixtures::token(by, NOW).id.uuid());
            change.actor.credential = CredentialId::Token(id);
            apply(harness, change)
        };
        let (first, second) = join(step(1, 2), step(2, 1)).await;
        let changed = [&first, &second]
            .into_iter()
            .filter(|outcome| matches!(outcome, ChangeUserOutcome::Changed(_)))
            .count();
        assert_eq!(changed, 1, "{first:?} {second:?}");
        let left = join_all([user(harness, 1), user(harness, 2)]).await;
        let left = left.iter().filter(|user| user.is_active_admin()).count();
        assert_eq!(left, 1);
    }
}

/// A credential that ended between verification and change changes no user.
pub async fn rejects_an_actor_that_is_no_longer_valid(harness: &dyn AccountHarness) {
    let grace = fixtures::user(2);
    harness.put_user(&grace).await;
    for how in InvalidActor::ALL {
        seed(harness).await;
        let mut suspend = change(grace.id, UserChange::Suspend, 1);
        let invalid = invalidate_actor(harness, how).await;
        suspend.actor = Actor {
            requirement: Requirement::HUMAN_ADMIN,
            ..invalid
        };
        let outcome = apply(harness, suspend).await;
        assert_eq!(
            outcome,
            ChangeUserOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
        assert_eq!(user(harness, 2).await, grace);
        assert_eq!(audit_log(harness).await, vec![]);
    }
}

/// When a user gets an invited address, the open invite for it is withdrawn in the same step.
pub async fn withdraws_invites_for_a_new_address(harness: &dyn AccountHarness) {
    seed(harness).await;
    let grace = fixtures::user(2);
    harness.put_user(&grace).await;
    for number in 1..=2 {
        let created = invites::create(harness, invites::creation(number)).await;
        assert_eq!(created, CreateInviteOutcome::Created);
    }
    let address = email("Invited1@Example.com");
    let step = change(grace.id, UserChange::SetEmail(address), 1);
    let outcome = apply(harness, step).await;
    assert!(matches!(outcome, ChangeUserOutcome::Changed(_)));
    let claim = invites::claim(1, 7);
    let claimed = harness.invites().claim_invite(claim).await;
    let withdrawn = ClaimInviteOutcome::NotClaimable(NotClaimable::Withdrawn);
    assert_eq!(claimed.expect("the store works"), withdrawn);
    let audit_log = audit_log(harness).await;
    let of_invites = audit_log
        .iter()
        .filter(|event| event.action == InviteAction::WITHDRAWN);
    let of_invites: Vec<_> = of_invites
        .map(|event| (event.subject, event.related))
        .collect();
    let expected = (
        Subject::Invite(fixtures::invite(1).id),
        Some(Subject::User(grace.id)),
    );
    assert_eq!(of_invites, [expected]);
    let left = harness.invites().invites(None, 10).await.expect("a list");
    let open = left
        .iter()
        .filter(|invite| invite.status(NOW) == InviteStatus::Open);
    assert_eq!(open.count(), 1, "the other is left alone");
}
