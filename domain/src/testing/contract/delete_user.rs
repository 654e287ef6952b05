//! Deleting users, and changing their addresses.

use futures_util::future::{join, join_all};

use super::change_user::{apply, change, email, user};
use super::users::{delete, deletion};
use super::{
    AccountHarness, InvalidActor, NOW, WorkHarness, audit_log, find, insert, insertion,
    invalidate_actor, seed, session_actor, session_start, start_session,
};
use crate::access::{Actor, ActorError, CredentialId, Requirement};
use crate::agent_run::AgentRunAction;
use crate::audit::{AuditAction, AuditEvent, EmailChange, Subject};
use crate::invite::{
    ClaimInvite, ClaimInviteOutcome, CreateInvite, CreateInviteOutcome, InviteAction,
};
use crate::session::{
    CreateSignInLink, CreateSignInLinkOutcome, RedeemSignInLink, RedeemSignInLinkOutcome,
    SessionAction,
};
use crate::session::{EndSessions, SessionSelection, StartSessionOutcome};
use crate::testing::fixtures;
use crate::token::{CreateTokenOutcome, Rejection, Token, TokenAction, TokenRecord};
use crate::user::{
    Account, ChangeUserOutcome, DeleteUserOutcome, Notice, Owner, Role, User, UserAction,
    UserChange,
};
use crate::work_item::{Claim, Holder};

/// Inserts user 2, an administrator with token 20, in addition to user 1, who acts.
async fn seed_two(harness: &dyn AccountHarness) -> User {
    seed(harness).await;
    let grace = fixtures::user(2);
    harness.put_user(&grace).await;
    put_of(harness, &grace, fixtures::token(20, NOW), 20).await;
    grace
}

async fn put_of(harness: &dyn AccountHarness, owner: &User, mut token: Token, number: u64) {
    token.owner = owner.id;
    harness.put_token(&token, &fixtures::digest(number)).await;
}

fn acts_with(number: u64) -> Actor {
    Actor {
        credential: CredentialId::Token(fixtures::token(number, NOW).id),
        requirement: Requirement::HUMAN_ADMIN,
        now: NOW,
        form: None,
    }
}

fn invitation(number: u64, by: &User, event: u64) -> CreateInvite {
    let mut invite = fixtures::invite(number);
    invite.created_by = Some(by.id);
    CreateInvite {
        actor: None,
        digest: fixtures::digest(number + 5_000),
        audit: fixtures::audit(
            event,
            NOW,
            InviteAction::CREATED,
            Subject::Invite(invite.id),
        ),
        invite,
    }
}

async fn invite(harness: &dyn AccountHarness, invitation: CreateInvite) -> CreateInviteOutcome {
    let outcome = harness.invites().create_invite(invitation).await;
    outcome.expect("the store works")
}

fn claim_of(number: u64, joining: User, event: u64) -> ClaimInvite {
    let id = fixtures::invite(number).id;
    ClaimInvite {
        invite: id,
        account: Account {
            user: joining,
            password: None,
        },
        session: None,
        token: None,
        now: NOW,
        audit: fixtures::audit(event, NOW, InviteAction::CLAIMED, Subject::Invite(id)),
    }
}

async fn claim(harness: &dyn AccountHarness, claim: ClaimInvite) -> ClaimInviteOutcome {
    let outcome = harness.invites().claim_invite(claim).await;
    outcome.expect("the store works")
}

fn link_for(number: u64, user: &User, by: Option<&User>, event: u64) -> CreateSignInLink {
    let mut link = fixtures::link(number);
    link.user = user.id;
    link.created_by = by.map(|by| by.id);
    CreateSignInLink {
        actor: None,
        digest: fixtures::digest(number + 6_000),
        audit: fixtures::audit(
            event,
            NOW,
            SessionAction::SIGN_IN_LINK_CREATED,
            Subject::User(user.id),
        ),
        link,
    }
}

async fn create_sign_in_link(
    harness: &dyn AccountHarness,
    link: CreateSignInLink,
) -> CreateSignInLinkOutcome {
    let outcome = harness.sessions().create_sign_in_link(link).await;
    outcome.expect("the store works")
}

