//! Races between different kinds of changes, or between different ways to make one. The contract
//! suite races each kind with itself.

mod support;

use std::sync::Arc;

use openindex_adapters_postgres::{PoolOptions, PostgresStore};
use openindex_domain::StoreError;
use openindex_domain::access::{Actor, CredentialId, Requirement};
use openindex_domain::admin_tokens::{
    AdminTokenStore, ReportLeakedTokens, Review, RevokeMatching, RevokeMatchingOutcome, TokenFilter,
};
use openindex_domain::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use openindex_domain::invite::{
    ClaimInvite, ClaimInviteOutcome, CreateInvite, InviteAction, InviteKind, InviteStatus,
    InviteStore,
};
use openindex_domain::session::{
    CreateSignInLink, EndSessions, RedeemSignInLink, SessionAction, SessionSelection, SessionStore,
    StartSession,
};
use openindex_domain::testing::{AccountHarness, Harness, fixtures};
use openindex_domain::token::{Scope, TokenAction, TokenStore};
use openindex_domain::user::{
    Account, ChangeUser, CreateFirstAdmin, CreateFirstAdminOutcome, Email, InstanceAction, Role,
    User, UserAction, UserChange, UserStore,
};
use support::{Postgres, a_session_waits_for_a_lock, creation, put_token, put_user, seeded};
use tokio::task::JoinSet;

const NOW: openindex_domain::clock::Timestamp = fixtures::NOW;

fn event(number: u64, action: AuditAction) -> AuditEvent {
    fixtures::audit(number, NOW, action, Subject::User(fixtures::user(1).id))
}

/// An administrator with token `number`, which belongs to the user of that number; token 0 belongs
/// to user 1.
fn admin(number: u64) -> Actor {
    Actor {
        credential: CredentialId::Token(fixtures::token(number, NOW).id),
        requirement: Requirement::HUMAN_ADMIN,
        now: NOW,
        form: None,
    }
}

fn invitation(number: u64, actor: Option<Actor>, kind: InviteKind) -> CreateInvite {
    let mut invite = fixtures::invite(number);
    invite.kind = kind;
    invite.created_by = None;
    CreateInvite {
        actor,
        invite,
        digest: fixtures::digest(number + 4_000),
        audit: event(number + 4_000, InviteAction::CREATED),
    }
}

fn person(email: &str) -> InviteKind {
    InviteKind::Person {
        email: Email::parse(email).expect("an address"),
        role: Role::Member,
    }
}

