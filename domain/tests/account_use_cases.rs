//! What people go through: invites, passwords, browser sessions, administration. On the in-memory
//! store with a clock that stands still.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use openindex_domain::StoreError;
use openindex_domain::access::{Denied, Principal, Refusal};
use openindex_domain::attempt::Attempts;
use openindex_domain::audit::{AuditAction, AuditFilter, AuditStore as _, RequestContext, Subject};
use openindex_domain::inventory::{InventoryError, TokenFilter};
use openindex_domain::invite::{Claim, Claimed, InviteError, NotClaimable};
use openindex_domain::session::{
    ABSOLUTE_LIMIT_SECONDS, ClientName, Ended, IDLE_LIMIT_SECONDS, LINK_LIFETIME_SECONDS,
    LinkSubject, SessionError, Sessions, SignInError, SignedIn, TOUCH_AFTER_SECONDS,
};
use openindex_domain::testing::{
    InMemory, MockAttemptStore, MockAuditStore, MockPasswordHasher, MockUserStore, fixtures,
};
use openindex_domain::token::{
    Expiry, IssueToken, Rejection, Scope, TokenError, TokenName, VerifyError,
};
use openindex_domain::user::{
    Email, Password, PersonName, Role, UserChange, UserError, WeakPassword,
};

const PASSWORD: &str = "five words that nobody says";
const OTHER: &str = "another handful of such words";

struct World {
    all: InMemory,
    admin: Principal,
    admin_secret: String,
}

impl World {
    async fn new() -> Self {
        let all = InMemory::default();
        let ada = fixtures::user(1);
        let first = all
            .users
            .bootstrap(ada.email, ada.name, token_name("first"));
        let first = first.await.expect("a first administrator").issued;
        let admin = all.tokens.verify(first.secret.expose()).await;
        Self {
            admin: admin.expect("live"),
            admin_secret: first.secret.expose().to_owned(),
            all,
        }
    }

    async fn invite(&self, address: &str, role: Role) -> String {
        let invites = &self.all.invites;
        let new = invites.create(&self.admin, email(address), role, context());
        new.await.expect("invited").secret.expose().to_owned()
    }

    async fn claim(&self, code: &str) -> Result<Claimed, InviteError> {
        let claim = Claim {
            email: None,
            name: PersonName::parse("Grace Hopper").expect("a name"),
            password: Some(password(PASSWORD)),
            token: None,
            session: Some(client()),
        };
        self.all.invites.claim(code, claim, context()).await
    }

    /// `grace@example.com`, with [`PASSWORD`], and her first session.
    async fn join(&self, role: Role) -> Claimed {
        let code = self.invite("grace@example.com", role).await;
        self.claim(&code).await.expect("claimed")
    }

    async fn sign_in(&self, address: &str, word: &str) -> Result<SignedIn, SignInError> {
        self.sign_in_from(address, word, context()).await
    }

    async fn sign_in_from(
        &self,
        address: &str,
        word: &str,
        context: &RequestContext,
    ) -> Result<SignedIn, SignInError> {
        let sessions = &self.all.sessions;
        sessions
            .sign_in(&email(address), &password(word), client(), context)
            .await
    }

    async fn principal(&self, signed_in: &SignedIn) -> Option<Principal> {
        let verified = self.all.sessions.verify(signed_in.secret.expose()).await;
        verified.expect("the store answers")
    }

    async fn count(&self, action: AuditAction) -> usize {
        let filter = AuditFilter {
            action: Some(action),
            ..AuditFilter::default()
        };
        let events = self.all.store.events(&filter, None, 1_000).await;
        events.expect("a trail").len()
    }
}

fn email(text: &str) -> Email {
    Email::parse(text).expect("an address")
}

fn password(text: &str) -> Password {
    Password::parse(text).expect("not too long")
}

fn token_name(text: &str) -> TokenName {
    TokenName::parse(text).expect("a name")
}

fn client() -> ClientName {
    ClientName::cut("Browser/1")
}

fn context() -> &'static RequestContext {
    static CONTEXT: RequestContext = RequestContext {
        request_id: None,
        client_address: None,
    };
    &CONTEXT
}

fn from(address: &str) -> RequestContext {
    let address: IpAddr = address.parse().expect("an address");
    RequestContext {
        client_address: Some(address),
        ..context().clone()
    }
}