fn redemption(number: u64, user: &User, event: u64) -> RedeemSignInLink {
    let mut session = fixtures::session(number + 600);
    session.user = user.id;
    RedeemSignInLink {
        link: fixtures::link(number).id,
        digest: fixtures::digest(number + 7_000),
        hash: fixtures::password_hash(number),
        now: NOW,
        audit: fixtures::audit(
            event,
            NOW,
            SessionAction::SIGN_IN_LINK_USED,
            Subject::User(user.id),
        ),
        session,
    }
}

fn of_action(audit_log: &[AuditEvent], action: AuditAction) -> Vec<&AuditEvent> {
    audit_log
        .iter()
        .filter(|event| event.action == action)
        .collect()
}

async fn record(harness: &dyn AccountHarness, number: u64) -> TokenRecord {
    find(harness, number).await.expect("its tombstone is there")
}

/// The user's tokens, agent runs, sessions, sign-in links, notices and password end with them, as
/// do invites and links that they created for others. Other users keep theirs.
pub async fn ends_everything_of_the_user_in_one_step(harness: &dyn AccountHarness) {
    let grace = seed_two(harness).await;
    let issuer = fixtures::token(20, NOW).id;
    let mut expired = fixtures::token(21, NOW);
    expired.expires_at = Some(NOW.saturating_add_seconds(-7_200));
    put_of(harness, &grace, expired, 21).await;
    put_of(harness, &grace, fixtures::run(22, issuer), 22).await;
    let hash = fixtures::password_hash(2);
    harness.put_password(grace.id, &hash).await;
    let mut start = session_start(1, hash);
    start.session.user = grace.id;
    let started = harness.sessions().start_session(start).await;
    assert_eq!(
        started.expect("the store works"),
        StartSessionOutcome::Started
    );
    let mut linda = fixtures::user(3);
    linda.role = Role::Member;
    harness.put_user(&linda).await;
    let _ = create_sign_in_link(harness, link_for(1, &grace, None, 101)).await;
    let _ = create_sign_in_link(harness, link_for(2, &linda, Some(&grace), 102)).await;
    let _ = invite(harness, invitation(1, &grace, 103)).await;
    let _ = invite(harness, invitation(2, &fixtures::user(1), 104)).await;

    assert_eq!(
        delete(harness, deletion(grace.id, 1)).await,
        DeleteUserOutcome::Deleted
    );

    // Expired tokens stay expired.
    for (number, revoked_at) in [(20, Some(NOW)), (21, None), (22, Some(NOW))] {
        let record = record(harness, number).await;
        assert_eq!(record.token.revoked_at, revoked_at, "{number}");
        assert_eq!(record.owner, Owner::deleted(grace.id), "{number}");
    }
    assert_eq!(record(harness, 0).await.token.revoked_at, None);
    let users = harness.users();
    assert_eq!(users.find(grace.id).await.expect("the store works"), None);
    let by_address = users.account(&grace.email.key()).await;
    assert_eq!(by_address.expect("the store works"), None);
    let page = users.page(None, 10).await.expect("the store works");
    assert!(page.iter().all(|user| user.id != grace.id));
    let sessions = harness.sessions();
    assert_eq!(
        sessions.sessions(grace.id).await.expect("the store works"),
        []
    );
    let found = sessions.find_session(&fixtures::digest(1_001)).await;
    assert!(found.expect("the store works").is_none());
    let own = sessions.find_sign_in_link(&fixtures::digest(6_001)).await;
    assert_eq!(own.expect("the store works"), None);
    let made = sessions.find_sign_in_link(&fixtures::digest(6_002)).await;
    assert_eq!(made.expect("the store works"), None);
    let invites = harness
        .invites()
        .invites(None, 10)
        .await
        .expect("the store works");
    let withdrawn: Vec<_> = invites.iter().map(|invite| invite.withdrawn_at).collect();
    assert_eq!(withdrawn, [None, Some(NOW)], "only what they made");
    let stats = harness
        .admin_tokens()
        .stats(NOW)
        .await
        .expect("the store works");
    assert_eq!((stats.users_active, stats.users_suspended), (2, 0));

    let audit_log = audit_log(harness).await;
    let related = Some(Subject::User(grace.id));
    for (action, count) in [
        (TokenAction::REVOKED, 1),
        (AgentRunAction::ENDED, 1),
        (InviteAction::WITHDRAWN, 1),
    ] {
        let events = of_action(&audit_log, action);
        assert_eq!(events.len(), count, "{action:?}");
        assert!(events.iter().all(|event| event.related == related));
    }
    assert_eq!(of_action(&audit_log, UserAction::DELETED).len(), 1);
}

