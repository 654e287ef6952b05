//! Invites.

use futures_util::future::join_all;

use super::users::{delete, deletion};
use super::{AccountHarness, InvalidActor, NOW, actor, audit_log, find, invalidate_actor, seed};
use crate::access::{Actor, Requirement};
use crate::audit::Subject;
use crate::invite::{
    ClaimInvite, ClaimInviteOutcome, CreateInvite, CreateInviteOutcome, Invite, InviteAction,
    InviteKind, InviteStatus, NotClaimable, WithdrawInvite, WithdrawInviteOutcome,
};
use crate::testing::fixtures;
use crate::user::{
    Account, CreateFirstAdmin, CreateFirstAdminOutcome, DeleteUserOutcome, Email, InstanceAction,
    Role,
};

fn admin_actor() -> Actor {
    Actor {
        requirement: Requirement::HUMAN_ADMIN,
        ..actor()
    }
}

pub(super) fn creation(number: u64) -> CreateInvite {
    let invite = fixtures::invite(number);
    let action = InviteAction::CREATED;
    CreateInvite {
        actor: Some(admin_actor()),
        digest: fixtures::digest(number + 4_000),
        audit: fixtures::audit(number + 4_000, NOW, action, Subject::Invite(invite.id)),
        invite,
    }
}

fn first_admin(number: u64) -> CreateInvite {
    let mut change = creation(number);
    change.actor = None;
    change.invite.kind = InviteKind::FirstAdmin;
    change.invite.created_by = None;
    change
}

fn withdrawal(number: u64, event: u64) -> WithdrawInvite {
    let invite = fixtures::invite(number).id;
    let action = InviteAction::WITHDRAWN;
    WithdrawInvite {
        actor: admin_actor(),
        invite,
        audit: fixtures::audit(event, NOW, action, Subject::Invite(invite)),
    }
}

/// Returns the claim of an invite by user `user`, whose token, session and event have the same
/// number.
pub(super) fn claim(invite: u64, user: u64) -> ClaimInvite {
    let invite = fixtures::invite(invite).id;
    let mut account = Account {
        user: fixtures::user(user),
        password: Some(fixtures::password_hash(user)),
    };
    account.user.role = Role::Member;
    let mut token = fixtures::token(user, NOW);
    token.owner = account.user.id;
    let mut session = fixtures::session(user);
    session.user = account.user.id;
    let action = InviteAction::CLAIMED;
    let mut audit = fixtures::audit(user + 5_000, NOW, action, Subject::Invite(invite));
    audit.related = Some(Subject::User(account.user.id));
    ClaimInvite {
        invite,
        now: NOW,
        account,
        token: Some((token, fixtures::digest(user))),
        session: Some((session, fixtures::digest(user + 1_000))),
        audit,
    }
}

pub(super) async fn create(
    harness: &dyn AccountHarness,
    change: CreateInvite,
) -> CreateInviteOutcome {
    let created = harness.invites().create_invite(change).await;
    created.expect("the store works")
}

async fn withdraw(harness: &dyn AccountHarness, change: WithdrawInvite) -> WithdrawInviteOutcome {
    let withdrawn = harness.invites().withdraw_invite(change).await;
    withdrawn.expect("the store works")
}

async fn apply(harness: &dyn AccountHarness, change: ClaimInvite) -> ClaimInviteOutcome {
    let claimed = harness.invites().claim_invite(change).await;
    claimed.expect("the store works")
}

async fn look(harness: &dyn AccountHarness, number: u64) -> Option<Invite> {
    let digest = fixtures::digest(number + 4_000);
    let found = harness.invites().find_invite(&digest).await;
    found.expect("the store works")
}

async fn users(harness: &dyn AccountHarness) -> usize {
    let users = harness.users().page(None, 200).await;
    users.expect("the store works").len()
}

