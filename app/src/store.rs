use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use async_trait::async_trait;
use openindex_adapters_postgres::PostgresStore;
use openindex_adapters_sql::{Database, SqlStore};
use openindex_adapters_sqlite::{SqliteOptions, SqliteStore};
use openindex_domain::clock::Clock;
use openindex_domain::entropy::Entropy;
use openindex_domain::use_cases::Ports;
use openindex_domain::user::PasswordHasher;
use openindex_domain::{StoreError, StoreHealth};

use crate::config::{Config, DatabaseUrl, Scheme};
use crate::metrics::Metrics;

/// An open store, apart from the ports of the use cases.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) health: Arc<dyn StoreHealth>,
    schema: Arc<dyn Schema>,
}

/// The ports of the use cases that are not stores.
pub(crate) struct System {
    pub(crate) hasher: Arc<dyn PasswordHasher>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// Operations of a store that only the composition root uses.
#[async_trait]
pub(crate) trait Schema: Send + Sync {
    async fn migrate(&self) -> Result<(), StoreError>;
    async fn close(&self);
}

#[async_trait]
impl<D: Database> Schema for SqlStore<D, true, true> {
    async fn migrate(&self) -> Result<(), StoreError> {
        Self::migrate(self).await
    }

    async fn close(&self) {
        Self::close(self).await;
    }
}

impl DatabaseUrl {
    /// Checks everything that can be checked without connecting. Returns a warning for each
    /// parameter and variable of PostgreSQL that has no effect.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if the store would not accept it.
    pub fn check(&self) -> Result<Vec<String>, StoreError> {
        match self.scheme() {
            Scheme::Sqlite => {
                openindex_adapters_sqlite::check_url(self.expose())?;
                Ok(Vec::new())
            }
            Scheme::Postgres => openindex_adapters_postgres::check_url(self.expose()),
        }
    }

    /// Returns whether both are the same SQLite file, by whatever paths or links.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        let identity = |url: &Self| {
            let path = match url.scheme() {
                Scheme::Sqlite => openindex_adapters_sqlite::file_of(url.expose()).ok()?,
                Scheme::Postgres => return None,
            };
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.dev(), metadata.ino()))
        };
        identity(self).is_some_and(|mine| Some(mine) == identity(other))
    }
}

impl Store {
    /// Opens the store of the URL. Creates a missing SQLite file.
    pub(crate) async fn open(
        config: &Config,
        system: System,
        metrics: &Metrics,
    ) -> Result<(Self, Ports), StoreError> {
        let url = &config.database;
        Ok(match url.scheme() {
            Scheme::Sqlite => {
                let mut options = SqliteOptions::default();
                if config.is_guest {
                    options = options.as_guest();
                }
                let store = SqliteStore::connect_with(url.expose(), options).await?;
                Self::of(store, "readers", system, metrics)
            }
            Scheme::Postgres => {
                let store = PostgresStore::connect(url.expose()).await?;
                Self::of(store, "changes", system, metrics)
            }
        })
    }

    fn of<D: Database>(
        store: SqlStore<D>,
        pool: &'static str,
        system: System,
        metrics: &Metrics,
    ) -> (Self, Ports) {
        let store = store
            .with_accounts()
            .with_work_items()
            .with_lookup_observer(metrics.lookup_observer())
            .with_call_observer(metrics.call_observer());
        let seen = store.clone();
        metrics.add_pool(pool, move || seen.connections());
        let store = Arc::new(store);
        let System {
            hasher,
            clock,
            entropy,
        } = system;
        let ports = Ports::of(&store, hasher, clock, entropy).with_work_items(store.clone());
        let health = store.clone();
        let schema = store;
        (Self { health, schema }, ports)
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
