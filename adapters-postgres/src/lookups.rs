//! The query for tokens by digest.

use std::sync::Arc;

use openindex_adapters_sql::{TablePrefix, rows};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::options::{PoolOptions, READ_WRITE};
use crate::statements::PgRow;

/// Returns the text of the query, whose parameter is a list of digests.
pub(crate) fn text(prefix: TablePrefix) -> Arc<str> {
    let text = rows::select_record("t.digest = ANY ($1)");
    prefix.statement(text.into()).into()
}

pub(crate) async fn select_through_pooler(
    options: PoolOptions,
    connection: &mut PgConnection,
    text: &Arc<str>,
    keys: Vec<&[u8]>,
) -> sqlx::Result<Vec<PgRow>> {
    // Read-write, so that a standby rejects it: the pooler may point at one by now.
    let begin = options.begin_for_pooler(READ_WRITE) + &plan("LOCAL");
    let mut transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
    let rows = select(&mut transaction, text, keys).await;
    transaction.clear_cached_statements().await?;
    transaction.commit().await?;
    rows
}

/// Settings for the only statement of these connections, which has one good plan: each token by the
/// index on digests, and its owner by id. The server would otherwise plan it again for each list,
/// which takes longer than the query itself, or read all users for a few tokens.
pub(crate) fn plan(scope: &str) -> String {
    format!(
        "SET {scope} plan_cache_mode = force_generic_plan; SET {scope} enable_seqscan = off; \
         SET {scope} enable_hashjoin = off; SET {scope} enable_mergejoin = off; "
    )
}

pub(crate) async fn select(
    connection: &mut PgConnection,
    text: &Arc<str>,
    keys: Vec<&[u8]>,
) -> sqlx::Result<Vec<PgRow>> {
    let found = sqlx::query(AssertSqlSafe(Arc::clone(text))).bind(keys);
    let found = found.fetch_all(connection).await?;
    Ok(found.into_iter().map(PgRow).collect())
}
