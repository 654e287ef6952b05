//! The table of counted attempts.

use openindex_domain::StoreError;
use openindex_domain::clock::Timestamp;
use openindex_domain::rate_limit::RateWindow;

use crate::rows;
use crate::{Database, Statement, Tx};

/// Reads the window of a bucket, which a change has locked by name.
pub(crate) async fn window<D: Database>(
    tx: &mut Tx<'_, D>,
    key: &str,
) -> Result<Option<RateWindow>, StoreError> {
    let statement = Statement::new("SELECT begun_at, count FROM rate_limits WHERE key = $1");
    Ok(tx
        .row(statement.bind(key))
        .await?
        .as_ref()
        .and_then(rows::rate_window))
}

pub(crate) async fn write<D: Database>(
    tx: &mut Tx<'_, D>,
    key: &str,
    window: RateWindow,
) -> Result<(), StoreError> {
    let statement = Statement::new(
        "INSERT INTO rate_limits (key, begun_at, count) VALUES ($1, $2, $3) \
         ON CONFLICT (key) DO UPDATE SET begun_at = excluded.begun_at, count = excluded.count",
    )
    .bind(key)
    .bind(window.begun_at)
    .bind(window.count);
    tx.execute(statement).await?;
    Ok(())
}

pub(crate) async fn reset<D: Database>(tx: &mut Tx<'_, D>, key: &str) -> Result<(), StoreError> {
    tx.execute(Statement::new("DELETE FROM rate_limits WHERE key = $1").bind(key))
        .await?;
    Ok(())
}

/// Deletes the windows that began before the given time, except for those in use, and returns their
/// number.
pub(crate) async fn purge<D: Database>(
    tx: &mut Tx<'_, D>,
    begun_before: Timestamp,
) -> Result<u64, StoreError> {
    let statement = Statement::new(format!(
        "DELETE FROM rate_limits WHERE key IN \
         (SELECT key FROM rate_limits WHERE begun_at < $1{})",
        D::SKIP_LOCKED
    ));
    tx.execute(statement.bind(begun_before)).await
}
