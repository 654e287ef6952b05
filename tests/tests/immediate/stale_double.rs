//! Tests of the checker itself on servers and a service known to be right or wrong: the API on the
//! in-memory store, with lookups that may be cached or indexed, and a remote verifier whose results
//! may be cached.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Extension;
use axum::middleware::from_fn;
use openindex_adapters_http::guard::{Guard, Verify};
use openindex_adapters_http::remote::RemoteVerifier;
use openindex_adapters_http::router;
use openindex_adapters_http::server::{ApiSettings, ApiState, LayerSettings, PeerAddress};
use openindex_domain::access::Principal;
use openindex_domain::clock::{Clock, Timestamp};
use openindex_domain::rate_limit::RateLimitStore as _;
use openindex_domain::testing::{InMemory, fixtures};
use openindex_domain::token::{
    ChangeOwner, ChangeOwnerOutcome, CreateToken, CreateTokenOutcome, Digest, ListFilter, Owner,
    RevokeToken, RevokeTokenOutcome, RotateToken, RotateTokenOutcome, Seek, Token, TokenId,
    TokenMemory, TokenName, TokenRecord, TokenStore, TokenUse, Tokens, VerifyError,
};
use openindex_domain::use_cases::UseCases;
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use openindex_tests::Client;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::index_double::{Fault, Indexed};
use crate::log::{Act, Check, Log};
use crate::oracle::{Finding, judge};
use crate::pace::Plan;
use crate::service::Service;
use crate::totals::Totals;
use crate::trial::Trial;
use crate::wire::Replicas;
use crate::{assert_all_happened, assert_nothing_found};

const PLAN: Plan = Plan {
    checks: 4_000,
    changes: 112,
    faults: 0,
    clients: 52,
    users: 4,
};

const SERVERS: usize = 2;
const REMEMBERED: Duration = Duration::from_millis(100);

#[test]
fn a_cache_of_lookups_is_caught() {
    let log = run_on_doubles(&cached_for(REMEMBERED), Duration::ZERO);
    assert_caught(&log, PLAN.changes, |_| true);
}

#[test]
fn a_cache_of_the_service_is_caught() {
    let log = run_on_doubles(&cached_for(Duration::ZERO), REMEMBERED);
    assert_caught(&log, PLAN.changes, |check| check.replica == SERVERS);
}

#[test]
fn an_index_that_opens_its_rows_after_the_response_is_caught() {
    assert_caught(&run_on_index(Fault::PublishesAfterResponse), 20, |_| true);
}

#[test]
fn an_index_that_keeps_late_fills_is_caught() {
    assert_caught(&run_on_index(Fault::KeepsLateFills), 1, |_| true);
}

#[test]
fn an_index_that_forgets_suspensions_is_caught() {
    let log = run_on_index(Fault::ForgetsSuspensions);
    assert_caught(&log, 1, |_| true);
    for finding in judge(&log) {
        if let Finding::StaleAccept(_, change) = finding {
            assert!(matches!(change.act, Act::Suspend(_)), "{finding}");
        }
    }
}

#[test]
fn the_same_index_without_a_fault_passes() {
    assert_right(&run_on_index(Fault::None));
}

/// Asserts that at least so many requests were accepted too late, all of them on replicas of this
/// kind.
fn assert_caught(log: &Log, at_least: u64, is_stale: impl Fn(&Check) -> bool) {
    let mut stale = 0;
    for finding in judge(log) {
        if let Finding::StaleAccept(check, _) = finding {
            assert!(is_stale(check), "{finding}");
            stale += 1;
        }
    }
    let totals = Totals::of(log);
    assert!(stale >= at_least, "{stale} of {totals}");
}

#[test]
fn the_same_servers_and_service_without_the_caches_pass() {
    let log = run_on_doubles(&cached_for(Duration::ZERO), Duration::ZERO);
    assert_right(&log);
}

fn assert_right(log: &Log) {
    assert_nothing_found(log);
    assert_all_happened(log);
    assert_eq!(Totals::of(log).unknown.count, 0);
}

/// How the servers look tokens up.
enum Remembering {
    /// Each server has a cache.
    Cached(Cache<Digest, Option<Arc<TokenRecord>>>),
    /// The servers share an index, as they share the store.
    Indexed(Arc<Indexed>),
}

fn cached_for(remembered: Duration) -> impl Fn() -> Remembering {
    move || Remembering::Cached(Cache::new(remembered))
}

/// Runs the trial on servers with one index. It has to be in use.
fn run_on_index(fault: Fault) -> Log {
    let index = Arc::new(Indexed::new(fault));
    let shared = Arc::clone(&index);
    let log = run_on_doubles(
        &|| Remembering::Indexed(Arc::clone(&shared)),
        Duration::ZERO,
    );
    index.assert_used();
    log
}

/// Time passes as it does outside, from a fixed time on.
struct Ticking(Instant);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.0.elapsed().as_millis()).expect("a short test");
        fixtures::NOW.saturating_add_millis(elapsed)
    }
}