/// The address can be invited and used again, by a user with another id; the previous user's
/// notices and invites are deleted.
pub async fn frees_the_address_and_erases_personal_data(harness: &dyn AccountHarness) {
    seed(harness).await;
    let ada = fixtures::user(1);
    let _ = invite(harness, invitation(1, &ada, 101)).await;
    let address = fixtures::invite(1).email().expect("it has one").clone();
    let mut grace = fixtures::user(2);
    grace.email = address.clone();
    grace.role = Role::Member;
    let joined = claim(harness, claim_of(1, grace.clone(), 102)).await;
    assert_eq!(joined, ClaimInviteOutcome::Claimed);

    assert_eq!(
        delete(harness, deletion(grace.id, 1)).await,
        DeleteUserOutcome::Deleted
    );

    let invites = harness.invites().invites(None, 10).await;
    assert_eq!(
        invites.expect("the store works"),
        [],
        "its address is personal data"
    );
    let mut again = invitation(2, &ada, 103);
    again.invite.kind = fixtures::invite(1).kind;
    assert_eq!(invite(harness, again).await, CreateInviteOutcome::Created);
    let mut successor = fixtures::user(3);
    successor.email = address.clone();
    let joined = claim(harness, claim_of(2, successor.clone(), 104)).await;
    assert_eq!(joined, ClaimInviteOutcome::Claimed);
    let account = harness.users().account(&address.key()).await;
    let account = account.expect("the store works").expect("it is there");
    assert_eq!(account.user.id, successor.id);
    let notices: Vec<Notice> = harness
        .users()
        .notices(grace.id)
        .await
        .expect("the store works");
    assert_eq!(notices, []);
}

/// Users cannot delete themselves, the last active administrator cannot be deleted, and a deleted
/// user can be neither deleted nor changed.
pub async fn rejects_the_caller_the_last_admin_and_deleted_users(harness: &dyn AccountHarness) {
    let grace = seed_two(harness).await;
    let ada = fixtures::user(1);
    let own = deletion(ada.id, 1);
    assert_eq!(delete(harness, own).await, DeleteUserOutcome::OwnAccount);
    assert_eq!(
        delete(harness, deletion(grace.id, 2)).await,
        DeleteUserOutcome::Deleted
    );
    let last = deletion(ada.id, 3);
    assert_eq!(delete(harness, last).await, DeleteUserOutcome::LastAdmin);
    assert_eq!(
        delete(harness, deletion(grace.id, 4)).await,
        DeleteUserOutcome::NotFound
    );
    let unknown = deletion(fixtures::user(9).id, 5);
    assert_eq!(delete(harness, unknown).await, DeleteUserOutcome::NotFound);
    for step in [
        UserChange::Unsuspend,
        UserChange::SetRole(Role::Admin),
        UserChange::SetEmail(email("back@example.com")),
    ] {
        let outcome = apply(harness, change(grace.id, step, 6)).await;
        assert_eq!(outcome, ChangeUserOutcome::NotFound);
    }
    let outcome = create_sign_in_link(harness, link_for(1, &grace, None, 7)).await;
    assert_eq!(outcome, CreateSignInLinkOutcome::NotFound);
    let deleted = of_action(&audit_log(harness).await, UserAction::DELETED).len();
    assert_eq!(deleted, 1);
}

/// Credentials that were verified before the deletion cannot write after it, neither tokens nor
/// sessions.
pub async fn rejects_the_users_credentials_afterwards(harness: &dyn AccountHarness) {
    let grace = seed_two(harness).await;
    start_session(harness, 1).await;
    let mut of_ada = deletion(fixtures::user(1).id, 1);
    of_ada.actor = acts_with(20);
    assert_eq!(delete(harness, of_ada).await, DeleteUserOutcome::Deleted);
    let before = audit_log(harness).await;
    let error = ActorError::Rejected(Rejection::Revoked { at: NOW });
    let inserted = insert(harness, insertion(50, 100)).await;
    assert_eq!(inserted, CreateTokenOutcome::NotAuthorized(error));
    let outcome = apply(harness, change(grace.id, UserChange::Suspend, 2)).await;
    assert_eq!(outcome, ChangeUserOutcome::NotAuthorized(error));
    let back = deletion(grace.id, 3);
    assert_eq!(
        delete(harness, back).await,
        DeleteUserOutcome::NotAuthorized(error)
    );
    let end = EndSessions {
        actor: session_actor(1),
        user: fixtures::user(1).id,
        selection: SessionSelection::All,
        audit: fixtures::audit(
            4,
            NOW,
            SessionAction::SIGNED_OUT,
            Subject::User(fixtures::user(1).id),
        ),
    };
    let ended = harness
        .sessions()
        .end_sessions(end)
        .await
        .expect("the store works");
    assert_eq!(
        ended,
        crate::session::EndSessionsOutcome::NotAuthorized(ActorError::SessionEnded)
    );
    let start = session_start(2, fixtures::password_hash(1));
    let started = harness.sessions().start_session(start).await;
    assert_ne!(
        started.expect("the store works"),
        StartSessionOutcome::Started
    );
    assert_eq!(audit_log(harness).await, before);
}