fn claim(invite: u64, user: u64, email: Option<&str>) -> ClaimInvite {
    let mut account = Account {
        user: fixtures::user(user),
        password: Some(fixtures::password_hash(user)),
    };
    if let Some(email) = email {
        account.user.email = Email::parse(email).expect("an address");
    }
    ClaimInvite {
        invite: fixtures::invite(invite).id,
        now: NOW,
        account,
        token: None,
        session: None,
        audit: event(user + 5_000, InviteAction::CLAIMED),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_invites_claimed_for_one_address_create_one_user() {
    let postgres = seeded().await;
    // The store accepts the claimed address as given, whichever address the invite was for.
    for number in 1..=2 {
        let email = format!("grace{number}@example.com");
        let invited = invitation(number, Some(admin(0)), person(&email));
        let _ = postgres.store.create_invite(invited).await.expect("made");
    }
    let mut claims = JoinSet::new();
    for user in 10..26 {
        let store = postgres.store.clone();
        let change = claim(1 + user % 2, user, Some("Grace@example.com"));
        claims.spawn(async move { store.claim_invite(change).await.expect("the store works") });
    }
    let outcomes = claims.join_all().await;
    let claimed = outcomes
        .iter()
        .filter(|outcome| **outcome == ClaimInviteOutcome::Claimed)
        .count();
    assert_eq!(claimed, 1, "{outcomes:?}");
    assert!(outcomes.contains(&ClaimInviteOutcome::EmailTaken));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_the_ways_creates_the_first_admin() {
    let postgres = Postgres::start().await;
    let invited = invitation(1, None, InviteKind::FirstAdmin);
    let _ = postgres.store.create_invite(invited).await.expect("made");
    let mut beginnings = JoinSet::new();
    for number in 10..26 {
        let store = postgres.store.clone();
        beginnings.spawn(async move {
            if number % 2 == 0 {
                let outcome = store.claim_invite(claim(1, number, None)).await;
                outcome.expect("the store works") == ClaimInviteOutcome::Claimed
            } else {
                let mut token = fixtures::token(number, NOW);
                token.owner = fixtures::user(number).id;
                let change = CreateFirstAdmin {
                    user: fixtures::user(number),
                    token,
                    digest: fixtures::digest(number),
                    audit: event(number, InstanceAction::BOOTSTRAPPED),
                };
                let outcome = store.create_first_admin(change).await;
                outcome.expect("the store works") == CreateFirstAdminOutcome::Created
            }
        });
    }
    let begun = beginnings.join_all().await;
    assert_eq!(begun.iter().filter(|begun| **begun).count(), 1);
    let users = postgres
        .store
        .page(None, 50)
        .await
        .expect("the store works");
    assert_eq!(users.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_invited_twice_at_once_has_one_open_invite() {
    let postgres = Postgres::start().await;
    for number in 1..=2 {
        let user = fixtures::user(number);
        put_user(&postgres.owner, &user).await;
        let mut token = fixtures::token(number, NOW);
        token.owner = user.id;
        put_token(&postgres.owner, &token, &fixtures::digest(number)).await;
    }
    let mut invitations = JoinSet::new();
    for number in 10..26 {
        let store = postgres.store.clone();
        let kind = person("grace@example.com");
        let change = invitation(number, Some(admin(1 + number % 2)), kind);
        invitations
            .spawn(async move { store.create_invite(change).await.expect("the store works") });
    }
    invitations.join_all().await;
    let invites = postgres
        .store
        .invites(None, 50)
        .await
        .expect("the store works");
    assert_eq!(invites.len(), 16);
    let open = invites
        .iter()
        .filter(|invite| invite.status(NOW) == InviteStatus::Open);
    assert_eq!(open.count(), 1);
}

/// Creates a sign-in link for user `to` as user `by`, and redeems it.
async fn open_by_link(
    store: &PostgresStore<true, true>,
    number: u64,
    by: u64,
    to: u64,
) -> Result<(), StoreError> {
    let user = fixtures::user(to).id;
    let mut link = fixtures::link(number);
    link.user = user;
    link.created_by = Some(fixtures::user(by).id);
    let change = CreateSignInLink {
        actor: Some(admin(by)),
        digest: fixtures::digest(number + 30_000),
        audit: event(number + 30_000, SessionAction::SIGN_IN_LINK_CREATED),
        link,
    };
    let _ = store.create_sign_in_link(change).await?;
    let mut session = fixtures::session(number + 30_000);
    session.user = user;
    let change = RedeemSignInLink {
        link: fixtures::link(number).id,
        now: NOW,
        hash: fixtures::password_hash(1),
        digest: fixtures::digest(number + 40_000),
        audit: event(number + 40_000, SessionAction::SIGN_IN_LINK_USED),
        session,
    };
    store.redeem_sign_in_link(change).await.map(|_| ())
}

/// Makes one change of some kind, as and of some of the users 1 to 4. Any outcome is fine, but it
/// must not fail.
async fn change_something(store: &PostgresStore<true, true>, number: u64) {
    let (by, to) = (1 + number % 4, 1 + number / 4 % 4);
    let user = fixtures::user(to).id;
    let tokens = || (100..140).map(|number| fixtures::token(number, NOW).id);
    let done = match number % 11 {
        0 => {
            let kind = person(&format!("guest{to}@example.com"));
            let mut change = invitation(number, Some(admin(by)), kind);
            change.invite.created_by = Some(fixtures::user(by).id);
            store.create_invite(change).await.map(|_| ())
        }
        1 => {
            let email = format!("guest{to}@example.com");
            let change = claim(number - 1, number + 1_000, Some(&email));
            store.claim_invite(change).await.map(|_| ())
        }
        2 | 3 => {
            let change = ChangeUser {
                actor: admin(by),
                user,
                change: [UserChange::Suspend, UserChange::Unsuspend][usize::from(number % 11 == 3)]
                    .clone(),
                audit: event(number, UserAction::SUSPENDED),
            };
            store.change_user(change).await.map(|_| ())
        }
        4 => {
            let change = RevokeMatching {
                actor: admin(by),
                filter: TokenFilter {
                    scope: Some(Scope::ReadWrite),
                    ..TokenFilter::default()
                },
                kept: None,
                expected: None,
                audit: event(number, TokenAction::REVOKED),
            };
            store.revoke_matching(change).await.map(|_| ())
        }
        5 => {
            let change = ReportLeakedTokens {
                reported: (100..140)
                    .rev()
                    .map(|token| {
                        (
                            fixtures::digest(token),
                            event(number * 1_000 + token, TokenAction::REPORTED_LEAKED).id,
                        )
                    })
                    .collect(),
                now: NOW,
                context: RequestContext::default(),
            };
            store.report_leaked_tokens(change).await.map(|_| ())
        }
        6 => {
            let later = NOW.saturating_add_millis(i64::try_from(number).expect("small"));
            let noted: Vec<_> = tokens().map(|id| fixtures::token_use(id, later)).collect();
            store.record_last_used(&noted).await
        }
        7 => {
            let mut session = fixtures::session(number);
            session.user = user;
            let change = StartSession {
                session,
                digest: fixtures::digest(number + 10_000),
                verified: fixtures::password_hash(1),
                audit: event(number, SessionAction::SIGNED_IN),
            };
            store.start_session(change).await.map(|_| ())
        }
        8 => {
            let mut change = creation(number + 20_000);
            change.actor.credential = admin(by).credential;
            change.token.owner = user;
            change.token.scope = Scope::ReadWrite;
            store.create_token(change).await.map(|_| ())
        }
        9 => open_by_link(store, number, by, to).await,
        _ => {
            let change = EndSessions {
                actor: admin(by),
                user,
                selection: SessionSelection::All,
                audit: event(number, SessionAction::SESSIONS_ENDED),
            };
            let ended = store.end_sessions(change).await.map(|_| ());
            let later = NOW.saturating_add_millis(1);
            ended.and(store.purge_sessions(later, NOW, NOW).await.map(|_| ()))
        }
    };
    done.unwrap_or_else(|error| panic!("change {number}: {error:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_of_all_kinds_never_deadlock() {
    let postgres = Postgres::start().await;
    for number in 1..=4 {
        let user = fixtures::user(number);
        put_user(&postgres.owner, &user).await;
        let harness: &dyn AccountHarness = &postgres;
        harness
            .put_password(user.id, &fixtures::password_hash(1))
            .await;
        let mut token = fixtures::token(number, NOW);
        token.owner = user.id;
        harness.put_token(&token, &fixtures::digest(number)).await;
    }
    for number in 100..140 {
        let mut token = fixtures::token(number, NOW);
        token.owner = fixtures::user(1 + number % 4).id;
        token.scope = Scope::ReadWrite;
        postgres.put_token(&token, &fixtures::digest(number)).await;
    }
    // Two stores, as of two replicas.
    let other = PostgresStore::connect_with(&postgres.url, PoolOptions::default())
        .await
        .expect("a store")
        .with_accounts()
        .with_work_items();
    let stores = Arc::new([postgres.store.clone(), other]);
    let mut workers = JoinSet::new();
    for worker in 0..8 {
        let stores = stores.clone();
        workers.spawn(async move {
            for round in 0..36 {
                let number = 1 + worker + 8 * round;
                change_something(&stores[usize::from(worker % 2 == 0)], number).await;
            }
        });
    }
    workers.join_all().await;
    let users = postgres
        .store
        .page(None, 200)
        .await
        .expect("the store works");
    assert!(users.iter().any(User::is_active_admin));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_created_meanwhile_does_not_escape_a_bulk_revocation() {
    let postgres = seeded().await;
    // The locks of a creation that has read its actor.
    let mut creating = postgres.raw.begin().await.expect("a transaction");
    sqlx::query("SELECT 1 FROM owners FOR NO KEY UPDATE")
        .execute(&mut *creating)
        .await
        .expect("locked");
    let store = postgres.store.clone();
    let change = RevokeMatching {
        actor: admin(0),
        filter: TokenFilter::default(),
        kept: None,
        expected: None,
        audit: event(1, TokenAction::REVOKED),
    };
    let waiting = tokio::spawn(async move { store.revoke_matching(change).await });
    while !a_session_waits_for_a_lock(&postgres.raw).await {
        assert!(!waiting.is_finished(), "it overtook the creation");
    }
    // Lookups do not wait for it.
    let found = postgres.store.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store works").is_some());
    sqlx::query(
        "INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at) \
         SELECT $1, 'personal', owner_id, name, scope, sha256(digest), created_at FROM tokens",
    )
    .bind(fixtures::token(1, NOW).id.uuid())
    .execute(&mut *creating)
    .await
    .expect("created");
    creating.commit().await.expect("committed");
    let outcome = waiting.await.expect("no panic").expect("the store works");
    let RevokeMatchingOutcome::Revoked(revoked) = outcome else {
        panic!("the actor is valid");
    };
    assert_eq!(revoked.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_revocation_changes_nothing_if_a_token_was_created_or_used_after_the_review() {
    let insert = "INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at) \
                  SELECT gen_random_uuid(), 'personal', owner_id, name, scope, sha256(digest), \
                         created_at FROM tokens LIMIT 1";
    let use_one = "UPDATE tokens SET last_used_at = created_at + interval '1 day' \
                   WHERE name = 'token 1'";
    for meanwhile in [insert, use_one] {
        let postgres = seeded().await;
        postgres
            .put_token(&fixtures::token(1, NOW), &fixtures::digest(1))
            .await;
        let filter = TokenFilter {
            unused_since: Some(NOW.saturating_add_seconds(60)),
            ..TokenFilter::default()
        };
        let reviewed = postgres.store.matching_ids(&filter, NOW).await;
        let reviewed = Review::of(reviewed.expect("the store works"));
        assert_eq!(reviewed.count, 2);
        let mut other = postgres.raw.begin().await.expect("a transaction");
        sqlx::query("SELECT 1 FROM owners FOR NO KEY UPDATE")
            .execute(&mut *other)
            .await
            .expect("locked");
        let done = sqlx::query(meanwhile).execute(&mut *other).await;
        assert_eq!(done.expect("done").rows_affected(), 1);
        let store = postgres.store.clone();
        let change = RevokeMatching {
            actor: admin(0),
            filter: filter.clone(),
            kept: None,
            expected: Some(reviewed.digest),
            audit: event(1, TokenAction::REVOKED),
        };
        let waiting = tokio::spawn(async move { store.revoke_matching(change).await });
        while !a_session_waits_for_a_lock(&postgres.raw).await {
            assert!(!waiting.is_finished(), "it overtook {meanwhile}");
        }
        other.commit().await.expect("committed");
        let outcome = waiting.await.expect("no panic").expect("the store works");
        let now = postgres.store.matching_ids(&filter, NOW).await;
        let now = Review::of(now.expect("the store works"));
        assert_eq!(outcome, RevokeMatchingOutcome::ReviewOutdated(now));
        let revoked: i64 =
            sqlx::query_scalar("SELECT count(*) FROM tokens WHERE revoked_at IS NOT NULL")
                .fetch_one(&postgres.raw)
                .await
                .expect("a count");
        assert_eq!(revoked, 0, "{meanwhile}");
    }
}
