//! The use cases of tokens on the in-memory store with a fixed clock. Mocks are used for failures
//! and for stores that must not be queried.

use std::sync::Arc;

use openindex_domain::StoreError;
use openindex_domain::access::{ActorError, Denial, Principal};
use openindex_domain::audit::{AuditActor, AuditFilter, AuditStore as _, RequestContext};
use openindex_domain::entropy::EntropyError;
use openindex_domain::testing::{
    FixedClock, InMemory, MemoryStore, MockEntropy, MockTokenStore, SeededEntropy, fixtures,
};
use openindex_domain::token::{
    CreationRate, Expiry, ExpiryError, ListFilter, MalformedSecret, NewToken, NotRotatable,
    Overlap, OwnerError, Rejection, RotationOptions, Scope, Secret, SecretPrefixes, Status, Token,
    TokenError, TokenId, TokenKind, TokenName, TokenRecord, TokenWithSecret, Tokens, VerifyError,
};
use openindex_domain::use_cases::UseCases;
use openindex_domain::user::{BootstrapError, Owner, Role, UserError, Users};

struct World {
    store: Arc<MemoryStore>,
    clock: Arc<FixedClock>,
    tokens: Tokens,
    users: Users,
    admin: TokenWithSecret,
}

impl World {
    async fn new() -> Self {
        let InMemory {
            store,
            clock,
            use_cases,
            ..
        } = InMemory::default();
        let UseCases { tokens, users, .. } = use_cases;
        let ada = fixtures::user(1);
        let first = users
            .bootstrap(ada.email, ada.name, name("first"))
            .await
            .expect("a first administrator");
        Self {
            store,
            clock,
            tokens,
            users,
            admin: first.issued,
        }
    }

    async fn admin(&self) -> Principal {
        self.principal(&self.admin.secret).await
    }

    async fn principal(&self, secret: &Secret) -> Principal {
        self.tokens.verify(secret.expose()).await.expect("live")
    }

    async fn create(&self, scope: Scope, expires: Expiry) -> TokenWithSecret {
        self.create_by(&self.admin().await, scope, expires).await
    }

    async fn create_by(&self, by: &Principal, scope: Scope, expires: Expiry) -> TokenWithSecret {
        self.tokens
            .create(by, new_token(scope, expires), &context())
            .await
            .expect("issued")
    }

    async fn list(&self, by: &Principal) -> Vec<Token> {
        let filter = ListFilter::default();
        let page = self.tokens.list(by, &filter, None, 100);
        page.await.expect("a list").tokens.to_vec()
    }

    async fn rejection(&self, secret: &Secret) -> Option<Rejection> {
        match self.tokens.verify(secret.expose()).await {
            Ok(_) => None,
            Err(VerifyError::Rejected(rejection)) => Some(rejection),
            Err(VerifyError::Store(error)) => panic!("{error}"),
        }
    }
}

fn name(text: &str) -> TokenName {
    TokenName::parse(text).expect("a name")
}

fn new_token(scope: Scope, expires: Expiry) -> NewToken {
    NewToken::new(name("ci"), scope, expires)
}

fn context() -> RequestContext {
    RequestContext::default()
}

fn any_secret() -> Secret {
    Secret::generate(TokenKind::Personal, &SeededEntropy::new(99)).expect("entropy")
}

fn on(store: MockTokenStore) -> Tokens {
    Tokens::new(
        Arc::new(store),
        Arc::new(FixedClock::default()),
        Arc::new(SeededEntropy::new(1)),
    )
}