/// Runs the trial on servers that look tokens up like this, and a service that caches principals
/// for this long.
fn run_on_doubles(lookups: &dyn Fn() -> Remembering, by_service: Duration) -> Log {
    let clock: Arc<dyn Clock> = Arc::new(Ticking(Instant::now()));
    let memory = InMemory::with(|ports| ports.clock = Arc::clone(&clock));
    let runtime = Runtime::new().expect("a runtime");
    let ada = fixtures::user(1);
    let name = TokenName::parse("admin").expect("a name");
    let admin = runtime.block_on(memory.users.bootstrap(ada.email, ada.name, name));
    let admin = admin.expect("an administrator").issued.secret;
    let urls = [(); SERVERS].map(|()| runtime.block_on(serve(&memory, &clock, lookups())));
    let mut replicas = Replicas::new(urls.iter().map(String::as_str));
    let http = Client::new(&urls[0]);
    let spares = Trial::join_spares(PLAN, &http, admin.expose(), || {
        let purged = memory.store.purge_rate_limits(Timestamp::MAX);
        let _ = runtime.block_on(purged);
    });
    let _service = Service::join(&mut replicas, &http, admin.expose(), |verifier| {
        let cache = Cache::new(by_service);
        Guard::new(Principals { verifier, cache })
    });
    let trial = Trial::new(PLAN, replicas, admin.expose(), spares);
    trial.run(&http, |_| ())
}

/// Starts a server on a free port and returns its base URL.
async fn serve(memory: &InMemory, clock: &Arc<dyn Clock>, remembering: Remembering) -> String {
    let index = match &remembering {
        Remembering::Cached(_) => None,
        Remembering::Indexed(index) => Some(Arc::clone(index)),
    };
    let store = memory.store.clone();
    let lookups = Arc::new(Lookups { store, remembering });
    let tokens = Tokens::new(lookups, clock.clone(), memory.entropy.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let state = ApiState {
        use_cases: UseCases {
            tokens,
            ..memory.use_cases.clone()
        },
        metrics: Arc::default(),
        health: memory.store.clone(),
        entropy: memory.entropy.clone(),
        settings: Arc::new(ApiSettings {
            public_url: url.clone(),
            version: "double",
            layers: LayerSettings::default(),
        }),
    };
    let peer = PeerAddress(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut app = router(state).layer(Extension(peer));
    if let Some(index) = index {
        let store = memory.store.clone();
        app = app.layer(from_fn(move |request, next| {
            let (index, store) = (Arc::clone(&index), Arc::clone(&store));
            async move { index.change(&*store, request, next).await }
        }));
    }
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Results, each of which is remembered for a while.
struct Cache<K, V> {
    remembered: Duration,
    found: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    fn new(remembered: Duration) -> Self {
        Self {
            remembered,
            found: Mutex::default(),
        }
    }

    async fn get<E>(&self, key: K, find: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        let found = || self.found.lock().expect("what was found");
        let remembered = found().get(&key).cloned();
        if let Some((at, value)) = remembered
            && at.elapsed() < self.remembered
        {
            return Ok(value);
        }
        let value = find.await?;
        found().insert(key, (Instant::now(), value.clone()));
        Ok(value)
    }
}

/// A remote verifier with a cache of principals.
struct Principals {
    verifier: RemoteVerifier,
    cache: Cache<String, Principal>,
}

#[async_trait]
impl Verify for Principals {
    async fn verify(&self, presented: &str, _: Option<IpAddr>) -> Result<Principal, VerifyError> {
        let verified = self.verifier.verify(presented);
        self.cache.get(presented.to_owned(), verified).await
    }
}

/// The in-memory store with a cache or an index of lookups.
struct Lookups<S> {
    store: Arc<S>,
    remembering: Remembering,
}

impl<S> TokenMemory for Lookups<S> {}

#[async_trait]
impl<S: TokenStore> TokenStore for Lookups<S> {
    async fn find_by_digest(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        let found = self.store.find_by_digest(digest);
        match &self.remembering {
            Remembering::Cached(cache) => cache.get(*digest, found).await,
            Remembering::Indexed(index) => index.find(digest, found).await,
        }
    }

    async fn find_owner(&self, id: UserId) -> Result<Option<Owner>, StoreError> {
        self.store.find_owner(id).await
    }

    async fn change_owner(&self, change: ChangeOwner) -> Result<ChangeOwnerOutcome, StoreError> {
        self.store.change_owner(change).await
    }

    async fn create_token(&self, change: CreateToken) -> Result<CreateTokenOutcome, StoreError> {
        self.store.create_token(change).await
    }

    async fn revoke_token(&self, change: RevokeToken) -> Result<RevokeTokenOutcome, StoreError> {
        self.store.revoke_token(change).await
    }

    async fn rotate_token(&self, change: RotateToken) -> Result<RotateTokenOutcome, StoreError> {
        self.store.rotate_token(change).await
    }

    async fn list(
        &self,
        owner: UserId,
        filter: &ListFilter,
        now: Timestamp,
        seek: Option<Seek>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError> {
        self.store.list(owner, filter, now, seek, limit).await
    }

    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        self.store.get(owner, id).await
    }

    async fn record_last_used(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        self.store.record_last_used(uses).await
    }

    async fn purge_ended_before(&self, horizon: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.store.purge_ended_before(horizon, limit).await
    }
}
