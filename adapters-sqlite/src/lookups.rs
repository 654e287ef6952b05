//! The query for tokens by digest.

use std::sync::Arc;

use openindex_adapters_sql::{LookupFailure, LookupSource, rows};
use openindex_coalescing::MAX_BATCH;
use openindex_domain::StoreError;
use openindex_domain::token::Digest;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::error::store_error;
use crate::file::DatabaseFile;
use crate::statements::SqliteRow;

/// Opens connections for lookups.
#[derive(Clone)]
pub(crate) struct Source {
    connect: SqliteConnectOptions,
    file: Arc<DatabaseFile>,
}

impl Source {
    pub(crate) fn new(connect: SqliteConnectOptions, file: Arc<DatabaseFile>) -> Self {
        Self {
            // Room for the rows of a whole batch, so that the connection's thread does not pause in
            // the middle.
            connect: connect.row_buffer_size(MAX_BATCH.get()),
            file,
        }
    }
}

impl LookupSource for Source {
    type Connection = SqliteConnection;
    type Row = SqliteRow;

    async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        let connected = SqliteConnection::connect_with(&self.connect).await;
        connected.map_err(store_error)
    }

    async fn select(
        &self,
        connection: &mut SqliteConnection,
        digests: &[Digest],
    ) -> Result<Vec<SqliteRow>, LookupFailure> {
        let failure = |error| LookupFailure {
            error,
            is_disconnected: false,
        };
        // Checked after connecting: a new connection could be on another file than the rest.
        self.file.check().map_err(failure)?;
        // Padded to a power of two with the last digest, so that only a few statements are
        // prepared.
        let length = digests.len().next_power_of_two();
        let sql = rows::select_record(&format!("t.digest IN (?{})", ",?".repeat(length - 1)));
        let filled = digests.iter().chain(digests.last().into_iter().cycle());
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for digest in filled.take(length) {
            query = query.bind(&digest.as_bytes()[..]);
        }
        let found = query.fetch_all(connection).await;
        let found = found.map_err(|error| failure(store_error(error)))?;
        Ok(found.into_iter().map(SqliteRow).collect())
    }

    async fn close(connection: SqliteConnection) {
        // These connections only read.
        let _ = connection.close().await;
    }
}