#[tokio::test]
async fn a_malformed_secret_never_reaches_the_store() {
    // A mock without expectations panics when it is called.
    let tokens = on(MockTokenStore::new());
    let secret = any_secret();
    for (presented, why) in [
        ("", MalformedSecret::Prefix(SecretPrefixes::DEFAULT)),
        ("ghp_abc", MalformedSecret::Prefix(SecretPrefixes::DEFAULT)),
        (&secret.expose()[..54], MalformedSecret::Length(55)),
        (
            &secret.expose().replace(char::is_alphabetic, "-"),
            MalformedSecret::Prefix(SecretPrefixes::DEFAULT),
        ),
    ] {
        match tokens.verify(presented).await {
            Err(VerifyError::Rejected(Rejection::Malformed(reason))) => assert_eq!(reason, why),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_service_creates_and_accepts_secrets_with_its_own_prefixes_alone() {
    let mut world = World::new().await;
    let admin = world.admin().await;
    let prefixes = SecretPrefixes::new("nts_", "ntsrun_").expect("prefixes");
    world.tokens = world.tokens.with_prefixes(prefixes);
    let created = world.create_by(&admin, Scope::Admin, Expiry::Never).await;
    let rotated = world
        .tokens
        .rotate(
            &world.principal(&created.secret).await,
            created.token.id,
            RotationOptions::default(),
            &context(),
        )
        .await
        .expect("rotated");
    for secret in [&created.secret, &rotated.secret] {
        assert!(secret.expose().starts_with("nts_"), "{secret:?}");
        assert_eq!(secret.expose().len(), 52);
    }
    assert_eq!(world.rejection(&rotated.secret).await, None);
    let malformed = Rejection::Malformed(MalformedSecret::Prefix(prefixes));
    assert_eq!(world.rejection(&world.admin.secret).await, Some(malformed));
    assert_eq!(
        malformed.to_string(),
        "the token is malformed: a token begins with nts_ or ntsrun_"
    );
}

#[tokio::test]
async fn verification_queries_the_store_once_and_writes_nothing() {
    let mut store = MockTokenStore::new();
    let digest = any_secret().digest();
    store.expect_find_by_digest().times(1).returning(move |_| {
        Ok(Some(Arc::new(TokenRecord {
            token: fixtures::token(1, fixtures::NOW),
            digest,
            owner: fixtures::owner(1),
        })))
    });
    let principal = on(store).verify(any_secret().expose()).await;
    assert_eq!(principal.expect("live").user_id(), fixtures::user(1).id);
}

#[tokio::test]
async fn a_store_that_matches_loosely_authenticates_no_one() {
    let mut store = MockTokenStore::new();
    store.expect_find_by_digest().returning(|_| {
        Ok(Some(Arc::new(TokenRecord {
            token: fixtures::token(1, fixtures::NOW),
            digest: fixtures::digest(1),
            owner: fixtures::owner(1),
        })))
    });
    let result = on(store).verify(any_secret().expose()).await;
    assert!(
        matches!(result, Err(VerifyError::Rejected(Rejection::Unknown))),
        "{result:?}"
    );
}

#[tokio::test]
async fn an_outage_neither_accepts_nor_rejects() {
    let mut store = MockTokenStore::new();
    store
        .expect_find_by_digest()
        .returning(|_| Err(StoreError::unavailable("down")));
    let result = on(store).verify(any_secret().expose()).await;
    assert!(matches!(result, Err(VerifyError::Store(_))), "{result:?}");
}

#[tokio::test]
async fn the_first_admin_is_created_once_with_an_admin_token() {
    let world = World::new().await;
    let admin = world.admin().await;
    assert_eq!(admin.effective_scope(), Scope::Admin);
    assert_eq!(world.admin.token.expires_at, None);
    let grace = fixtures::user(2);
    let again = world
        .users
        .bootstrap(grace.email, grace.name, name("second"))
        .await;
    assert!(
        matches!(again, Err(BootstrapError::InstanceHasUsers)),
        "{again:?}"
    );
    let audit_log = world
        .store
        .events(&AuditFilter::default(), None, 10)
        .await
        .expect("the audit log");
    assert_eq!(audit_log.len(), 1);
    assert_eq!(audit_log[0].actor, AuditActor::Operator);
    assert!(world.users.any().await.expect("the store works"));
}

#[tokio::test]
async fn a_token_is_live_until_the_instant_of_its_expiry() {
    let world = World::new().await;
    let at = fixtures::NOW.saturating_add_seconds(60);
    let issued = world.create(Scope::ReadWrite, Expiry::At(at)).await;
    world.clock.set(at.saturating_add_millis(-1));
    assert_eq!(world.rejection(&issued.secret).await, None);
    world.clock.set(at);
    let expired = Some(Rejection::Expired { at });
    assert_eq!(world.rejection(&issued.secret).await, expired);
}

#[tokio::test]
async fn a_revocation_applies_from_the_next_verification() {
    let world = World::new().await;
    let admin = world.admin().await;
    let issued = world.create(Scope::Admin, Expiry::Never).await;
    let context = context();
    let revoke = || world.tokens.revoke(&admin, issued.token.id, &context);
    revoke().await.expect("revoked");
    let at = fixtures::NOW;
    let revoked = Some(Rejection::Revoked { at });
    assert_eq!(world.rejection(&issued.secret).await, revoked);
    assert!(matches!(revoke().await, Err(TokenError::NotFound)));
    let get = world.tokens.get(&admin, issued.token.id).await;
    assert!(matches!(get, Err(TokenError::NotFound)), "{get:?}");
}

#[tokio::test]
async fn a_request_verified_before_a_revocation_cannot_write_after_it() {
    let world = World::new().await;
    let admin = world.admin().await;
    let victim = world.create(Scope::Admin, Expiry::Never).await;
    let stale = world.principal(&victim.secret).await;
    world
        .tokens
        .revoke(&admin, victim.token.id, &context())
        .await
        .expect("revoked");
    let at = fixtures::NOW;
    let other = world.create(Scope::ReadWrite, Expiry::Never).await.token;
    let issue = world
        .tokens
        .create(
            &stale,
            new_token(Scope::ReadWrite, Expiry::Never),
            &context(),
        )
        .await;
    let revoke = world.tokens.revoke(&stale, other.id, &context()).await;
    let rotate = world
        .tokens
        .rotate(&stale, other.id, RotationOptions::default(), &context())
        .await;
    for result in [issue.map(|_| ()), revoke, rotate.map(|_| ())] {
        match result {
            Err(TokenError::NotAuthorized(ActorError::Rejected(rejection))) => {
                assert_eq!(rejection, Rejection::Revoked { at });
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn suspension_and_demotion_apply_from_the_next_verification() {
    let world = World::new().await;
    let mut ada = world
        .users
        .list(&world.admin().await, None, 1)
        .await
        .expect("users")
        .users
        .to_vec()
        .remove(0);
    let stale = world.admin().await;
    ada.role = Role::Member;
    world.store.put_user(ada.clone());
    let demoted = world.admin().await;
    assert_eq!(demoted.effective_scope(), Scope::ReadWrite);
    let list = world.users.list(&demoted, None, 1).await;
    assert!(matches!(list, Err(UserError::NotAuthorized(_))), "{list:?}");
    // Even a principal verified before the demotion cannot create an admin token after it.
    let issue = world
        .tokens
        .create(&stale, new_token(Scope::Admin, Expiry::Never), &context())
        .await;
    assert!(
        matches!(issue, Err(TokenError::NotAuthorized(ActorError::Denied(_)))),
        "{issue:?}"
    );

    ada.suspended_at = Some(fixtures::NOW);
    world.store.put_user(ada);
    let rejected = Some(Rejection::OwnerSuspended);
    assert_eq!(world.rejection(&world.admin.secret).await, rejected);
}

#[tokio::test]
async fn an_expiry_that_is_not_in_the_future_creates_no_token() {
    let world = World::new().await;
    let admin = world.admin().await;
    let past = new_token(Scope::Admin, Expiry::At(fixtures::NOW));
    let result = world.tokens.create(&admin, past, &context()).await;
    assert!(
        matches!(
            result,
            Err(TokenError::Expiry(ExpiryError::NotInFuture { .. }))
        ),
        "{result:?}"
    );
    assert_eq!(world.list(&admin).await.len(), 1);
}

#[tokio::test]
async fn the_quota_counts_live_tokens_only() {
    let mut world = World::new().await;
    world.tokens = world.tokens.with_quota(2);
    let admin = world.admin().await;
    let soon = Expiry::At(fixtures::NOW.saturating_add_seconds(1));
    world.create(Scope::ReadWrite, soon).await;
    let third = new_token(Scope::ReadWrite, Expiry::Never);
    let result = world.tokens.create(&admin, third.clone(), &context()).await;
    assert!(
        matches!(result, Err(TokenError::QuotaReached { quota: 2 })),
        "{result:?}"
    );
    world.clock.advance_seconds(1);
    let result = world.tokens.create(&admin, third, &context()).await;
    assert!(result.is_ok(), "the second has expired: {result:?}");
}

#[tokio::test]
async fn a_loop_of_creations_stops_at_the_rate_and_can_continue_later() {
    let mut world = World::new().await;
    world.tokens = world.tokens.with_rate(CreationRate::new(5));
    let admin = world.admin().await;
    let create = || {
        let request = new_token(Scope::ReadWrite, Expiry::Never);
        let (tokens, admin, context) = (&world.tokens, &admin, context());
        async move { tokens.create(admin, request, &context).await }
    };
    // The first token of the account counts too.
    for _ in 0..3 {
        let id = create().await.expect("issued").token.id;
        let deleted = world.tokens.revoke(&admin, id, &context()).await;
        deleted.expect("deleted");
        world.clock.advance_seconds(60);
    }
    let id = create().await.expect("issued").token.id;
    let rotated = world
        .tokens
        .rotate(&admin, id, RotationOptions::default(), &context())
        .await;
    for rejected in [create().await, rotated] {
        match rejected {
            Err(TokenError::RateReached(reached)) => {
                assert_eq!(reached.limit, 5);
                assert_eq!(reached.retry_after_seconds, 24 * 60 * 60 - 180);
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    world.clock.advance_seconds(24 * 60 * 60 - 181);
    assert!(create().await.is_err());
    world.clock.advance_seconds(1);
    assert!(create().await.is_ok());
}

#[tokio::test]
async fn an_expired_token_is_purged_after_30_days() {
    let world = World::new().await;
    let at = fixtures::NOW.saturating_add_seconds(60);
    let issued = world.create(Scope::ReadWrite, Expiry::At(at)).await;
    world.clock.advance_seconds(60 + 30 * 24 * 60 * 60);
    assert_eq!(world.tokens.purge_ended().await.expect("purged"), 0);
    let expired = Some(Rejection::Expired { at });
    assert_eq!(world.rejection(&issued.secret).await, expired);
    world.clock.advance_millis(1);
    assert_eq!(world.tokens.purge_ended().await.expect("purged"), 1);
    let unknown = Some(Rejection::Unknown);
    assert_eq!(world.rejection(&issued.secret).await, unknown);
    let left = world.list(&world.admin().await).await;
    let left: Vec<TokenId> = left.iter().map(|token| token.id).collect();
    assert_eq!(left, [world.admin.token.id]);
}

#[tokio::test]
async fn a_rotated_token_keeps_name_scope_and_expiry() {
    let world = World::new().await;
    let admin = world.admin().await;
    let expiry = Expiry::At(fixtures::NOW.saturating_add_seconds(3600));
    let old = world.create(Scope::ReadWrite, expiry).await;
    world.clock.advance_seconds(5);
    let new = world
        .tokens
        .rotate(&admin, old.token.id, RotationOptions::default(), &context())
        .await
        .expect("rotated");
    assert_eq!(new.token.name, old.token.name);
    assert_eq!(new.token.scope, old.token.scope);
    assert_eq!(new.token.expires_at, old.token.expires_at);
    assert_eq!(
        new.token.created_at,
        fixtures::NOW.saturating_add_seconds(5)
    );
    assert_eq!(world.rejection(&new.secret).await, None);
    assert!(matches!(
        world.rejection(&old.secret).await,
        Some(Rejection::Revoked { .. })
    ));
}

#[tokio::test]
async fn during_an_overlap_both_are_live_and_the_old_one_cannot_be_rotated() {
    let world = World::new().await;
    let admin = world.admin().await;
    let old = world.create(Scope::ReadWrite, Expiry::Never).await;
    let with_overlap = RotationOptions {
        expires: Some(Expiry::Never.into()),
        overlap: Overlap::from_seconds(60).expect("an overlap"),
    };
    let context = context();
    let rotate = || {
        world
            .tokens
            .rotate(&admin, old.token.id, with_overlap, &context)
    };
    let new = rotate().await.expect("rotated");
    let again = rotate().await;
    assert!(
        matches!(
            again,
            Err(TokenError::NotRotatable(NotRotatable::AlreadyRotated { successor }))
                if successor == new.token.id
        ),
        "{again:?}"
    );
    assert_eq!(world.rejection(&old.secret).await, None);
    assert_eq!(world.rejection(&new.secret).await, None);
    world.clock.advance_seconds(60);
    let at = fixtures::NOW.saturating_add_seconds(60);
    let expired = Some(Rejection::Expired { at });
    assert_eq!(world.rejection(&old.secret).await, expired);
    assert_eq!(world.rejection(&new.secret).await, None);
}

#[tokio::test]
async fn an_agent_run_manages_no_tokens() {
    let world = World::new().await;
    let secret = Secret::generate(TokenKind::AgentRun, &SeededEntropy::new(5)).expect("entropy");
    let ada = world.admin().await.user_id();
    let mut token = fixtures::token(7, fixtures::NOW);
    token.id = TokenId::new(TokenKind::AgentRun, token.id.uuid());
    token.owner = ada;
    world.store.put_token(token.clone(), secret.digest());
    let run = world.principal(&secret).await;
    let tokens = &world.tokens;
    let pat = world.admin.token.id;
    let rejected = [
        tokens
            .list(&run, &ListFilter::default(), None, 10)
            .await
            .map(|_| ()),
        tokens.get(&run, pat).await.map(|_| ()),
        tokens.revoke(&run, pat, &context()).await,
        tokens
            .create(&run, new_token(Scope::ReadWrite, Expiry::Never), &context())
            .await
            .map(|_| ()),
        tokens
            .rotate(&run, pat, RotationOptions::default(), &context())
            .await
            .map(|_| ()),
    ];
    for result in rejected {
        assert!(
            matches!(
                result,
                Err(TokenError::NotAuthorized(ActorError::Denied(
                    Denial::HumanTokenRequired
                )))
            ),
            "{result:?}"
        );
    }
    // A run's token is not a personal access token, not even for its owner.
    let admin = world.admin().await;
    for result in [
        tokens.get(&admin, token.id).await.map(|_| ()),
        tokens.revoke(&admin, token.id, &context()).await,
    ] {
        assert!(matches!(result, Err(TokenError::NotFound)), "{result:?}");
    }
}

#[tokio::test]
async fn no_token_is_created_without_entropy() {
    let world = World::new().await;
    let admin = world.admin().await;
    let mut entropy = MockEntropy::new();
    entropy.expect_fill().return_const(Err(EntropyError));
    let dry = Tokens::new(world.store.clone(), world.clock.clone(), Arc::new(entropy));
    let result = dry
        .create(&admin, new_token(Scope::Admin, Expiry::Never), &context())
        .await;
    assert!(matches!(result, Err(TokenError::Entropy(_))), "{result:?}");
    assert_eq!(world.list(&admin).await.len(), 1);
}

#[tokio::test]
async fn flushing_writes_the_last_used_times() {
    let world = World::new().await;
    let admin = world.admin().await;
    world.clock.advance_seconds(7);
    let admin_again = world.admin().await;
    let before = world.tokens.get(&admin, world.admin.token.id).await;
    assert_eq!(before.expect("it is there").last_used_at, None);
    assert_eq!(world.tokens.flush_last_used().await.expect("flushed"), 1);
    let after = world.tokens.get(&admin_again, world.admin.token.id).await;
    let used = fixtures::NOW.saturating_add_seconds(7);
    assert_eq!(after.expect("it is there").last_used_at, Some(used));
}

#[tokio::test]
async fn a_tombstone_is_purged_after_30_days() {
    let world = World::new().await;
    let admin = world.admin().await;
    let issued = world.create(Scope::ReadWrite, Expiry::Never).await;
    world
        .tokens
        .revoke(&admin, issued.token.id, &context())
        .await
        .expect("revoked");
    let month = 30 * 24 * 60 * 60;
    world.clock.advance_seconds(month);
    assert_eq!(world.tokens.purge_ended().await.expect("purged"), 0);
    assert!(matches!(
        world.rejection(&issued.secret).await,
        Some(Rejection::Revoked { .. })
    ));
    world.clock.advance_millis(1);
    assert_eq!(world.tokens.purge_ended().await.expect("purged"), 1);
    let unknown = Some(Rejection::Unknown);
    assert_eq!(world.rejection(&issued.secret).await, unknown);
    let kept = world.list(&admin).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].status(world.tokens.now()), Status::Live);
}

/// A service with users of its own, whose owner is user 7.
async fn embedding(role: Role) -> (InMemory, Owner) {
    let service = InMemory::default();
    let owner = Owner::new(fixtures::user(7).id, role);
    let put = service.tokens.put_owner(owner.clone(), &context()).await;
    put.expect("an owner");
    (service, owner)
}

#[tokio::test]
async fn a_service_acts_on_behalf_of_its_own_users() {
    let (service, owner) = embedding(Role::Member).await;
    let tokens = &service.tokens;
    let signed_in = tokens.on_behalf_of(owner.id).await.expect("active");
    assert_eq!(signed_in.owner(), &owner);
    assert_eq!((signed_in.token_id(), signed_in.session()), (None, None));
    assert_eq!(signed_in.effective_scope(), Scope::ReadWrite);
    let request = new_token(Scope::ReadWrite, Expiry::Never);
    let issued = tokens.create(&signed_in, request, &context()).await;
    let issued = issued.expect("created");
    let verified = tokens.verify(issued.secret.expose()).await.expect("live");
    assert_eq!(verified.owner(), &owner);
    let listed = tokens
        .list(&signed_in, &ListFilter::default(), None, 10)
        .await;
    let id = issued.token.id;
    assert_eq!(listed.expect("listed").tokens, [issued.token]);
    let rotated = tokens
        .rotate(&signed_in, id, RotationOptions::default(), &context())
        .await;
    let rotated = rotated.expect("rotated");
    let revoked = tokens
        .revoke(&signed_in, rotated.token.id, &context())
        .await;
    revoked.expect("revoked");
    let events = service
        .store
        .events(&AuditFilter::default(), None, 10)
        .await;
    let actors: Vec<AuditActor> = events.expect("events").iter().map(|it| it.actor).collect();
    let external = AuditActor::External { user: owner.id };
    let is_external = |actor: &&AuditActor| **actor == external;
    assert_eq!(actors.iter().filter(is_external).count(), 3);
    assert!(
        actors.contains(&AuditActor::Operator),
        "the owner was added"
    );
    // A member cannot create a token with more than the role has.
    let request = new_token(Scope::Admin, Expiry::Never);
    let denied = tokens.create(&signed_in, request, &context()).await;
    let required = Scope::Admin;
    assert!(matches!(
        denied,
        Err(TokenError::NotAuthorized(ActorError::Denied(Denial::InsufficientScope { required: is })))
            if is == required
    ));
}

#[tokio::test]
async fn no_one_acts_on_behalf_of_an_unknown_or_suspended_owner() {
    let (service, owner) = embedding(Role::Admin).await;
    let tokens = &service.tokens;
    let rejection = async |id| match tokens.on_behalf_of(id).await {
        Err(TokenError::NotAuthorized(ActorError::Rejected(rejection))) => rejection,
        other => panic!("{other:?}"),
    };
    let unknown = tokens.on_behalf_of(fixtures::user(8).id).await;
    assert!(matches!(unknown, Err(TokenError::OwnerNotFound)));
    let before = tokens.on_behalf_of(owner.id).await.expect("active");
    let suspended = tokens.suspend_owner(owner.id, &context()).await;
    suspended.expect("suspended");
    assert_eq!(rejection(owner.id).await, Rejection::OwnerSuspended);
    // Nor does a principal from before the suspension.
    let request = new_token(Scope::ReadWrite, Expiry::Never);
    let created = tokens.create(&before, request, &context()).await;
    assert!(matches!(
        created,
        Err(TokenError::NotAuthorized(ActorError::Rejected(
            Rejection::OwnerSuspended
        )))
    ));
    let unsuspended = tokens.unsuspend_owner(owner.id, &context()).await;
    unsuspended.expect("unsuspended");
    tokens.on_behalf_of(owner.id).await.expect("active");
    let unknown = tokens.suspend_owner(fixtures::user(8).id, &context()).await;
    assert!(matches!(unknown, Err(OwnerError::NotFound)));
}

#[tokio::test]
async fn an_account_is_not_changed_as_an_owner() {
    let world = World::new().await;
    let admin = world.admin().await;
    let demoted = Owner::new(admin.user_id(), Role::Member);
    let put = world.tokens.put_owner(demoted, &context()).await;
    assert!(matches!(put, Err(OwnerError::HasAccount)));
    assert_eq!(world.admin().await.effective_scope(), Scope::Admin);
}
