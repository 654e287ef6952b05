use std::sync::Arc;

use openindex_adapters_postgres::{PoolOptions, PostgresDatabase, PostgresStore};
use openindex_adapters_sql::copy::{self, Copied, CopyError, Progress, Source, Target};
use openindex_adapters_sql::{Database, SqlStore};
use openindex_adapters_sqlite::{SqliteSource, SqliteStore};
use openindex_domain::{StoreError, StoreHealth as _};

use crate::config::{DatabaseUrl, Scheme};
use crate::store::Schema;

/// Copies everything from one database into another, which is migrated first and must be empty, and
/// compares what it then contains. The source is only read.
///
/// # Errors
///
/// [`CopyError`]; then the target is still empty.
pub async fn copy_database(
    from: &DatabaseUrl,
    to: &DatabaseUrl,
    report: impl FnMut(Progress) + Send,
) -> Result<Copied, CopyError> {
    let source = open_source(from).await;
    let mut source = source.map_err(|error| CopyError::Source(error.into()))?;
    let target = open_target(to).await;
    let (target, store) = target.map_err(|error| CopyError::Target(error.into()))?;
    let copied = copy::copy(&mut *source, target, report).await;
    store.close().await;
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

async fn open_target(url: &DatabaseUrl) -> Result<(Box<dyn Target>, Arc<dyn Schema>), StoreError> {
    Ok(match url.scheme() {
        Scheme::Sqlite => {
            let store = migrated(SqliteStore::connect(url.expose()).await?).await?;
            (Box::new(store.database().fill().await?), store)
        }
        Scheme::Postgres => {
            let store = migrated(PostgresStore::connect(url.expose()).await?).await?;
            (Box::new(store.database().fill().await?), store)
        }
    })
}

async fn migrated<D: Database>(
    store: SqlStore<D>,
) -> Result<Arc<SqlStore<D, true, true>>, StoreError> {
    let store = store.with_accounts().with_work_items();
    store.migrate().await?;
    // Names a missing privilege.
    store.ready().await?;
    Ok(Arc::new(store))
}
