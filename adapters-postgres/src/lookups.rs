//! The query for tokens by digest.

use std::sync::LazyLock;

use openindex_adapters_sql::{LookupFailure, LookupSource, rows};
use openindex_domain::StoreError;
use openindex_domain::token::Digest;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::PoolOptions;
use crate::error::{connect_error, is_broken, store_error};
use crate::options::READ_WRITE;
use crate::pooling::{PoolMode, Pooling};
use crate::statements::PgRow;

/// Opens connections for lookups.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) connect: PgConnectOptions,
    pub(crate) options: PoolOptions,
    pub(crate) pooling: Pooling,
}

impl LookupSource for Source {
    type Connection = PgConnection;
    type Row = PgRow;

    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let mode = self.pooling.mode().await?;
        let opened = async {
            let mut connection = PgConnection::connect_with(&self.connect).await?;
            // Rejects a standby.
            let plan = plan("SESSION");
            let begun = self.options.begin_session(&mut connection, mode, &plan);
            begun.await?;
            Ok(connection)
        };
        let opened = opened.await;
        opened.map_err(|error| connect_error(error, &self.connect))
    }

    async fn select(
        &self,
        connection: &mut PgConnection,
        digests: &[Digest],
    ) -> Result<Vec<PgRow>, LookupFailure> {
        let keys: Vec<&[u8]> = digests
            .iter()
            .map(|digest| &digest.as_bytes()[..])
            .collect();
        let found = match self.pooling.known() {
            PoolMode::Session => select(connection, keys).await,
            PoolMode::Transaction => self.select_through_pooler(connection, keys).await,
        };
        found.map_err(|error| LookupFailure {
            is_disconnected: is_broken(&error),
            error: store_error(error),
        })
    }

    async fn close(connection: PgConnection) {
        // The server notices either way.
        let _ = connection.close().await;
    }
}

impl Source {
    async fn select_through_pooler(
        &self,
        connection: &mut PgConnection,
        keys: Vec<&[u8]>,
    ) -> sqlx::Result<Vec<PgRow>> {
        // Read-write, so that a standby rejects it: the pooler may point at one by now.
        let begin = self.options.begin_for_pooler(READ_WRITE) + &plan("LOCAL");
        let mut transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
        let rows = select(&mut transaction, keys).await;
        transaction.clear_cached_statements().await?;
        transaction.commit().await?;
        rows
    }
}

/// Settings for the only statement of these connections, which has one good plan: each token by the
/// index on digests, and its owner by id. The server would otherwise plan it again for each list,
/// which takes longer than the query itself, or read all users for a few tokens.
fn plan(scope: &str) -> String {
    format!(
        "SET {scope} plan_cache_mode = force_generic_plan; SET {scope} enable_seqscan = off; \
         SET {scope} enable_hashjoin = off; SET {scope} enable_mergejoin = off; "
    )
}

async fn select(connection: &mut PgConnection, keys: Vec<&[u8]>) -> sqlx::Result<Vec<PgRow>> {
    static SELECT: LazyLock<String> = LazyLock::new(|| rows::select_record("t.digest = ANY ($1)"));
    let found = sqlx::query(AssertSqlSafe(SELECT.as_str())).bind(keys);
    let found = found.fetch_all(connection).await?;
    Ok(found.into_iter().map(PgRow).collect())
}