fn session_of(claimed: &Claimed) -> &SignedIn {
    claimed.signed_in.as_ref().expect("a session")
}

#[tokio::test]
async fn whoever_is_invited_joins_once_and_is_signed_in() {
    let world = World::new().await;
    let code = world.invite("Grace@Example.com", Role::Member).await;
    let invite = world.all.invites.look(&code).await.expect("open");
    assert_eq!(invite.role(), Role::Member);
    let claimed = world.claim(&code).await.expect("claimed");
    assert_eq!(claimed.user.email.as_str(), "Grace@Example.com");
    let principal = world.principal(session_of(&claimed)).await;
    assert_eq!(principal.expect("signed in").user_id(), claimed.user.id);
    let again = world.claim(&code).await;
    assert!(
        matches!(again, Err(InviteError::NotClaimable(NotClaimable::Claimed))),
        "{again:?}"
    );
    assert!(world.sign_in("GRACE@example.com", PASSWORD).await.is_ok());
    assert_eq!(world.count(AuditAction::InviteClaimed).await, 1);
}

#[tokio::test]
async fn an_invite_is_for_its_address_and_asks_for_a_way_to_sign_in() {
    let world = World::new().await;
    let code = world.invite("grace@example.com", Role::Member).await;
    let claim = |email: Option<&str>, word: Option<&str>| {
        let claim = Claim {
            email: email.map(self::email),
            name: PersonName::parse("Grace").expect("a name"),
            password: word.map(password),
            token: None,
            session: None,
        };
        let invites = world.all.invites.clone();
        let code = code.clone();
        async move { invites.claim(&code, claim, context()).await }
    };
    let other = claim(Some("eve@example.com"), Some(PASSWORD)).await;
    assert!(
        matches!(other, Err(InviteError::EmailMismatch)),
        "{other:?}"
    );
    let nothing = claim(None, None).await;
    assert!(
        matches!(nothing, Err(InviteError::NothingToSignInWith)),
        "{nothing:?}"
    );
    for (word, weak) in [
        ("too short", WeakPassword::TooShort),
        ("passwordpassword", WeakPassword::Common),
        ("grace@example.com", WeakPassword::Personal),
    ] {
        match claim(None, Some(word)).await {
            Err(InviteError::WeakPassword(found)) => assert_eq!(found, weak, "{word}"),
            other => panic!("{word}: {other:?}"),
        }
    }
    let spelled = claim(Some("GRACE@EXAMPLE.COM"), Some(PASSWORD)).await;
    assert!(spelled.is_ok(), "{spelled:?}");
}

#[tokio::test]
async fn the_first_administrator_claims_a_new_instance_once() {
    let all = InMemory::default();
    let earlier = all.invites.first_admin().await.expect("a link");
    let link = all.invites.first_admin().await.expect("another link");
    let claim = |email: Option<&str>| Claim {
        email: email.map(self::email),
        name: PersonName::parse("Ada").expect("a name"),
        password: Some(password(PASSWORD)),
        token: None,
        session: None,
    };
    let invites = &all.invites;
    let void = invites.claim(
        earlier.secret.expose(),
        claim(Some("ada@example.com")),
        context(),
    );
    assert!(matches!(
        void.await,
        Err(InviteError::NotClaimable(NotClaimable::Withdrawn))
    ));
    let nameless = invites.claim(link.secret.expose(), claim(None), context());
    assert!(matches!(nameless.await, Err(InviteError::EmailRequired)));
    let ada = invites.claim(
        link.secret.expose(),
        claim(Some("ada@example.com")),
        context(),
    );
    assert_eq!(ada.await.expect("claimed").user.role, Role::Admin);
    assert!(matches!(
        all.invites.first_admin().await,
        Err(InviteError::EmailTaken)
    ));
}

#[tokio::test]
async fn wrong_passwords_and_unknown_addresses_get_one_answer() {
    let world = World::new().await;
    world.join(Role::Member).await;
    for (address, word) in [
        ("grace@example.com", OTHER),
        ("nobody@example.com", PASSWORD),
        // Ada has no password.
        ("user1@example.com", PASSWORD),
    ] {
        let answer = world.sign_in(address, word).await;
        assert!(
            matches!(answer, Err(SignInError::Refused)),
            "{address}: {answer:?}"
        );
    }
    assert_eq!(
        world.count(AuditAction::SignInRefused).await,
        2,
        "only known accounts leave a trail"
    );
}

