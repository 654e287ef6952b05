//! Tests of the checker itself on servers known to be right or wrong: the API on the in-memory
//! store, with lookups that may be cached.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Extension;
use openindex_adapters_http::router;
use openindex_adapters_http::server::{ApiSettings, ApiState, LayerSettings, PeerAddress};
use openindex_domain::clock::Timestamp;
use openindex_domain::rate_limit::RateLimitStore as _;
use openindex_domain::testing::{InMemory, fixtures};
use openindex_domain::token::{
    CreateToken, CreateTokenOutcome, Digest, ListFilter, RevokeToken, RevokeTokenOutcome,
    RotateToken, RotateTokenOutcome, Seek, Token, TokenId, TokenName, TokenRecord, TokenStore,
    TokenUse, Tokens,
};
use openindex_domain::use_cases::UseCases;
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use openindex_tests::Client;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::log::Log;
use crate::oracle::{Finding, judge};
use crate::pace::Plan;
use crate::totals::Totals;
use crate::trial::Trial;
use crate::wire::Replicas;
use crate::{assert_all_happened, assert_nothing_found};

const PLAN: Plan = Plan {
    checks: 4_000,
    changes: 80,
    faults: 0,
    clients: 52,
    users: 4,
};

#[test]
fn a_cache_of_lookups_is_caught() {
    let log = run_on_doubles(Duration::from_millis(100));
    let findings = judge(&log);
    let stale = findings
        .iter()
        .filter(|finding| matches!(finding, Finding::StaleAccept(..)))
        .count();
    let totals = Totals::of(&log);
    assert!(stale > 0, "{totals}");
    // Not a single lucky find: most credentials are accepted after their end.
    assert!(stale as u64 > PLAN.changes, "{stale} of {totals}");
}

#[test]
fn the_same_servers_without_the_cache_pass() {
    let log = run_on_doubles(Duration::ZERO);
    assert_nothing_found(&log);
    assert_all_happened(&log);
    assert_eq!(Totals::of(&log).unknown.count, 0);
}

/// Runs the trial on two servers that cache lookups for this long.
fn run_on_doubles(remembered: Duration) -> Log {
    let memory = InMemory::default();
    let runtime = Runtime::new().expect("a runtime");
    let ada = fixtures::user(1);
    let name = TokenName::parse("admin").expect("a name");
    let admin = runtime.block_on(memory.users.bootstrap(ada.email, ada.name, name));
    let admin = admin.expect("an administrator").issued.secret;
    let urls = [(); 2].map(|()| runtime.block_on(serve(&memory, remembered)));
    let replicas = Replicas::new(urls.iter().map(String::as_str));
    let http = Client::new(&urls[0]);
    let spares = Trial::join_spares(PLAN, &http, admin.expose(), || {
        let purged = memory.store.purge_rate_limits(Timestamp::MAX);
        let _ = runtime.block_on(purged);
    });
    let trial = Trial::new(PLAN, replicas, admin.expose(), spares);
    trial.run(&http, |_| ())
}

/// Starts a server on a free port and returns its base URL.
async fn serve(memory: &InMemory, remembered: Duration) -> String {
    let lookups = Lookups {
        store: memory.store.clone(),
        remembered,
        found: Mutex::default(),
    };
    let tokens = Tokens::new(
        Arc::new(lookups),
        memory.clock.clone(),
        memory.entropy.clone(),
    );
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
    let app = router(state).layer(Extension(peer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// A cached result, and when it was found.
type Remembered = (Instant, Option<Arc<TokenRecord>>);

/// The in-memory store with a cache of lookups.
struct Lookups<S> {
    store: Arc<S>,
    remembered: Duration,
    found: Mutex<HashMap<Digest, Remembered>>,
}

#[async_trait]
impl<S: TokenStore> TokenStore for Lookups<S> {
    async fn find_by_digest(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        let found = self
            .found
            .lock()
            .expect("what was found")
            .get(digest)
            .cloned();
        if let Some((at, record)) = found
            && at.elapsed() < self.remembered
        {
            return Ok(record);
        }
        let record = self.store.find_by_digest(digest).await?;
        let now = (Instant::now(), record.clone());
        self.found
            .lock()
            .expect("what was found")
            .insert(*digest, now);
        Ok(record)
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