/// Every field is returned unchanged, by digest and in pages, newest first.
pub async fn keep_every_field(harness: &dyn AccountHarness) {
    let first = first_admin(1);
    assert_eq!(
        create(harness, first.clone()).await,
        CreateInviteOutcome::Created
    );
    assert_eq!(look(harness, 1).await, Some(first.invite.clone()));
    seed(harness).await;
    let mut second = creation(2);
    second.invite.kind = InviteKind::Person {
        email: Email::parse("Zoë@Example.com").expect("an address"),
        role: Role::Admin,
    };
    let third = creation(3);
    for change in [&second, &third] {
        let created = create(harness, change.clone()).await;
        assert_eq!(created, CreateInviteOutcome::Created);
    }
    assert_eq!(look(harness, 2).await, Some(second.invite.clone()));
    assert_eq!(look(harness, 9).await, None);
    let invites = harness.invites();
    let page = invites.invites(None, 2).await.expect("the store works");
    assert_eq!(page, [third.invite, second.invite.clone()]);
    let page = invites.invites(Some(second.invite.id), 2).await;
    assert_eq!(page.expect("the store works"), [first.invite]);
}

/// The audit log can name an invite by its address and a run by its agent. Deleting the user that
/// came of an invite removes both names.
pub async fn have_their_address_as_the_name_until_their_user_is_deleted(
    harness: &dyn AccountHarness,
) {
    seed(harness).await;
    let first = first_admin(1).invite.id;
    let open = create(harness, creation(3)).await;
    assert_eq!(open, CreateInviteOutcome::Created);
    let claimed = create(harness, creation(4)).await;
    assert_eq!(claimed, CreateInviteOutcome::Created);
    let mut claim = claim(4, 2);
    claim.account.user.email = Email::parse("invited4@example.com").expect("an address");
    let user = claim.account.user.clone();
    assert_eq!(apply(harness, claim).await, ClaimInviteOutcome::Claimed);
    let run = fixtures::run(77, super::acting().id);
    harness.put_token(&run, &fixtures::digest(77)).await;
    let [open, claimed] = [3, 4].map(|number| Subject::Invite(fixtures::invite(number).id));
    let subjects = [
        Subject::Invite(first),
        open,
        claimed,
        Subject::User(user.id),
        Subject::Token(run.id),
    ];
    let names = async || {
        let found = harness.audit().names(&subjects).await;
        let found = found.expect("the store works").into_iter();
        let mut found: Vec<_> = found.map(|it| (it.subject, it.name, it.owner)).collect();
        found.sort_by_key(|(subject, ..)| subjects.iter().position(|it| it == subject));
        found
    };
    let open = (open, "invited3@example.com".to_owned(), None);
    let run = (
        Subject::Token(run.id),
        "agent-77".to_owned(),
        Some(run.owner),
    );
    let expected = [
        open.clone(),
        (claimed, "invited4@example.com".to_owned(), Some(user.id)),
        (
            Subject::User(user.id),
            user.name.as_str().to_owned(),
            Some(user.id),
        ),
        run.clone(),
    ];
    assert_eq!(names().await, expected);
    let deleted = delete(harness, deletion(user.id, 9_000)).await;
    assert_eq!(deleted, DeleteUserOutcome::Deleted);
    assert_eq!(names().await, [open, run]);
}

/// Inviting an address again leaves one valid link, the later one; the same is true for the first
/// administrator.
pub async fn replace_earlier_ones_for_the_same_address(harness: &dyn AccountHarness) {
    let _ = create(harness, first_admin(1)).await;
    let _ = create(harness, first_admin(2)).await;
    let status = |invite: Option<Invite>| invite.map(|invite| invite.status(NOW));
    let replaced = Some(InviteStatus::Replaced);
    let open = Some(InviteStatus::Open);
    assert_eq!(status(look(harness, 1).await), replaced);
    assert_eq!(status(look(harness, 2).await), open);
    seed(harness).await;
    let _ = create(harness, creation(3)).await;
    let _ = create(harness, creation(4)).await;
    let mut again = creation(5);
    again.invite.kind = InviteKind::Person {
        email: Email::parse("INVITED3@example.com").expect("an address"),
        role: Role::Member,
    };
    let _ = create(harness, again).await;
    assert_eq!(status(look(harness, 3).await), replaced);
    let by = look(harness, 3).await.and_then(|invite| invite.replaced_by);
    assert_eq!(by, Some(fixtures::invite(5).id));
    assert_eq!(
        apply(harness, claim(3, 9)).await,
        ClaimInviteOutcome::NotClaimable(NotClaimable::Replaced)
    );
    let _ = withdraw(harness, withdrawal(3, 6)).await;
    assert_eq!(
        status(look(harness, 3).await),
        replaced,
        "withdrawn no more"
    );
    assert_eq!(status(look(harness, 4).await), open, "of another address");
    assert_eq!(status(look(harness, 5).await), open);
    assert_eq!(status(look(harness, 2).await), open, "of another kind");
    let replaced = |number| Some(Subject::Invite(fixtures::invite(number).id));
    let related: Vec<_> = audit_log(harness)
        .await
        .iter()
        .map(|event| event.related)
        .collect();
    assert_eq!(related, [replaced(3), None, None, replaced(1), None]);
}