#[tokio::test]
async fn a_suspended_account_is_told_only_to_whoever_knows_its_password() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let users = &world.all.users;
    let suspend = users.change(&world.admin, grace.user.id, UserChange::Suspend, context());
    suspend.await.expect("suspended");
    let wrong = world.sign_in("grace@example.com", OTHER).await;
    assert!(matches!(wrong, Err(SignInError::Refused)), "{wrong:?}");
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
        let answer = world.sign_in(spelling, OTHER).await;
        assert!(matches!(answer, Err(SignInError::Refused)), "{answer:?}");
    }
    for word in [PASSWORD, OTHER] {
        let answer = world.sign_in("Grace@example.com", word).await;
        assert!(
            matches!(answer, Err(SignInError::Throttled(_))),
            "{answer:?}"
        );
    }
    world.all.clock.advance_seconds(15 * 60);
    assert!(world.sign_in("grace@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_right_password_forgives_the_failures_before_it() {
    let world = World::new().await;
    world.join(Role::Member).await;
    for _ in 0..3 {
        for _ in 0..9 {
            let answer = world.sign_in("grace@example.com", OTHER).await;
            assert!(matches!(answer, Err(SignInError::Refused)), "{answer:?}");
        }
        assert!(world.sign_in("grace@example.com", PASSWORD).await.is_ok());
    }
}

#[tokio::test]
async fn guessing_from_one_address_is_slowed_down_whatever_the_account() {
    let world = World::new().await;
    world.join(Role::Member).await;
    let attacker = from("2001:db8::1");
    for number in 0..100 {
        let address = format!("user{number}@example.net");
        let answer = world.sign_in_from(&address, OTHER, &attacker).await;
        assert!(matches!(answer, Err(SignInError::Refused)), "{answer:?}");
    }
    // The same network, and the right password.
    let neighbor = from("2001:db8::2");
    let answer = world.sign_in_from("grace@example.com", PASSWORD, &neighbor);
    assert!(matches!(answer.await, Err(SignInError::Throttled(_))));
    let elsewhere = from("2001:db8:1::1");
    let answer = world.sign_in_from("grace@example.com", PASSWORD, &elsewhere);
    assert!(answer.await.is_ok());
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
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
async fn a_use_is_written_down_once_a_minute_at_most() {
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
    let stale = sessions.end(&principal, Ended::All, context()).await;
    assert!(
        matches!(stale, Err(SessionError::Refused(Refusal::SessionOver))),
        "{stale:?}"
    );
    let principal = world.principal(&second).await.expect("signed in");
    let ended = sessions.end(&principal, Ended::All, context()).await;
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
    let wanted = IssueToken {
        name: token_name("ci"),
        scope: Scope::ReadWrite,
        expires: Expiry::Never,
    };
    let issued = world.all.tokens.issue(&principal, wanted, context()).await;
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
    change(PASSWORD, OTHER).await.expect("changed");
    assert!(world.principal(session_of(&grace)).await.is_some());
    assert!(world.principal(&other).await.is_none());
    let token = world.all.tokens.verify(issued.secret.expose()).await;
    assert!(token.is_ok(), "{token:?}");
    assert!(world.sign_in("grace@example.com", PASSWORD).await.is_err());
    assert!(world.sign_in("grace@example.com", OTHER).await.is_ok());
}

#[tokio::test]
async fn a_one_time_link_opens_an_account_once() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let sessions = &world.all.sessions;
    let by_admin = LinkSubject::ByAdmin(&world.admin, grace.user.id);
    let void = sessions
        .create_link(by_admin, context())
        .await
        .expect("a link");
    let address = email("GRACE@example.com");
    let by_operator = LinkSubject::ByOperator(&address);
    let link = sessions.create_link(by_operator, context()).await;
    let link = link.expect("a link");
    let redeem = |code: String, word: &'static str| {
        let sessions = sessions.clone();
        async move {
            let chosen = password(word);
            sessions
                .redeem_link(&code, &chosen, client(), context())
                .await
        }
    };
    let code = link.secret.expose().to_owned();
    let refused = redeem(void.secret.expose().to_owned(), OTHER).await;
    assert!(
        matches!(refused, Err(SessionError::NotFound)),
        "{refused:?}"
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
        .create_link(by_operator, context())
        .await
        .expect("a link");
    world.all.clock.advance_seconds(LINK_LIFETIME_SECONDS);
    let late = redeem(late.secret.expose().to_owned(), PASSWORD).await;
    assert!(matches!(late, Err(SessionError::NotFound)), "{late:?}");
    let nobody = email("nobody@example.com");
    let nobody = sessions.create_link(LinkSubject::ByOperator(&nobody), context());
    assert!(matches!(nobody.await, Err(SessionError::NotFound)));
}

#[tokio::test]
async fn a_suspension_counts_for_tokens_and_sessions_at_once() {
    let world = World::new().await;
    let grace = world.join(Role::Admin).await;
    let principal = world.principal(session_of(&grace)).await.expect("in");
    let users = &world.all.users;
    let id = world.admin.user_id();
    users
        .change(&principal, id, UserChange::Suspend, context())
        .await
        .expect("suspended");
    let token = world.all.tokens.verify(&world.admin_secret).await;
    assert!(
        matches!(token, Err(VerifyError::Rejected(Rejection::OwnerSuspended))),
        "{token:?}"
    );
    // Grace is the last one now.
    for change in [UserChange::Suspend, UserChange::SetRole(Role::Member)] {
        let last = users.change(&principal, grace.user.id, change, context());
        assert!(matches!(last.await, Err(UserError::LastAdmin)));
    }
    users
        .change(&principal, id, UserChange::Unsuspend, context())
        .await
        .expect("active again");
    assert!(world.all.tokens.verify(&world.admin_secret).await.is_ok());
}

#[tokio::test]
async fn a_member_administers_nothing() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let member = world.principal(session_of(&grace)).await.expect("in");
    let all = &world.all;
    let denied = |error: &dyn std::error::Error| {
        let insufficient = Denied::InsufficientScope {
            required: Scope::Admin,
        };
        assert_eq!(error.to_string(), insufficient.to_string());
    };
    denied(&all.users.list(&member, None, 1).await.expect_err("denied"));
    let suspend = all
        .users
        .change(&member, grace.user.id, UserChange::Suspend, context());
    denied(&suspend.await.expect_err("denied"));
    let invite = all
        .invites
        .create(&member, email("eve@example.com"), Role::Admin, context());
    denied(&invite.await.expect_err("denied"));
    denied(
        &all.invites
            .list(&member, None, 1)
            .await
            .expect_err("denied"),
    );
    let link = LinkSubject::ByAdmin(&member, world.admin.user_id());
    let link = all.sessions.create_link(link, context()).await;
    denied(&link.expect_err("denied"));
    let filter = TokenFilter {
        owner: Some(grace.user.id),
        ..TokenFilter::default()
    };
    denied(
        &all.inventory
            .list(&member, &filter, None, 1)
            .await
            .expect_err("denied"),
    );
    let bulk = all
        .inventory
        .revoke_matching(&member, &filter, true, context());
    denied(&bulk.await.expect_err("denied"));
    denied(&all.inventory.stats(&member).await.expect_err("denied"));
    let trail = all
        .audit
        .list(&member, &AuditFilter::default(), None, 1)
        .await;
    denied(&trail.expect_err("denied"));
    let admin_token = IssueToken {
        name: token_name("up"),
        scope: Scope::Admin,
        expires: Expiry::Never,
    };
    let issue = all.tokens.issue(&member, admin_token, context()).await;
    assert!(
        matches!(issue, Err(TokenError::Refused(Refusal::Denied(_)))),
        "{issue:?}"
    );
}

