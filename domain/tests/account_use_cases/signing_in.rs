use std::sync::{Arc, Mutex};

use openindex_domain::StoreError;
use openindex_domain::access::ActorError;
use openindex_domain::audit::{AdminAction, AuditFilter, AuditStore as _};
use openindex_domain::rate_limit::RateLimits;
use openindex_domain::session::{
    ABSOLUTE_LIMIT_SECONDS, IDLE_LIMIT_SECONDS, SIGN_IN_LINK_LIFETIME_SECONDS, SessionAction,
    SessionError, SessionPorts, SessionSelection, Sessions, SignInError, SignInLinkUser,
    TOUCH_AFTER_SECONDS,
};
use openindex_domain::testing::{
    InMemory, MockAuditStore, MockPasswordHasher, MockRateLimitStore, MockUserStore, fixtures,
};
use openindex_domain::token::{Expiry, NewToken, Scope};
use openindex_domain::user::{Role, UserChange, WeakPassword};

use crate::world::{
    OTHER, PASSWORD, World, client, context, email, from, password, session_of, token_name,
};

#[tokio::test]
async fn wrong_passwords_and_unknown_addresses_get_the_same_error() {
    let world = World::new().await;
    world.join(Role::Member).await;
    for (address, word) in [
        ("grace@example.com", OTHER),
        ("nobody@example.com", PASSWORD),
        // Ada has no password.
        ("user1@example.com", PASSWORD),
    ] {
        let result = world.sign_in(address, word).await;
        assert!(
            matches!(result, Err(SignInError::Rejected)),
            "{address}: {result:?}"
        );
    }
    assert_eq!(
        world.count(SessionAction::SIGN_IN_REJECTED).await,
        3,
        "known and unknown accounts cause the same audit events"
    );
    let every = AuditFilter::default();
    let audit_log = world.all.store.events(&every, None, 100);
    let audit_log = format!("{:?}", audit_log.await.expect("the audit log"));
    assert!(audit_log.contains("UnknownAccount"), "{audit_log}");
    assert!(!audit_log.contains("nobody"), "{audit_log}");
}

#[tokio::test]
async fn ten_failures_per_address_are_recorded_and_the_tenth_says_so() {
    let world = World::new().await;
    world.join(Role::Member).await;
    for number in 0..25 {
        let unknown = format!("nobody{number}@example.com");
        let known = "grace@example.com";
        // An account has ten attempts.
        let address = if number < 9 { &unknown } else { known };
        let result = world.sign_in(address, OTHER).await;
        assert!(result.is_err(), "{address}: {result:?}");
        let recorded = [
            world.count(SessionAction::SIGN_IN_REJECTED).await,
            world
                .count(SessionAction::SIGN_IN_REJECTED_REPEATEDLY)
                .await,
        ];
        let expected = [(number + 1).min(9), usize::from(number >= 9)];
        assert_eq!(recorded, expected, "after {} failures", number + 1);
    }
    world.all.clock.advance_seconds(15 * 60);
    let result = world.sign_in("nobody@example.com", OTHER).await;
    assert!(matches!(result, Err(SignInError::Rejected)), "{result:?}");
    assert_eq!(world.count(SessionAction::SIGN_IN_REJECTED).await, 10);
}

#[tokio::test]
async fn ten_denials_per_user_are_recorded_and_the_tenth_says_so() {
    let world = World::new().await;
    let joined = world.join(Role::Member).await;
    let again = world.sign_in("grace@example.com", PASSWORD).await;
    let again = again.expect("signed in");
    let first = world
        .principal(session_of(&joined))
        .await
        .expect("a session");
    let second = world.principal(&again).await.expect("another session");
    for number in 1..=25 {
        let principal = if number % 2 == 0 { &first } else { &second };
        let recorded = world.all.audit.record_denial(principal, context()).await;
        recorded.expect("counted");
        let recorded = [
            world.count(AdminAction::DENIED).await,
            world.count(AdminAction::DENIED_REPEATEDLY).await,
        ];
        let expected = [number.min(9), usize::from(number >= 10)];
        assert_eq!(recorded, expected, "after {number}");
    }
}