/// A user with an account cannot be invited.
pub async fn are_rejected_for_an_address_with_an_account(harness: &dyn AccountHarness) {
    seed(harness).await;
    let mut taken = creation(1);
    taken.invite.kind = InviteKind::Person {
        email: Email::parse("USER1@example.com").expect("an address"),
        role: Role::Member,
    };
    assert_eq!(create(harness, taken).await, CreateInviteOutcome::Taken);
    let first = create(harness, first_admin(2)).await;
    assert_eq!(first, CreateInviteOutcome::Taken, "there is a user");
    assert_eq!(look(harness, 1).await, None);
    assert_eq!(audit_log(harness).await, vec![]);
}

/// A withdrawn invite cannot be claimed, nor withdrawn again.
pub async fn are_withdrawn_once(harness: &dyn AccountHarness) {
    seed(harness).await;
    let _ = create(harness, creation(1)).await;
    let outcome = withdraw(harness, withdrawal(1, 1)).await;
    assert_eq!(outcome, WithdrawInviteOutcome::Withdrawn);
    let outcome = withdraw(harness, withdrawal(1, 2)).await;
    assert_eq!(outcome, WithdrawInviteOutcome::NotFound);
    let outcome = withdraw(harness, withdrawal(9, 3)).await;
    assert_eq!(outcome, WithdrawInviteOutcome::NotFound);
    let outcome = apply(harness, claim(1, 10)).await;
    let rejected = ClaimInviteOutcome::NotClaimable(NotClaimable::Withdrawn);
    assert_eq!(outcome, rejected);
    assert_eq!(users(harness).await, 1);
    assert_eq!(audit_log(harness).await.len(), 2);
}

/// User, password, token, session and event are created in one step; an address can be used once,
/// and an expired invite cannot be claimed.
pub async fn create_a_user_with_password_session_and_token(harness: &dyn AccountHarness) {
    seed(harness).await;
    for number in 1..=3 {
        let _ = create(harness, creation(number)).await;
    }
    let change = claim(1, 10);
    let account = change.account.clone();
    assert_eq!(
        apply(harness, change.clone()).await,
        ClaimInviteOutcome::Claimed
    );
    let found = harness.users().account(&account.user.email.key()).await;
    assert_eq!(found.expect("the store works"), Some(account.clone()));
    let record = find(harness, 10).await.expect("the token is there");
    assert_eq!(record.owner, account.user.as_owner());
    let digest = fixtures::digest(1_010);
    let session = harness.sessions().find_session(&digest).await;
    assert!(session.expect("the store works").is_some());
    let claimed = look(harness, 1).await.expect("it is there");
    assert_eq!(claimed.claimed, Some((NOW, account.user.id)));
    assert_eq!(audit_log(harness).await[0], change.audit);

    let again = apply(harness, claim(1, 11)).await;
    let rejected = ClaimInviteOutcome::NotClaimable(NotClaimable::Claimed);
    assert_eq!(again, rejected);
    let mut same_address = claim(2, 12);
    same_address.account.user.email = account.user.email;
    let taken = apply(harness, same_address).await;
    assert_eq!(taken, ClaimInviteOutcome::EmailTaken);
    let mut late = claim(3, 13);
    late.now = fixtures::invite(3).expires_at;
    let rejected = ClaimInviteOutcome::NotClaimable(NotClaimable::Expired);
    assert_eq!(apply(harness, late).await, rejected);
    let unknown = ClaimInviteOutcome::NotClaimable(NotClaimable::Unknown);
    assert_eq!(apply(harness, claim(9, 14)).await, unknown);
    let mut plain = claim(3, 15);
    (plain.token, plain.session, plain.account.password) = (None, None, None);
    assert_eq!(apply(harness, plain).await, ClaimInviteOutcome::Claimed);
    assert_eq!(users(harness).await, 3);
}

