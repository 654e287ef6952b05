//! What differs between SQLite and the other databases of [`SqlStore`](crate::SqliteStore).

use std::sync::Arc;

use openindex_adapters_sql::lists::{MatchingTokens, TokenList};
use openindex_adapters_sql::{Call, Database, End, Lock, Statement, Tx, Work};
use openindex_coalescing::Observer;
use openindex_domain::StoreError;
use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Digest, RevokedBy, Token, TokenRecord, TokenUse};
use sqlx::sqlite::SqliteConnection;

use crate::error::store_error;
use crate::queries;
use crate::statements::{SqliteRow, hexadecimal, json, query};
use crate::store::{SqliteDatabase, SqliteOptions};

impl Database for SqliteDatabase {
    type Connection = SqliteConnection;
    type Row = SqliteRow;
    type Options = SqliteOptions;

    // As in the index `personal_tokens_ending`.
    const EXPIRES_AT: &'static str = "coalesce(t.expires_at, 253402300800000)";
    const LAST_USED_AT: &'static str = "coalesce(t.last_used_at, -1)";
    const SEEN_AT: &'static str = "max(\
        coalesce((SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id), -1), \
        coalesce((SELECT max(t.last_used_at) FROM tokens t \
                  WHERE t.owner_id = u.id AND t.kind = 'personal'), -1), \
        coalesce((SELECT e.at FROM audit_events e \
                  WHERE e.actor_user = 'usr_' || lower(hex(u.id)) \
                  ORDER BY e.at DESC, e.id DESC LIMIT 1), -1))";
    // A change holds the only lock that there is from its start.
    const FOR_UPDATE: &'static str = "";
    const SKIP_LOCKED: &'static str = "";
    const HAS_CONCURRENT_CHANGES: bool = false;

    fn any_uuid(column: &str, placeholder: &str) -> String {
        format!("{column} IN (SELECT unhex(value) FROM json_each({placeholder}))")
    }

    fn in_list(query: &str) -> String {
        format!("IN ({query})")
    }

    fn any_text(column: &str, placeholder: &str) -> String {
        format!("{column} IN (SELECT value FROM json_each({placeholder}))")
    }

    fn any_bytes(column: &str, placeholder: &str) -> String {
        Self::any_uuid(column, placeholder)
    }

    fn contains(text: &str, placeholder: &str) -> String {
        format!("instr({text}, {placeholder}) > 0")
    }

    fn lower(text: &str) -> String {
        format!("lower({text})")
    }

    fn is_not_ascii(text: &str) -> String {
        format!("length(CAST({text} AS BLOB)) <> length({text})")
    }

    fn run_expires_after(placeholder: &str) -> String {
        format!("t.expires_at > {placeholder}")
    }

    fn hint(index: &'static str) -> String {
        format!(" INDEXED BY {index}")
    }

    async fn fetch(
        connection: &mut SqliteConnection,
        statement: Statement,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let found = query(statement)?.fetch_all(connection).await;
        Ok(found
            .map_err(store_error)?
            .into_iter()
            .map(SqliteRow)
            .collect())
    }

    async fn execute(
        connection: &mut SqliteConnection,
        statement: Statement,
    ) -> Result<u64, StoreError> {
        let done = query(statement)?.execute(connection).await;
        Ok(done.map_err(store_error)?.rows_affected())
    }

    async fn lock(_: &mut Tx<'_, Self>, _: Lock<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn run<T: Send + 'static>(
        &self,
        call: Call,
        work: impl for<'c> FnOnce(Tx<'c, Self>) -> Work<'c, End<T>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let end = match call {
            Call::Read => {
                let mut connection = self.readers()?.acquire().await.map_err(store_error)?;
                work(Tx::new(&mut *connection)).await?
            }
            Call::Browse => {
                let mut browsing = self.browse().await?;
                work(Tx::new(browsing.connection())).await?
            }
            Call::Change | Call::Count | Call::Maintenance => {
                let mut change = self.begin().await?;
                let end = work(Tx::new(&mut *change)).await?;
                if matches!(end, End::Commit(_)) {
                    change.commit().await?;
                }
                end
            }
        };
        match end {
            End::Commit(result) | End::RollBack(result) => Ok(result),
        }
    }

    async fn find_token(&self, digest: &Digest) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.lookups.find(digest).await
    }

    fn list_tokens(list: &TokenList<'_>) -> Statement {
        queries::list(list)
    }

    fn matching_tokens(matching: &MatchingTokens<'_>) -> Statement {
        queries::matching(matching)
    }

    fn matching_ids(filter: &TokenFilter, now: Timestamp) -> Statement {
        queries::matching_ids(filter, now)
    }

    async fn write_ends(tx: &mut Tx<'_, Self>, ended: &[&Token]) -> Result<u64, StoreError> {
        let ends: Vec<_> = ended
            .iter()
            .map(|token| {
                (
                    hexadecimal(token.id.uuid()),
                    token.revoked_at.map(Timestamp::unix_millis),
                    token.expires_at.map(Timestamp::unix_millis),
                    token.details.revoked_by.map(RevokedBy::as_str),
                )
            })
            .collect();
        let statement = Statement::new(
            "UPDATE tokens SET revoked_at = ended.revoked_at, expires_at = ended.expires_at, \
                               revoked_by = ended.revoked_by \
             FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS revoked_at, \
                          value ->> 2 AS expires_at, value ->> 3 AS revoked_by \
                   FROM json_each($1)) AS ended \
             WHERE tokens.id = ended.id",
        );
        Self::execute(tx.connection(), statement.bind(json(&ends)?)).await
    }

    async fn record_last_used(tx: &mut Tx<'_, Self>, uses: &[TokenUse]) -> Result<(), StoreError> {
        let uses: Vec<_> = uses
            .iter()
            .map(|used| {
                (
                    hexadecimal(used.token.uuid()),
                    used.at.unix_millis(),
                    used.from,
                )
            })
            .collect();
        // One statement for any number of uses, so that the writer is not blocked for long. SQLite
        // takes the address from the row of the maximum.
        let statement = Statement::new(
            "UPDATE tokens SET last_used_at = used.at, last_used_from = used.address \
             FROM (SELECT unhex(value ->> 0) AS id, max(value ->> 1) AS at, \
                          value ->> 2 AS address \
                   FROM json_each($1) GROUP BY 1) AS used \
             WHERE tokens.id = used.id AND used.at > coalesce(tokens.last_used_at, -1)",
        );
        Self::execute(tx.connection(), statement.bind(json(&uses)?)).await?;
        Ok(())
    }

    async fn connect(url: &str, options: SqliteOptions) -> Result<Self, StoreError> {
        Self::open(url, options).await
    }

    fn with_work_items(mut self) -> Self {
        self.has_work_items = true;
        self
    }

    fn has_work_items(&self) -> bool {
        self.has_work_items
    }

    fn observed(self, observer: Observer) -> Self {
        self.with_observed_lookups(observer)
    }

    fn connections(&self) -> [u32; 3] {
        self.reader_connections()
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        self.apply_migrations().await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.check_schema().await
    }

    async fn write(&self) -> Result<(), StoreError> {
        self.probe().await
    }

    async fn close(&self) {
        self.lookups.close().await;
        self.close_pools().await;
    }
}