#[tokio::test]
async fn a_suspension_is_disclosed_only_after_the_right_password() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let users = &world.all.users;
    let suspend = users.change(&world.admin, grace.user.id, UserChange::Suspend, context());
    suspend.await.expect("suspended");
    let wrong = world.sign_in("grace@example.com", OTHER).await;
    assert!(matches!(wrong, Err(SignInError::Rejected)), "{wrong:?}");
    let right = world.sign_in("grace@example.com", PASSWORD).await;
    assert!(matches!(right, Err(SignInError::Suspended)), "{right:?}");
    assert!(world.principal(session_of(&grace)).await.is_none());
}

#[tokio::test]
async fn spellings_of_one_address_share_their_failures() {
    let world = World::new().await;
    world.join(Role::Member).await;
    for number in 0..10 {
        let spelling = if number % 2 == 0 {
            "grace@example.com"
        } else {
            "GRACE@Example.COM"
        };
        let result = world.sign_in(spelling, OTHER).await;
        assert!(matches!(result, Err(SignInError::Rejected)), "{result:?}");
    }
    for word in [PASSWORD, OTHER] {
        let result = world.sign_in("Grace@example.com", word).await;
        assert!(
            matches!(result, Err(SignInError::RateLimited(_))),
            "{result:?}"
        );
    }
    world.all.clock.advance_seconds(15 * 60);
    assert!(world.sign_in("grace@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_correct_password_resets_the_count_of_failures() {
    let world = World::new().await;
    world.join(Role::Member).await;
    for _ in 0..3 {
        for _ in 0..9 {
            let result = world.sign_in("grace@example.com", OTHER).await;
            assert!(matches!(result, Err(SignInError::Rejected)), "{result:?}");
        }
        assert!(world.sign_in("grace@example.com", PASSWORD).await.is_ok());
    }
}

#[tokio::test]
async fn guessing_from_one_address_is_limited_for_any_account() {
    let world = World::new().await;
    world.join(Role::Member).await;
    let attacker = from("2001:db8::1");
    for number in 0..100 {
        let address = format!("user{number}@example.net");
        let result = world.sign_in_from(&address, OTHER, &attacker).await;
        assert!(matches!(result, Err(SignInError::Rejected)), "{result:?}");
    }
    // The same network, and the right password.
    let neighbor = from("2001:db8::2");
    let result = world.sign_in_from("grace@example.com", PASSWORD, &neighbor);
    assert!(matches!(result.await, Err(SignInError::RateLimited(_))));
    let elsewhere = from("2001:db8:1::1");
    let result = world.sign_in_from("grace@example.com", PASSWORD, &elsewhere);
    assert!(result.await.is_ok());
}

#[tokio::test]
async fn a_session_expires_by_either_limit() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let session = session_of(&grace);
    let clock = &world.all.clock;
    clock.advance_seconds(IDLE_LIMIT_SECONDS - 1);
    assert!(world.principal(session).await.is_some(), "and it is seen");
    clock.advance_seconds(IDLE_LIMIT_SECONDS - 1);
    assert!(world.principal(session).await.is_some());
    clock.advance_seconds(IDLE_LIMIT_SECONDS);
    assert!(world.principal(session).await.is_none(), "idle");

    let busy = world.sign_in("grace@example.com", PASSWORD).await;
    let busy = busy.expect("signed in");
    for _ in 0..(ABSOLUTE_LIMIT_SECONDS / 3600 - 1) {
        clock.advance_seconds(3600);
        assert!(world.principal(&busy).await.is_some());
    }
    clock.advance_seconds(3600);
    assert!(world.principal(&busy).await.is_none(), "old");
}

#[tokio::test]
async fn a_use_is_written_at_most_once_a_minute() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let session = session_of(&grace);
    let seen = || async {
        let principal = world.principal(session).await.expect("signed in");
        let sessions = world.all.sessions.list(&principal).await;
        sessions.expect("a list")[0].last_seen_at
    };
    world.all.clock.advance_seconds(TOUCH_AFTER_SECONDS - 1);
    assert_eq!(seen().await, fixtures::NOW);
    world.all.clock.advance_seconds(1);
    let later = fixtures::NOW.saturating_add_seconds(TOUCH_AFTER_SECONDS);
    assert_eq!(seen().await, later);
}