#[tokio::test]
async fn a_bulk_revocation_needs_a_filter_and_keeps_the_acting_token() {
    let world = World::new().await;
    let inventory = &world.all.inventory;
    let none = TokenFilter::default();
    let all = inventory.revoke_matching(&world.admin, &none, false, context());
    assert!(matches!(all.await, Err(InventoryError::FilterRequired)));
    let own = TokenFilter {
        owner: Some(world.admin.user_id()),
        ..none
    };
    let kept = inventory.revoke_matching(&world.admin, &own, false, context());
    let kept = kept.await.expect("an answer");
    assert!(kept.kept_own && kept.tokens.is_empty());
    assert!(world.all.tokens.verify(&world.admin_secret).await.is_ok());
}

#[tokio::test]
async fn the_owner_of_a_leaked_token_is_told_when_they_sign_in() {
    let world = World::new().await;
    let grace = world.join(Role::Member).await;
    let principal = world.principal(session_of(&grace)).await.expect("in");
    let wanted = IssueToken {
        name: token_name("leaky"),
        scope: Scope::ReadWrite,
        expires: Expiry::Never,
    };
    let issued = world.all.tokens.issue(&principal, wanted, context()).await;
    let issued = issued.expect("issued");
    let report = [issued.secret.expose(), "oi_pat_nonsense", ""];
    let reported = world.all.inventory.report(&report, context()).await;
    reported.expect("taken");
    let verified = world.all.tokens.verify(issued.secret.expose()).await;
    assert!(matches!(
        verified,
        Err(VerifyError::Rejected(Rejection::Revoked { .. }))
    ));
    let users = &world.all.users;
    let notices = users.notices(&principal).await.expect("notices");
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].token, issued.token.id);
    assert_eq!(notices[0].token_name.as_str(), "leaky");
    let events = AuditFilter {
        subject: Some(Subject::Token(issued.token.id)),
        action: Some(AuditAction::TokenReported),
        ..AuditFilter::default()
    };
    let events = world.all.store.events(&events, None, 10).await;
    assert_eq!(events.expect("a trail").len(), 1);
    let dismissed = users
        .dismiss_notices(&principal, notices[0].at, context())
        .await;
    dismissed.expect("dismissed");
    assert!(users.notices(&principal).await.expect("notices").is_empty());
}