/// Of concurrent claims of one invite, exactly one creates a user.
pub async fn create_one_user_of_64_concurrent_claims(harness: &dyn AccountHarness) {
    seed(harness).await;
    let _ = create(harness, creation(1)).await;
    let outcomes = join_all((10..74).map(|user| apply(harness, claim(1, user)))).await;
    let claimed = outcomes
        .iter()
        .filter(|outcome| **outcome == ClaimInviteOutcome::Claimed)
        .count();
    assert_eq!(claimed, 1, "{outcomes:?}");
    assert_eq!(users(harness).await, 2);
    assert_eq!(audit_log(harness).await.len(), 2);
}

/// The invite for the first administrator is invalid as soon as there is a user.
pub async fn create_the_first_admin_only_while_there_is_no_user(harness: &dyn AccountHarness) {
    let _ = create(harness, first_admin(1)).await;
    let mut member = fixtures::user(1);
    member.role = Role::Member;
    harness.put_user(&member).await;
    let rejected = ClaimInviteOutcome::NotClaimable(NotClaimable::InstanceHasUsers);
    assert_eq!(apply(harness, claim(1, 10)).await, rejected);
    assert_eq!(users(harness).await, 1);
}

/// Bootstrapping without the link withdraws the link, so that no invite stays open that can never
/// be claimed.
pub async fn for_the_first_admin_are_withdrawn_when_there_is_one(harness: &dyn AccountHarness) {
    let _ = create(harness, first_admin(1)).await;
    let user = fixtures::user(7);
    let mut token = fixtures::token(7, NOW);
    token.owner = user.id;
    let action = InstanceAction::BOOTSTRAPPED;
    let change = CreateFirstAdmin {
        audit: fixtures::audit(7, NOW, action, Subject::User(user.id)),
        digest: fixtures::digest(7),
        token,
        user,
    };
    let created = harness.users().create_first_admin(change).await;
    assert_eq!(
        created.expect("the store works"),
        CreateFirstAdminOutcome::Created
    );
    let invite = look(harness, 1).await.expect("it is there");
    assert_eq!(invite.status(NOW), InviteStatus::Withdrawn);
    let stats = harness.admin_tokens().stats(NOW).await;
    assert_eq!(stats.expect("the store works").invites_open, 0);
}

/// An administrator's invite is invalid while its creator is suspended or a member.
pub async fn cannot_be_claimed_when_their_creator_is_no_administrator(
    harness: &dyn AccountHarness,
) {
    seed(harness).await;
    let mut maker = fixtures::user(2);
    harness.put_user(&maker).await;
    let mut invite = creation(1);
    invite.invite.created_by = Some(maker.id);
    let _ = create(harness, invite).await;
    let rejected = ClaimInviteOutcome::NotClaimable(NotClaimable::InviterNotAdmin);
    for (role, suspended_at, outcome) in [
        (Role::Member, None, rejected),
        (Role::Admin, Some(NOW), rejected),
        (Role::Admin, None, ClaimInviteOutcome::Claimed),
    ] {
        maker.role = role;
        maker.suspended_at = suspended_at;
        harness.put_user(&maker).await;
        assert_eq!(apply(harness, claim(1, 10)).await, outcome);
    }
}

/// A credential that ended between verification and change creates no invite.
pub async fn reject_an_actor_that_is_no_longer_valid(harness: &dyn AccountHarness) {
    seed(harness).await;
    let _ = create(harness, creation(1)).await;
    for how in InvalidActor::ALL {
        seed(harness).await;
        let invalid = Actor {
            requirement: Requirement::HUMAN_ADMIN,
            ..invalidate_actor(harness, how).await
        };
        let mut invite = creation(2);
        invite.actor = Some(invalid.clone());
        assert_eq!(
            create(harness, invite).await,
            CreateInviteOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
        let mut withdrawn = withdrawal(1, 9);
        withdrawn.actor = invalid;
        assert_eq!(
            withdraw(harness, withdrawn).await,
            WithdrawInviteOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
    }
    assert_eq!(look(harness, 2).await, None);
    assert_eq!(audit_log(harness).await.len(), 1);
}