#[tokio::test]
async fn signing_out_ends_one_session_and_everywhere_ends_all() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let first = session_of(&grace);
    let second = world
        .sign_in("grace@example.com", PASSWORD)
        .await
        .expect("in");
    let third = world
        .sign_in("grace@example.com", PASSWORD)
        .await
        .expect("in");
    let sessions = &world.all.sessions;
    let principal = world.principal(first).await.expect("signed in");
    sessions.sign_out(&principal, context()).await.expect("out");
    sessions
        .sign_out(&principal, context())
        .await
        .expect("twice is no error");
    assert!(world.principal(first).await.is_none());
    let stale = sessions
        .end(&principal, SessionSelection::All, context())
        .await;
    assert!(
        matches!(
            stale,
            Err(SessionError::NotAuthorized(ActorError::SessionEnded))
        ),
        "{stale:?}"
    );
    let principal = world.principal(&second).await.expect("signed in");
    let ended = sessions
        .end(&principal, SessionSelection::All, context())
        .await;
    assert_eq!(ended.expect("ended"), 2);
    assert!(world.principal(&third).await.is_none());
    let by_token = sessions.sign_out(&world.admin, context()).await;
    assert!(matches!(by_token, Err(SessionError::SessionRequired)));
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_leaves_tokens_alone() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let other = world
        .sign_in("grace@example.com", PASSWORD)
        .await
        .expect("in");
    let principal = world.principal(session_of(&grace)).await.expect("in");
    let request = NewToken::new(token_name("ci"), Scope::ReadWrite, Expiry::Never);
    let issued = world
        .all
        .tokens
        .create(&principal, request, context())
        .await;
    let issued = issued.expect("a session issues tokens");
    let change = |current: &'static str, new: &'static str| {
        let (sessions, principal) = (world.all.sessions.clone(), principal.clone());
        async move {
            let (current, new) = (password(current), password(new));
            sessions
                .change_password(&principal, &current, &new, context())
                .await
        }
    };
    assert!(matches!(
        change(OTHER, OTHER).await,
        Err(SessionError::WrongPassword)
    ));
    assert!(matches!(
        change(PASSWORD, "short").await,
        Err(SessionError::WeakPassword(WeakPassword::TooShort))
    ));
    assert!(matches!(
        change(PASSWORD, PASSWORD).await,
        Err(SessionError::WeakPassword(WeakPassword::Current))
    ));
    assert!(world.principal(&other).await.is_some(), "nothing changed");
    change(PASSWORD, OTHER).await.expect("changed");
    assert!(world.principal(session_of(&grace)).await.is_some());
    assert!(world.principal(&other).await.is_none());
    let token = world.all.tokens.verify(issued.secret.expose()).await;
    assert!(token.is_ok(), "{token:?}");
    assert!(world.sign_in("grace@example.com", PASSWORD).await.is_err());
    assert!(world.sign_in("grace@example.com", OTHER).await.is_ok());
}