#[tokio::test]
async fn an_outage_while_signing_in_is_no_wrong_password() {
    let mut down = MockUserStore::new();
    down.expect_account()
        .returning(|_| Err(StoreError::unavailable("down")));
    let all = InMemory::default();
    let sessions = all.sessions_with_users(Arc::new(down));
    let (address, word) = (email("grace@example.com"), password(PASSWORD));
    let answer = sessions.sign_in(&address, &word, client(), context()).await;
    assert!(matches!(answer, Err(SignInError::Store(_))), "{answer:?}");
}

/// Durable writes and password hashes that a refused sign-in costs.
async fn cost_of_a_refusal(address: &str) -> (usize, usize) {
    let world = World::new().await;
    world.join(Role::Member).await;
    let writes = Arc::new(AtomicUsize::new(0));
    let hashes = Arc::new(AtomicUsize::new(0));
    let counted = |counter: &Arc<AtomicUsize>| {
        let counter = counter.clone();
        move || counter.fetch_add(1, Ordering::Relaxed)
    };
    let mut attempts = MockAttemptStore::new();
    let count = counted(&writes);
    attempts.expect_count().returning(move |_, _| {
        count();
        Ok(Ok(()))
    });
    let mut audit = MockAuditStore::new();
    let append = counted(&writes);
    audit.expect_append().returning(move |_| {
        append();
        Ok(())
    });
    let mut passwords = MockPasswordHasher::new();
    let verify = counted(&hashes);
    passwords.expect_verify().returning(move |_, _| {
        verify();
        Ok(false)
    });
    let store = world.all.store.clone();
    let sessions = Sessions::new(
        store.clone(),
        store,
        Arc::new(audit),
        Arc::new(passwords),
        Attempts::new(Arc::new(attempts)),
        world.all.clock.clone(),
        world.all.entropy.clone(),
    );
    let (address, guess) = (email(address), password(OTHER));
    let answer = sessions
        .sign_in(&address, &guess, client(), context())
        .await;
    assert!(matches!(answer, Err(SignInError::Refused)), "{answer:?}");
    (
        writes.load(Ordering::Relaxed),
        hashes.load(Ordering::Relaxed),
    )
}

#[tokio::test]
async fn known_and_unknown_accounts_cost_the_same_work() {
    let known = cost_of_a_refusal("grace@example.com").await;
    // Ada has no password.
    let without_password = cost_of_a_refusal("user1@example.com").await;
    let unknown = cost_of_a_refusal("nobody@example.com").await;
    assert_eq!(known, (2, 1), "two durable writes and one hash");
    assert_eq!(without_password, known);
    assert_eq!(unknown, known);
}
