//! The table of counted attempts.

use std::collections::HashMap;

use openindex_domain::clock::Timestamp;
use openindex_domain::rate_limit::RateWindow;

use crate::rows;
use crate::{Database, Result, Statement, Tx};

/// Reads the windows of buckets, by key.
pub(crate) async fn windows<D: Database>(
    tx: &mut Tx<'_, D>,
    keys: Vec<String>,
) -> Result<HashMap<String, RateWindow>> {
    let statement = Statement::new(format!(
        "SELECT key, begun_at, count FROM rate_limits WHERE {}",
        D::any_text("key", "$1")
    ));
    let found = tx.rows(statement.bind(keys)).await?;
    let windows = found.iter().filter_map(rows::rate_window);
    Ok(windows.collect())
}

pub(crate) async fn write<D: Database>(
    tx: &mut Tx<'_, D>,
    key: &str,
    window: RateWindow,
) -> Result<()> {
    let statement = Statement::new(
        "INSERT INTO rate_limits (key, begun_at, count) VALUES ($1, $2, $3) \
         ON CONFLICT (key) DO UPDATE SET begun_at = excluded.begun_at, count = excluded.count",
    )
    .bind(key)
    .bind(window.begun_at)
    .bind(window.count);
    tx.execute(statement).await
}

pub(crate) async fn reset<D: Database>(tx: &mut Tx<'_, D>, key: &str) -> Result<()> {
    tx.execute(Statement::new("DELETE FROM rate_limits WHERE key = $1").bind(key))
        .await
}

/// Deletes the windows that began before the given time, except for those in use, and returns their
/// number.
pub(crate) async fn purge<D: Database>(tx: &mut Tx<'_, D>, begun_before: Timestamp) -> Result<u64> {
    let statement = Statement::new(format!(
        "DELETE FROM rate_limits WHERE key IN \
         (SELECT key FROM rate_limits WHERE begun_at < $1{})",
        D::SKIP_LOCKED
    ));
    tx.affected(statement.bind(begun_before)).await
}

/// Inserts rows that require new pages and deletes them: writing to existing pages would not show
/// whether the disk has space.
pub(crate) async fn probe<D: Database>(tx: &mut Tx<'_, D>) -> Result<()> {
    let insert = Statement::new(
        "WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 200) \
         INSERT INTO rate_limits (key, begun_at, count) \
         SELECT 'probe ' || n, $1, 0 FROM n WHERE TRUE ON CONFLICT DO NOTHING",
    );
    tx.execute(insert.bind(Timestamp::from_unix_millis(0)))
        .await?;
    let delete = Statement::new("DELETE FROM rate_limits WHERE key LIKE 'probe %'");
    tx.execute(delete).await
}