#[tokio::test]
async fn a_sign_in_link_works_once() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let sessions = &world.all.sessions;
    let by_admin = SignInLinkUser::ByAdmin(&world.admin, grace.user.id);
    let invalid = sessions
        .create_sign_in_link(by_admin, context())
        .await
        .expect("a link");
    let address = email("GRACE@example.com");
    let by_operator = SignInLinkUser::ByOperator(&address);
    let link = sessions.create_sign_in_link(by_operator, context()).await;
    let link = link.expect("a link");
    let redeem = |code: String, word: &'static str| {
        let sessions = sessions.clone();
        async move {
            let chosen = password(word);
            sessions
                .redeem_sign_in_link(&code, &chosen, client(), context())
                .await
        }
    };
    let code = link.secret.expose().to_owned();
    let rejected = redeem(invalid.secret.expose().to_owned(), OTHER).await;
    assert!(
        matches!(rejected, Err(SessionError::NotFound)),
        "{rejected:?}"
    );
    let weak = redeem(code.clone(), "short").await;
    assert!(
        matches!(weak, Err(SessionError::WeakPassword(_))),
        "{weak:?}"
    );
    let signed_in = redeem(code.clone(), OTHER).await.expect("redeemed");
    assert!(world.principal(&signed_in).await.is_some());
    assert!(world.principal(session_of(&grace)).await.is_none());
    let again = redeem(code, PASSWORD).await;
    assert!(matches!(again, Err(SessionError::NotFound)), "{again:?}");

    let late = sessions
        .create_sign_in_link(by_operator, context())
        .await
        .expect("a link");
    world
        .all
        .clock
        .advance_seconds(SIGN_IN_LINK_LIFETIME_SECONDS);
    let late = redeem(late.secret.expose().to_owned(), PASSWORD).await;
    assert!(matches!(late, Err(SessionError::NotFound)), "{late:?}");
    let unknown = email("nobody@example.com");
    let unknown = sessions.create_sign_in_link(SignInLinkUser::ByOperator(&unknown), context());
    assert!(matches!(unknown.await, Err(SessionError::NotFound)));
}

#[tokio::test]
async fn an_outage_during_sign_in_is_not_a_wrong_password() {
    let mut down = MockUserStore::new();
    down.expect_account()
        .returning(|_| Err(StoreError::unavailable("down")));
    let all = InMemory::with(|ports| ports.users = Arc::new(down));
    let sessions = &all.sessions;
    let (address, word) = (email("grace@example.com"), password(PASSWORD));
    let result = sessions.sign_in(&address, &word, client(), context()).await;
    assert!(matches!(result, Err(SignInError::Store(_))), "{result:?}");
}

/// Returns the calls of the stores and the hasher during a failed sign-in, in order.
async fn calls_of_a_failed_sign_in(address: &str) -> Vec<String> {
    let world = World::new().await;
    world.join(Role::Member).await;
    let steps = Arc::new(Mutex::new(Vec::new()));
    let note = || {
        let steps = steps.clone();
        move |step: String| steps.lock().expect("the steps").push(step)
    };
    let mut rate_limits = MockRateLimitStore::new();
    let count = note();
    rate_limits.expect_count().returning(move |limits, _| {
        count(format!("count under {} limits", limits.len()));
        Ok(Ok(()))
    });
    let mut audit = MockAuditStore::new();
    let append = note();
    audit.expect_append().returning(move |event| {
        append(format!("append {:?}", event.action));
        Ok(())
    });
    let mut passwords = MockPasswordHasher::new();
    let verify = note();
    passwords.expect_verify().returning(move |_, _| {
        verify("verify".to_owned());
        Ok(false)
    });
    let store = world.all.store.clone();
    let sessions = Sessions::new(SessionPorts {
        store: store.clone(),
        users: store,
        audit: Arc::new(audit),
        hasher: Arc::new(passwords),
        rate_limits: RateLimits::new(Arc::new(rate_limits)),
        clock: world.all.clock.clone(),
        entropy: world.all.entropy.clone(),
    });
    let (address, guess) = (email(address), password(OTHER));
    let result = sessions
        .sign_in(&address, &guess, client(), context())
        .await;
    assert!(matches!(result, Err(SignInError::Rejected)), "{result:?}");
    let steps = steps.lock().expect("the steps");
    steps.clone()
}

#[tokio::test]
async fn known_and_unknown_accounts_cause_the_same_calls() {
    let known = calls_of_a_failed_sign_in("grace@example.com").await;
    // Ada has no password.
    let without_password = calls_of_a_failed_sign_in("user1@example.com").await;
    let unknown = calls_of_a_failed_sign_in("nobody@example.com").await;
    assert_eq!(
        known,
        [
            "count under 1 limits",
            "verify",
            "count under 1 limits",
            "append sign_in.rejected"
        ]
    );
    assert_eq!(without_password, known);
    assert_eq!(unknown, known);
}
