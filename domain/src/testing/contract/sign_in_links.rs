//! Sign-in links.

use futures_util::future::join_all;

use super::{
    AccountHarness, InvalidActor, NOW, actor, audit_log, invalidate_actor, seed, session_actor,
    start_session,
};
use crate::access::{Actor, Requirement};
use crate::audit::Subject;
use crate::session::{
    ChangePassword, ChangePasswordOutcome, CreateSignInLink, CreateSignInLinkOutcome,
    RedeemSignInLink, RedeemSignInLinkOutcome, Session, SessionAction, SignInLink,
};
use crate::testing::fixtures;
use crate::user::{
    ChangeUser, ChangeUserOutcome, DismissNotices, DismissNoticesOutcome, Role, UserAction,
    UserChange,
};

pub(super) fn creation(number: u64) -> CreateSignInLink {
    let link = fixtures::link(number);
    let action = SessionAction::SIGN_IN_LINK_CREATED;
    CreateSignInLink {
        actor: None,
        digest: fixtures::digest(number + 2_000),
        audit: fixtures::audit(number + 2_000, NOW, action, Subject::User(link.user)),
        link,
    }
}

/// Returns the use of link `link` with new session `session`.
fn redemption(link: u64, session: u64) -> RedeemSignInLink {
    let action = SessionAction::SIGN_IN_LINK_USED;
    let session_of = fixtures::session(session);
    RedeemSignInLink {
        link: fixtures::link(link).id,
        now: NOW,
        hash: fixtures::password_hash(session + 100),
        digest: fixtures::digest(session + 1_000),
        audit: fixtures::audit(session + 3_000, NOW, action, Subject::User(session_of.user)),
        session: session_of,
    }
}

pub(super) async fn create(
    harness: &dyn AccountHarness,
    change: CreateSignInLink,
) -> CreateSignInLinkOutcome {
    let created = harness.sessions().create_sign_in_link(change).await;
    created.expect("the store works")
}

async fn redeem(harness: &dyn AccountHarness, change: RedeemSignInLink) -> RedeemSignInLinkOutcome {
    let redeemed = harness.sessions().redeem_sign_in_link(change).await;
    redeemed.expect("the store works")
}

async fn look(harness: &dyn AccountHarness, number: u64) -> Option<SignInLink> {
    let digest = fixtures::digest(number + 2_000);
    let found = harness.sessions().find_sign_in_link(&digest).await;
    found.expect("the store works")
}

async fn sessions(harness: &dyn AccountHarness) -> Vec<Session> {
    let sessions = harness.sessions().sessions(fixtures::user(1).id).await;
    sessions.expect("the store works")
}

/// A link sets the password, ends the earlier sessions, starts one, and cannot be used again.
pub async fn can_be_used_once(harness: &dyn AccountHarness) {
    seed(harness).await;
    start_session(harness, 1).await;
    assert_eq!(
        create(harness, creation(1)).await,
        CreateSignInLinkOutcome::Created
    );
    assert_eq!(look(harness, 1).await, Some(fixtures::link(1)));
    assert_eq!(look(harness, 2).await, None);
    let mut late = redemption(1, 2);
    late.now = fixtures::link(1).expires_at;
    assert_eq!(
        redeem(harness, late).await,
        RedeemSignInLinkOutcome::Rejected
    );
    assert_eq!(
        redeem(harness, redemption(1, 2)).await,
        RedeemSignInLinkOutcome::Redeemed
    );
    assert_eq!(sessions(harness).await, vec![fixtures::session(2)]);
    let account = harness
        .users()
        .account(&fixtures::user(1).email.key())
        .await;
    let account = account.expect("the store works").expect("it is there");
    assert_eq!(account.password, Some(fixtures::password_hash(102)));
    assert_eq!(
        redeem(harness, redemption(1, 3)).await,
        RedeemSignInLinkOutcome::Rejected
    );
    let used = look(harness, 1).await.expect("it is there");
    assert_eq!(used.used_at, Some(NOW));
    assert_eq!(audit_log(harness).await.len(), 3);
}

/// Using a link leaves a notice with the time and the address. The session that the link started
/// cannot dismiss it; the next one can.
pub async fn leave_a_notice_for_the_next_sign_in(harness: &dyn AccountHarness) {
    seed(harness).await;
    let _ = create(harness, creation(1)).await;
    let mut change = redemption(1, 2);
    change.audit.context.client_address = Some([203, 0, 113, 7].into());
    let notice = change.notice();
    assert_eq!(
        redeem(harness, change).await,
        RedeemSignInLinkOutcome::Redeemed
    );
    let (users, user) = (harness.users(), fixtures::user(1).id);
    let told = users.notices(user).await.expect("the store works");
    assert_eq!(told, vec![notice.clone()]);
    let dismissal = |signed_in_at, event| DismissNotices {
        actor: session_actor(2),
        user,
        up_to: NOW,
        signed_in_at,
        audit: fixtures::audit(
            event,
            NOW,
            UserAction::NOTICES_DISMISSED,
            Subject::User(user),
        ),
    };
    for (signed_in_at, dismissed) in [
        (Some(notice.at), 0),
        (Some(notice.at.saturating_add_millis(-1)), 0),
        (Some(notice.at.saturating_add_millis(1)), 1),
    ] {
        let outcome = users.dismiss_notices(dismissal(signed_in_at, 8)).await;
        let expected = DismissNoticesOutcome::Dismissed(dismissed);
        assert_eq!(outcome.expect("the store works"), expected);
    }
    let told = users.notices(user).await.expect("the store works");
    assert_eq!(told, vec![]);
}