/// A credential that ended between verification and deletion deletes no user.
pub async fn rejects_an_actor_that_is_no_longer_valid(harness: &dyn AccountHarness) {
    let grace = fixtures::user(2);
    harness.put_user(&grace).await;
    for how in InvalidActor::ALL {
        seed(harness).await;
        let mut deletion = deletion(grace.id, 1);
        deletion.actor = Actor {
            requirement: Requirement::HUMAN_ADMIN,
            ..invalidate_actor(harness, how).await
        };
        let outcome = delete(harness, deletion).await;
        assert_eq!(
            outcome,
            DeleteUserOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
        assert_eq!(user(harness, 2).await, grace);
        assert_eq!(audit_log(harness).await, vec![]);
    }
}

/// An event that cannot be written prevents the deletion.
pub async fn is_written_with_its_events_or_not_at_all(harness: &dyn AccountHarness) {
    let grace = seed_two(harness).await;
    let first = change(grace.id, UserChange::SetRole(Role::Member), 1);
    let _ = apply(harness, first).await;
    let grace = user(harness, 2).await;
    let outcome = harness.users().delete_user(deletion(grace.id, 1)).await;
    assert!(outcome.is_err(), "the id of the event is taken");
    assert_eq!(user(harness, 2).await, grace);
    assert_eq!(record(harness, 20).await.token.revoked_at, None);
}

/// Two administrators concurrently delete, demote and suspend one another: one remains.
pub async fn keeps_one_admin_of_two_that_delete_each_other(harness: &dyn AccountHarness) {
    for round in 0..12 {
        let numbers = [100 + 2 * round, 101 + 2 * round];
        // Demotes the administrator who remained from the previous round.
        for user in harness
            .users()
            .page(None, 100)
            .await
            .expect("the store works")
        {
            let role = Role::Member;
            harness.put_user(&User { role, ..user }).await;
        }
        for number in numbers {
            let owner = fixtures::user(number);
            harness.put_user(&owner).await;
            put_of(harness, &owner, fixtures::token(number, NOW), number).await;
        }
        let [first, second] = numbers.map(|number| fixtures::user(number).id);
        let kind = match round % 3 {
            0 => None,
            1 => Some(UserChange::SetRole(Role::Member)),
            _ => Some(UserChange::Suspend),
        };
        let mut one = deletion(second, 10 * round + 1);
        one.actor = acts_with(numbers[0]);
        let other = async {
            match kind {
                None => {
                    let mut two = deletion(first, 10 * round + 2);
                    two.actor = acts_with(numbers[1]);
                    delete(harness, two).await == DeleteUserOutcome::Deleted
                }
                Some(kind) => {
                    let mut two = change(first, kind, 10 * round + 2);
                    two.actor = acts_with(numbers[1]);
                    matches!(apply(harness, two).await, ChangeUserOutcome::Changed(_))
                }
            }
        };
        let (one, other) = join(delete(harness, one), other).await;
        assert_ne!(one == DeleteUserOutcome::Deleted, other, "round {round}");
        let left = harness
            .users()
            .page(None, 100)
            .await
            .expect("the store works");
        assert_eq!(left.iter().filter(|user| user.is_active_admin()).count(), 1);
    }
}

/// Concurrent sign-ins, token creations, claims of the user's invites and uses of their links leave
/// nothing usable behind.
pub async fn leaves_nothing_that_raced_it(harness: &dyn AccountHarness) {
    seed(harness).await;
    for round in 0..8_u64 {
        let n = 100 * (round + 1);
        let grace = fixtures::user(n);
        harness.put_user(&grace).await;
        put_of(harness, &grace, fixtures::token(n, NOW), n).await;
        let hash = fixtures::password_hash(n);
        harness.put_password(grace.id, &hash).await;
        let _ = create_sign_in_link(harness, link_for(n, &grace, None, n)).await;
        let _ = invite(harness, invitation(n, &grace, n + 1)).await;
        let mut start = session_start(n, hash);
        start.session.user = grace.id;
        start.audit = fixtures::audit(
            n + 2,
            NOW,
            SessionAction::SIGNED_IN,
            Subject::User(grace.id),
        );
        let inserts = (1..=4).map(|i| {
            let mut change = insertion(n + i, 100);
            change.actor = acts_with(n);
            change.token.owner = grace.id;
            change.audit = fixtures::audit(
                n + 10 + i,
                NOW,
                TokenAction::CREATED,
                Subject::Token(change.token.id),
            );
            insert(harness, change)
        });
        let joining = User {
            email: fixtures::invite(n).email().expect("it has one").clone(),
            ..fixtures::user(n + 1)
        };
        let sessions = harness.sessions();
        let (deleted, _) = join(
            delete(harness, deletion(grace.id, n + 3)),
            join(
                join(join_all(inserts), sessions.start_session(start)),
                join(
                    claim(harness, claim_of(n, joining, n + 4)),
                    sessions.redeem_sign_in_link(redemption(n, &grace, n + 5)),
                ),
            ),
        )
        .await;
        assert_eq!(deleted, DeleteUserOutcome::Deleted, "round {round}");
        for i in 0..=4 {
            if let Some(record) = find(harness, n + i).await {
                assert!(!record.owner.active);
                assert!(record.token.revoked_at.is_some(), "round {round}");
            }
        }
        let left = sessions.sessions(grace.id).await;
        assert_eq!(left.expect("the store works"), [], "round {round}");
        let late = sessions
            .redeem_sign_in_link(redemption(n, &grace, n + 6))
            .await;
        assert_ne!(
            late.expect("the store works"),
            RedeemSignInLinkOutcome::Redeemed
        );
        let late = claim(harness, claim_of(n, fixtures::user(n + 2), n + 7)).await;
        assert_ne!(late, ClaimInviteOutcome::Claimed);
    }
}

/// A new address keeps id, tokens and sessions; the old one becomes available and cannot sign in,
/// and unused sign-in links no longer work.
pub async fn changes_an_address_and_records_both(harness: &dyn AccountHarness) {
    seed(harness).await;
    start_session(harness, 1).await;
    let ada = fixtures::user(1);
    let _ = create_sign_in_link(harness, link_for(1, &ada, None, 101)).await;
    let to = email("Ada.Lovelace@Example.org");
    let step = UserChange::SetEmail(to.clone());
    let expected = User {
        email: to.clone(),
        ..ada.clone()
    };
    let outcome = apply(harness, change(ada.id, step.clone(), 1)).await;
    assert_eq!(outcome, ChangeUserOutcome::Changed(expected.clone()));
    assert_eq!(user(harness, 1).await, expected);
    let users = harness.users();
    assert_eq!(
        users
            .account(&ada.email.key())
            .await
            .expect("the store works"),
        None
    );
    let account = users.account(&to.key()).await.expect("the store works");
    assert!(account.is_some_and(|account| account.password.is_some()));
    assert_eq!(record(harness, 0).await.token.revoked_at, None);
    let sessions = harness.sessions();
    assert_eq!(
        sessions
            .sessions(ada.id)
            .await
            .expect("the store works")
            .len(),
        1
    );
    let link = sessions.find_sign_in_link(&fixtures::digest(6_001)).await;
    assert_eq!(link.expect("the store works"), None);
    let audit_log = audit_log(harness).await;
    let [event] = of_action(&audit_log, UserAction::SUSPENDED)[..] else {
        panic!("the event as it was given: {audit_log:?}");
    };
    let from = ada.email.clone();
    assert_eq!(event.email_change, Some(EmailChange { from, to }));
    let again = apply(harness, change(ada.id, step, 2)).await;
    assert_eq!(again, ChangeUserOutcome::Unchanged(expected));
}

/// An address of another user is rejected in every spelling; another spelling of the user's own
/// address is not.
pub async fn rejects_an_address_that_is_taken(harness: &dyn AccountHarness) {
    let grace = seed_two(harness).await;
    let taken = email(&grace.email.as_str().to_uppercase());
    let step = UserChange::SetEmail(taken.clone());
    let outcome = apply(harness, change(fixtures::user(1).id, step.clone(), 1)).await;
    assert_eq!(outcome, ChangeUserOutcome::EmailTaken);
    assert_eq!(user(harness, 1).await, fixtures::user(1));
    let outcome = apply(harness, change(grace.id, step, 2)).await;
    assert!(matches!(outcome, ChangeUserOutcome::Changed(user) if user.email == taken));
    // A deleted user has no address.
    assert_eq!(
        delete(harness, deletion(grace.id, 3)).await,
        DeleteUserOutcome::Deleted
    );
    let step = UserChange::SetEmail(grace.email);
    let outcome = apply(harness, change(fixtures::user(1).id, step, 4)).await;
    assert!(
        matches!(outcome, ChangeUserOutcome::Changed(_)),
        "{outcome:?}"
    );
}

/// Of users who concurrently get the same address, and a user who joins with it, exactly one gets
/// it.
pub async fn gives_one_address_to_one_user(harness: &dyn AccountHarness) {
    seed(harness).await;
    let ada = fixtures::user(1);
    for round in 0..6_u64 {
        let n = 100 * (round + 1);
        let address = fixtures::invite(n).email().expect("it has one").clone();
        let _ = invite(harness, invitation(n, &ada, n)).await;
        for i in 1..=4 {
            harness.put_user(&fixtures::user(n + i)).await;
        }
        let changes = (1..=4).map(|i| {
            let step = UserChange::SetEmail(address.clone());
            apply(harness, change(fixtures::user(n + i).id, step, n + i))
        });
        let joining = User {
            email: address.clone(),
            ..fixtures::user(n + 5)
        };
        let joins = claim(harness, claim_of(n, joining, n + 5));
        let (outcomes, joined) = join(join_all(changes), joins).await;
        let renamed = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, ChangeUserOutcome::Changed(_)))
            .count();
        let joined = usize::from(joined == ClaimInviteOutcome::Claimed);
        assert_eq!(renamed + joined, 1, "round {round}");
    }
}

