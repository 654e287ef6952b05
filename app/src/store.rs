use std::sync::Arc;

use async_trait::async_trait;
use openindex_adapters_postgres::PostgresStore;
use openindex_adapters_sql::{Database, SqlStore};
use openindex_adapters_sqlite::SqliteStore;
use openindex_domain::admin_tokens::AdminTokenStore;
use openindex_domain::agent_run::AgentRunStore;
use openindex_domain::audit::AuditStore;
use openindex_domain::invite::InviteStore;
use openindex_domain::rate_limit::RateLimitStore;
use openindex_domain::session::SessionStore;
use openindex_domain::token::TokenStore;
use openindex_domain::user::UserStore;
use openindex_domain::work_item::WorkItemStore;
use openindex_domain::{StoreError, StoreHealth};

use crate::config::{DatabaseUrl, Scheme};
use crate::metrics::Metrics;

/// One open store as each of its ports.
#[derive(Clone)]
pub(crate) struct Stores {
    pub(crate) tokens: Arc<dyn TokenStore>,
    pub(crate) agent_runs: Arc<dyn AgentRunStore>,
    pub(crate) work_items: Arc<dyn WorkItemStore>,
    pub(crate) users: Arc<dyn UserStore>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    pub(crate) invites: Arc<dyn InviteStore>,
    pub(crate) admin_tokens: Arc<dyn AdminTokenStore>,
    pub(crate) rate_limits: Arc<dyn RateLimitStore>,
    pub(crate) audit: Arc<dyn AuditStore>,
    pub(crate) health: Arc<dyn StoreHealth>,
    schema: Arc<dyn Schema>,
}

/// Operations of a store that only the composition root uses.
#[async_trait]
trait Schema: Send + Sync {
    async fn migrate(&self) -> Result<(), StoreError>;
    async fn close(&self);
}

#[async_trait]
impl<D: Database> Schema for SqlStore<D> {
    async fn migrate(&self) -> Result<(), StoreError> {
        Self::migrate(self).await
    }

    async fn close(&self) {
        Self::close(self).await;
    }
}

impl Stores {
    /// Opens the store of the URL. Creates a missing SQLite file.
    pub(crate) async fn open(url: &DatabaseUrl, metrics: &Metrics) -> Result<Self, StoreError> {
        Ok(match url.scheme() {
            Scheme::Sqlite => {
                let store = SqliteStore::connect(url.expose()).await?;
                Self::of(store, "readers", metrics)
            }
            Scheme::Postgres => {
                let store = PostgresStore::connect(url.expose()).await?;
                Self::of(store, "changes", metrics)
            }
        })
    }

    fn of<D: Database>(store: SqlStore<D>, pool: &'static str, metrics: &Metrics) -> Self {
        let store = store
            .with_work_items()
            .with_lookup_observer(metrics.lookup_observer());
        let seen = store.clone();
        metrics.add_pool(pool, move || seen.connections());
        let store = Arc::new(store);
        Self {
            tokens: store.clone(),
            agent_runs: store.clone(),
            work_items: store.clone(),
            users: store.clone(),
            sessions: store.clone(),
            invites: store.clone(),
            admin_tokens: store.clone(),
            rate_limits: store.clone(),
            audit: store.clone(),
            health: store.clone(),
            schema: store,
        }
    }

    /// Migrates the schema to this version.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        self.schema.migrate().await
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        self.schema.close().await;
    }
}
