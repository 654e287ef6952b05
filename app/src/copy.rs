use std::future::Future;

use async_trait::async_trait;
use openindex_adapters_postgres::{PoolOptions, PostgresDatabase, PostgresStore};
use openindex_adapters_sql::copy::{self, Copied, CopyError, Progress, Source, Target};
use openindex_adapters_sql::{Database, SqlStore};
use openindex_adapters_sqlite::{SqliteSource, SqliteStore};
use openindex_domain::{StoreError, StoreHealth as _};

use crate::config::{DatabaseUrl, Scheme};
use crate::store::Schema;

/// Copies everything from one database into another, which is migrated first and must be empty, and
/// compares what it then contains. The source is only read. If the target already has exactly the
/// content of the source, nothing is written. If `stop` resolves first, nothing more is.
///
/// # Errors
///
/// [`CopyError`]; then the target is still empty, unless it is [`CopyError::Commit`] or
/// [`CopyError::Interrupted`].
pub async fn copy_database(
    from: &DatabaseUrl,
    to: &DatabaseUrl,
    report: impl FnMut(Progress) + Send,
    stop: impl Future<Output = ()> + Send,
) -> Result<Copied, CopyError> {
    if from == to || from.is_same_file(to) {
        return Err(CopyError::Same);
    }
    let mut opened = None;
    let copied = async {
        let source = open_source(from).await;
        let mut source = source.map_err(|error| CopyError::Source(error.into()))?;
        let store = open_target(to).await;
        let store = opened.insert(store.map_err(|error| CopyError::Target(error.into()))?);
        let target = store.fill().await;
        let target = target.map_err(|error| CopyError::Target(error.into()))?;
        copy::copy(&mut *source, target, report).await
    };
    let copied = tokio::select! {
        copied = copied => copied,
        () = stop => Err(CopyError::Interrupted),
    };
    if let Some(store) = opened {
        store.close().await;
    }
    copied
}

async fn open_source(url: &DatabaseUrl) -> Result<Box<dyn Source>, StoreError> {
    Ok(match url.scheme() {
        Scheme::Sqlite => Box::new(SqliteSource::connect(url.expose()).await?),
        Scheme::Postgres => {
            let options = PoolOptions::default();
            let database = PostgresDatabase::connect(url.expose(), options).await?;
            Box::new(database.snapshot().await?)
        }
    })
}

/// A store that can be filled.
#[async_trait]
trait Fill: Schema {
    /// Migrates the schema, and begins the transaction of a copy.
    async fn fill(&self) -> Result<Box<dyn Target>, StoreError>;
}

#[async_trait]
impl Fill for SqliteStore<true, true> {
    async fn fill(&self) -> Result<Box<dyn Target>, StoreError> {
        make_ready(self).await?;
        Ok(Box::new(self.database().fill().await?))
    }
}

#[async_trait]
impl Fill for PostgresStore<true, true> {
    async fn fill(&self) -> Result<Box<dyn Target>, StoreError> {
        make_ready(self).await?;
        Ok(Box::new(self.database().fill().await?))
    }
}

async fn open_target(url: &DatabaseUrl) -> Result<Box<dyn Fill>, StoreError> {
    Ok(match url.scheme() {
        Scheme::Sqlite => Box::new(whole(SqliteStore::connect(url.expose()).await?)),
        Scheme::Postgres => Box::new(whole(PostgresStore::connect(url.expose()).await?)),
    })
}

fn whole<D: Database>(store: SqlStore<D>) -> SqlStore<D, true, true> {
    store.with_accounts().with_work_items()
}

async fn make_ready<D: Database>(store: &SqlStore<D, true, true>) -> Result<(), StoreError> {
    store.migrate().await?;
    // Names a missing privilege.
    store.ready().await
}