/// A claim of a work item ends with the user who made it, for themselves or for an agent; the
/// claims of others do not.
pub async fn puts_what_they_claimed_back_into_the_queue<H: AccountHarness + WorkHarness>(
    harness: &H,
) {
    let grace = seed_two(harness).await;
    let agent = fixtures::run(7, fixtures::token(20, NOW).id)
        .run
        .expect("it is one")
        .agent;
    let ada = fixtures::user(1);
    let claims = [
        (Holder::Person(grace.id), None),
        (Holder::Agent(agent.clone()), Some(grace.id)),
        (Holder::Person(ada.id), None),
        (Holder::Agent(agent), Some(ada.id)),
    ];
    for (number, (holder, on_behalf)) in (1..).zip(claims) {
        let mut item = fixtures::work_item(number);
        item.status = crate::work_item::ItemStatus::InProgress;
        item.assignee = Some(grace.id);
        item.created_by = grace.id;
        item.claim = Some(Claim {
            holder,
            run: None,
            on_behalf,
            at: NOW,
        });
        harness.put_work_item(&item).await;
    }
    assert_eq!(
        delete(harness, deletion(grace.id, 1)).await,
        DeleteUserOutcome::Deleted
    );
    for (number, claimed) in [(1, false), (2, false), (3, true), (4, true)] {
        let key = fixtures::work_item(number).key;
        let item = harness
            .work_items()
            .item(key, NOW)
            .await
            .expect("the store works");
        let item = item.expect("it is there");
        assert_eq!(item.claim.is_some(), claimed, "{number}");
        assert_eq!((item.assignee, item.created_by), (Some(grace.id), grace.id));
    }
    let available = &crate::work_item::QueueSection::Available;
    let queue = harness.work_items().queue(available, NOW, 10).await;
    let queue: Vec<_> = queue
        .expect("the store works")
        .iter()
        .map(|item| item.key)
        .collect();
    assert_eq!(queue, [1, 2].map(|number| fixtures::work_item(number).key));
}