/// Of concurrent uses of one link, exactly one succeeds.
pub async fn can_be_used_once_of_16_concurrent_calls(harness: &dyn AccountHarness) {
    seed(harness).await;
    let _ = create(harness, creation(1)).await;
    let outcomes = join_all((1..=16).map(|number| redeem(harness, redemption(1, number)))).await;
    let redeemed = outcomes
        .iter()
        .filter(|outcome| **outcome == RedeemSignInLinkOutcome::Redeemed)
        .count();
    assert_eq!(redeemed, 1, "{outcomes:?}");
    assert_eq!(sessions(harness).await.len(), 1);
}

/// Only a user's latest link is valid.
pub async fn are_invalid_once_a_later_one_is_created(harness: &dyn AccountHarness) {
    seed(harness).await;
    for number in 1..=2 {
        let _ = create(harness, creation(number)).await;
    }
    assert_eq!(
        redeem(harness, redemption(1, 1)).await,
        RedeemSignInLinkOutcome::Rejected
    );
    assert_eq!(
        redeem(harness, redemption(2, 1)).await,
        RedeemSignInLinkOutcome::Redeemed
    );
}

/// A new password and a suspension delete open links, even if the suspension is reversed.
pub async fn are_invalid_after_a_new_password_and_after_a_suspension(harness: &dyn AccountHarness) {
    seed(harness).await;
    start_session(harness, 1).await;
    let _ = create(harness, creation(1)).await;
    let user = fixtures::user(1).id;
    let change = ChangePassword {
        actor: session_actor(1),
        verified: Some(fixtures::password_hash(1)),
        hash: fixtures::password_hash(2),
        audit: fixtures::audit(1, NOW, SessionAction::PASSWORD_CHANGED, Subject::User(user)),
    };
    let changed = harness.sessions().change_password(change).await;
    assert_eq!(
        changed.expect("the store works"),
        ChangePasswordOutcome::Changed
    );
    assert_eq!(
        redeem(harness, redemption(1, 2)).await,
        RedeemSignInLinkOutcome::Rejected
    );

    let grace = fixtures::user(2);
    harness.put_user(&grace).await;
    let mut link = creation(2);
    link.link.user = grace.id;
    let _ = create(harness, link).await;
    for (event, step) in [(2, UserChange::Suspend), (3, UserChange::Unsuspend)] {
        let change = ChangeUser {
            actor: Actor {
                requirement: Requirement::HUMAN_ADMIN,
                ..actor()
            },
            user: grace.id,
            change: step,
            audit: fixtures::audit(event, NOW, UserAction::SUSPENDED, Subject::User(grace.id)),
        };
        let changed = harness.users().change_user(change).await;
        let changed = changed.expect("the store works");
        assert!(
            matches!(changed, ChangeUserOutcome::Changed(_)),
            "{changed:?}"
        );
    }
    let mut redeemed = redemption(2, 3);
    redeemed.session.user = grace.id;
    assert_eq!(
        redeem(harness, redeemed).await,
        RedeemSignInLinkOutcome::Rejected
    );
}

/// An administrator's link is invalid while its creator is suspended or a member; the operator's is
/// always valid.
pub async fn are_invalid_when_their_creator_is_no_administrator(harness: &dyn AccountHarness) {
    seed(harness).await;
    let mut maker = fixtures::user(2);
    harness.put_user(&maker).await;
    let mut link = creation(1);
    link.link.created_by = Some(maker.id);
    let _ = create(harness, link.clone()).await;
    assert_eq!(look(harness, 1).await, Some(link.link));
    for (role, suspended_at, outcome) in [
        (Role::Member, None, RedeemSignInLinkOutcome::Rejected),
        (Role::Admin, Some(NOW), RedeemSignInLinkOutcome::Rejected),
        (Role::Admin, None, RedeemSignInLinkOutcome::Redeemed),
    ] {
        maker.role = role;
        maker.suspended_at = suspended_at;
        harness.put_user(&maker).await;
        assert_eq!(redeem(harness, redemption(1, 1)).await, outcome);
    }
}

/// A suspended user cannot get a link, and an existing one cannot be used. A link for an unknown
/// user cannot be created.
pub async fn are_rejected_for_a_suspended_user(harness: &dyn AccountHarness) {
    seed(harness).await;
    let _ = create(harness, creation(1)).await;
    let mut user = fixtures::user(1);
    user.suspended_at = Some(NOW);
    harness.put_user(&user).await;
    assert_eq!(
        redeem(harness, redemption(1, 1)).await,
        RedeemSignInLinkOutcome::Rejected
    );
    assert_eq!(
        create(harness, creation(2)).await,
        CreateSignInLinkOutcome::NotFound
    );
    let mut nobodys = creation(3);
    nobodys.link.user = fixtures::user(9).id;
    assert_eq!(
        create(harness, nobodys).await,
        CreateSignInLinkOutcome::NotFound
    );
    assert_eq!(look(harness, 2).await, None);
}

/// The operator can create links, and so can an administrator with a valid credential.
pub async fn are_created_by_operator_and_administrators_only(harness: &dyn AccountHarness) {
    let mut grace = fixtures::user(2);
    grace.role = Role::Member;
    harness.put_user(&grace).await;
    for how in InvalidActor::ALL {
        seed(harness).await;
        let invalid = invalidate_actor(harness, how).await;
        let mut change = creation(1);
        change.link.user = grace.id;
        change.actor = Some(Actor {
            requirement: Requirement::HUMAN_ADMIN,
            ..invalid
        });
        assert_eq!(
            create(harness, change).await,
            CreateSignInLinkOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
        assert_eq!(look(harness, 1).await, None);
    }
    assert_eq!(audit_log(harness).await, vec![]);
}
