//! What differs between PostgreSQL and the other databases of a
//! [`SqlStore`](openindex_adapters_sql::SqlStore).

use std::sync::Arc;

use openindex_adapters_sql::lists::{MatchingTokens, TokenList};
use openindex_adapters_sql::{Call, Database, End, Lock, Statement, Tx, Work};
use openindex_coalescing::Observer;
use openindex_domain::StoreError;
use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Digest, RevokedBy, Token, TokenRecord, TokenUse};
use sqlx::postgres::PgConnection;
use time::OffsetDateTime;

use crate::error::store_error;
use crate::options::PoolOptions;
use crate::statements::{PgRow, query};
use crate::store::PostgresDatabase;
use crate::{locks, queries};

impl Database for PostgresDatabase {
    type Connection = PgConnection;
    type Row = PgRow;
    type Options = PoolOptions;

    // As in the index `tokens_personal_ending`.
    const EXPIRES_AT: &'static str = "coalesce(t.expires_at::timestamptz, 'infinity')";
    const LAST_USED_AT: &'static str = "coalesce(t.last_used_at::timestamptz, '-infinity')";
    const SEEN_AT: &'static str = "coalesce((1000 * extract(epoch FROM greatest(\
        (SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id), \
        (SELECT max(t.last_used_at) FROM tokens t \
         WHERE t.owner_id = u.id AND t.kind = 'personal'), \
        (SELECT e.at FROM audit_events e \
         WHERE e.actor_user = 'usr_' || replace(u.id::text, '-', '') \
         ORDER BY e.at DESC, e.id DESC LIMIT 1))))::bigint, -1)";
    const FOR_UPDATE: &'static str = " FOR NO KEY UPDATE";
    const SKIP_LOCKED: &'static str = " FOR UPDATE SKIP LOCKED";
    const HAS_CONCURRENT_CHANGES: bool = true;

    fn any_uuid(column: &str, placeholder: &str) -> String {
        format!("{column} = ANY ({placeholder})")
    }

    fn in_list(query: &str) -> String {
        format!("= ANY (ARRAY({query}))")
    }

    fn any_text(column: &str, placeholder: &str) -> String {
        Self::any_uuid(column, placeholder)
    }

    fn any_bytes(column: &str, placeholder: &str) -> String {
        Self::any_uuid(column, placeholder)
    }

    fn contains(text: &str, placeholder: &str) -> String {
        format!("strpos({text}, {placeholder}) > 0")
    }

    // In the collation `C` only ASCII letters have a case, in any locale of the database.
    fn lower(text: &str) -> String {
        format!(r#"lower({text} COLLATE "C")"#)
    }

    fn is_not_ascii(text: &str) -> String {
        format!("octet_length({text}) <> char_length({text})")
    }

    fn run_expires_after(placeholder: &str) -> String {
        format!("(t.expires_at IS NULL OR t.expires_at > {placeholder})")
    }

    // The planner needs none.
    fn hint(_: &'static str) -> String {
        String::new()
    }

    async fn fetch(
        connection: &mut PgConnection,
        statement: Statement,
    ) -> Result<Vec<PgRow>, StoreError> {
        let found = query(statement).fetch_all(connection).await;
        Ok(found.map_err(store_error)?.into_iter().map(PgRow).collect())
    }

    async fn execute(
        connection: &mut PgConnection,
        statement: Statement,
    ) -> Result<u64, StoreError> {
        let done = query(statement).execute(connection).await;
        Ok(done.map_err(store_error)?.rows_affected())
    }

    async fn lock(tx: &mut Tx<'_, Self>, lock: Lock<'_>) -> Result<(), StoreError> {
        for statement in locks::statements(lock) {
            Self::execute(tx.connection(), statement).await?;
        }
        Ok(())
    }

    async fn run<T: Send + 'static>(
        &self,
        call: Call,
        work: impl for<'c> FnOnce(Tx<'c, Self>) -> Work<'c, End<T>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run_call(call, |connection| work(Tx::new(connection)))
            .await
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
        let times = |time: fn(&Token) -> Option<Timestamp>| -> Vec<Option<OffsetDateTime>> {
            let times = ended.iter().map(|token| time(token));
            times.map(|at| at.map(Timestamp::to_datetime)).collect()
        };
        let reasons = ended.iter().map(|token| token.details.revoked_by);
        let reasons: Vec<_> = reasons.map(|by| by.map(RevokedBy::as_str)).collect();
        let updated = sqlx::query(
            "UPDATE tokens SET revoked_at = ended.revoked_at, expires_at = ended.expires_at, \
                               revoked_by = ended.revoked_by \
             FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[]) \
                 AS ended (id, revoked_at, expires_at, revoked_by) \
             WHERE tokens.id = ended.id",
        )
        .bind(
            ended
                .iter()
                .map(|token| token.id.uuid())
                .collect::<Vec<_>>(),
        )
        .bind(times(|token| token.revoked_at))
        .bind(times(|token| token.expires_at))
        .bind(reasons)
        .execute(tx.connection());
        Ok(updated.await.map_err(store_error)?.rows_affected())
    }

    async fn record_last_used(tx: &mut Tx<'_, Self>, uses: &[TokenUse]) -> Result<(), StoreError> {
        let ids: Vec<_> = uses.iter().map(|used| used.token.uuid()).collect();
        let times: Vec<_> = uses.iter().map(|used| used.at.to_datetime()).collect();
        let addresses: Vec<_> = uses
            .iter()
            .map(|used| used.from.map(|from| from.to_string()))
            .collect();
        // Rows are locked ordered by id, so that two replicas that write at the same time do not
        // deadlock.
        sqlx::query(
            "WITH used AS ( \
                 SELECT DISTINCT ON (id) id, at, address \
                 FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS u (id, at, address) \
                 ORDER BY id, at DESC \
             ), due AS ( \
                 SELECT t.id, used.at, used.address \
                 FROM tokens t JOIN used ON used.id = t.id \
                 WHERE t.last_used_at IS NULL OR t.last_used_at < used.at \
                 ORDER BY t.id FOR NO KEY UPDATE OF t \
             ) \
             UPDATE tokens SET last_used_at = due.at, last_used_from = due.address \
             FROM due WHERE tokens.id = due.id \
             AND (tokens.last_used_at IS NULL OR tokens.last_used_at < due.at)",
        )
        .bind(ids)
        .bind(times)
        .bind(addresses)
        .execute(tx.connection())
        .await
        .map_err(store_error)?;
        Ok(())
    }

    // Async, since the pool requires the runtime of an async caller.
    async fn connect(url: &str, options: PoolOptions) -> Result<Self, StoreError> {
        Self::open(url, options)
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
        self.pool_connections()
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_schema().await
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
