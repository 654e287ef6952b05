//! [`TokenStore`] on SQLite. Each change is one `BEGIN IMMEDIATE` transaction: it reads what the
//! domain's `decide` asks for, asks it, and writes only when it agrees. A transaction that is
//! dropped without a commit rolls back.

use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use openindex_domain::StoreError;
use openindex_domain::agent_run::EndedRuns;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{
    Digest, InsertOutcome, InsertToken, ReplaceOutcome, ReplaceToken, RevokeOutcome, RevokeToken,
    Status, Token, TokenId, TokenRecord, TokenStore,
};
use openindex_domain::user::UserId;
use sqlx::SqliteConnection;

use crate::error::store_error;
use crate::rows::{select_record, token_columns};
use crate::{SqliteStore, acting, agent_runs, audit, rows};

#[async_trait]
impl TokenStore for SqliteStore {
    async fn find_by_digest(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.look_up(digest).await
    }

    async fn insert_within_quota(&self, change: InsertToken) -> Result<InsertOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        let (owner, now) = (change.token.owner, change.actor.now);
        let live = live_tokens(&mut transaction, owner, now).await?;
        if let Err(outcome) = change.decide(actor.as_ref(), live) {
            return Ok(outcome);
        }
        insert(&mut transaction, &change.token, &change.digest).await?;
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await.map_err(store_error)?;
        Ok(InsertOutcome::Inserted)
    }

    async fn revoke_once(&self, change: RevokeToken) -> Result<RevokeOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        let target = record_by_id(&mut transaction, change.token).await?;
        let target = target.as_ref().map(|record| &record.token);
        let (issuers, now) = ([change.token], change.actor.now);
        let runs = agent_runs::of_issuers(&mut transaction, &issuers, now).await?;
        let ended = match change.decide(actor.as_ref(), target, &runs) {
            Ok(ended) => ended,
            Err(outcome) => return Ok(outcome),
        };
        update(&mut transaction, &ended.token).await?;
        agent_runs::write(&mut transaction, &ended.runs).await?;
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await.map_err(store_error)?;
        Ok(RevokeOutcome::Revoked)
    }

    async fn replace(&self, change: ReplaceToken) -> Result<ReplaceOutcome, StoreError> {
        let successor = &change.successor;
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &successor.actor).await?;
        let predecessor = record_by_id(&mut transaction, change.predecessor).await?;
        let predecessor = predecessor.as_ref().map(|record| &record.token);
        let (owner, now) = (successor.token.owner, successor.actor.now);
        let live = live_tokens(&mut transaction, owner, now).await?;
        let runs = agent_runs::of_issuers(&mut transaction, &[change.predecessor], now).await?;
        let ended = match change.decide(actor.as_ref(), predecessor, live, &runs) {
            Ok(ended) => ended,
            Err(outcome) => return Ok(outcome),
        };
        update(&mut transaction, &ended.token).await?;
        agent_runs::write(&mut transaction, &ended.runs).await?;
        insert(&mut transaction, &successor.token, &successor.digest).await?;
        audit::insert(&mut transaction, &successor.audit).await?;
        transaction.commit().await.map_err(store_error)?;
        Ok(ReplaceOutcome::Replaced)
    }

    async fn list(&self, owner: UserId) -> Result<Vec<Token>, StoreError> {
        sqlx::query(concat!(
            "SELECT ",
            token_columns!(),
            " FROM tokens t WHERE t.owner_id = ?1 AND t.kind = 'personal' \
             AND t.revoked_at IS NULL ORDER BY t.created_at DESC, t.id DESC"
        ))
        .bind(owner.uuid())
        .fetch_all(&self.readers)
        .await
        .map_err(store_error)?
        .iter()
        .map(rows::token)
        .collect()
    }

    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        sqlx::query(concat!(
            "SELECT ",
            token_columns!(),
            " FROM tokens t WHERE t.id = ?1 AND t.kind = ?2 AND t.owner_id = ?3 \
             AND t.kind = 'personal' AND t.revoked_at IS NULL"
        ))
        .bind(id.uuid())
        .bind(id.kind().as_str())
        .bind(owner.uuid())
        .fetch_optional(&self.readers)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::token)
        .transpose()
    }

    async fn record_last_used(&self, uses: &[(TokenId, Timestamp)]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        // One statement however many there are, so that the writer is not held for long.
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE tokens SET last_used_at = used.at \
             FROM (SELECT unhex(value ->> 0) AS id, max(value ->> 1) AS at \
                   FROM json_each(?1) GROUP BY 1) AS used \
             WHERE tokens.id = used.id AND used.at > coalesce(tokens.last_used_at, -1)",
        )
        .bind(as_json(uses))
        .execute(&mut *transaction)
        .await
        .map_err(store_error)?;
        transaction.commit().await.map_err(store_error)
    }

    async fn purge_ended_before(&self, horizon: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let mut purged = 0;
        // Two statements, so that each finds its index.
        for over in [
            "DELETE FROM tokens WHERE revoked_at < ?1",
            "DELETE FROM tokens \
             WHERE kind = 'agent_run' AND revoked_at IS NULL AND expires_at < ?1",
        ] {
            purged += sqlx::query(over)
                .bind(horizon.unix_millis())
                .execute(&mut *transaction)
                .await
                .map_err(store_error)?
                .rows_affected();
        }
        transaction.commit().await.map_err(store_error)?;
        Ok(purged)
    }
}

pub(crate) async fn record_by_id(
    connection: &mut SqliteConnection,
    id: TokenId,
) -> Result<Option<TokenRecord>, StoreError> {
    sqlx::query(select_record!("t.id = ?1 AND t.kind = ?2"))
        .bind(id.uuid())
        .bind(id.kind().as_str())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::record)
        .transpose()
}

/// The query leaves out what has expired, so that thousands of such tokens cost nothing.
async fn live_tokens(
    connection: &mut SqliteConnection,
    owner: UserId,
    now: Timestamp,
) -> Result<u32, StoreError> {
    let tokens = sqlx::query(concat!(
        "SELECT ",
        token_columns!(),
        " FROM tokens t WHERE t.owner_id = ?1 AND t.kind = 'personal' AND t.revoked_at IS NULL \
         AND (t.expires_at IS NULL OR t.expires_at > ?2)"
    ))
    .bind(owner.uuid())
    .bind(now.unix_millis())
    .fetch_all(connection)
    .await
    .map_err(store_error)?
    .iter()
    .map(rows::token)
    .collect::<Result<Vec<Token>, StoreError>>()?;
    Ok(count_live(&tokens, now))
}

/// Counted here and not in SQL: what is live is the domain's to say.
pub(crate) fn count_live(tokens: &[Token], now: Timestamp) -> u32 {
    let live = tokens
        .iter()
        .filter(|token| token.status(now) == Status::Live)
        .count();
    u32::try_from(live).unwrap_or(u32::MAX)
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    token: &Token,
    digest: &Digest,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at, expires_at, \
         revoked_at, last_used_at, successor, agent_id, work_item, issuer_id) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )
    .bind(token.id.uuid())
    .bind(token.kind().as_str())
    .bind(token.owner.uuid())
    .bind(token.name.as_str())
    .bind(token.scope.as_str())
    .bind(&digest.as_bytes()[..])
    .bind(token.created_at.unix_millis())
    .bind(token.expires_at.map(Timestamp::unix_millis))
    .bind(token.revoked_at.map(Timestamp::unix_millis))
    .bind(token.last_used_at.map(Timestamp::unix_millis))
    .bind(token.successor.map(|id| id.to_string()))
    .bind(token.run.as_ref().map(|run| run.agent.as_str()))
    .bind(
        token
            .run
            .as_ref()
            .and_then(|run| run.work_item)
            .map(|key| key.to_string()),
    )
    .bind(token.run.as_ref().map(|run| run.issuer.uuid()))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// A user's unrevoked tokens and runs that some server may still accept at `now`.
pub(crate) async fn unended(
    connection: &mut SqliteConnection,
    owner: UserId,
    now: Timestamp,
) -> Result<Vec<Token>, StoreError> {
    sqlx::query(concat!(
        "SELECT ",
        token_columns!(),
        " FROM tokens t WHERE t.owner_id = ?1 AND t.revoked_at IS NULL \
         AND (t.expires_at IS NULL OR t.expires_at > ?2)"
    ))
    .bind(owner.uuid())
    .bind(EndedRuns::horizon(now).unix_millis())
    .fetch_all(connection)
    .await
    .map_err(store_error)?
    .iter()
    .map(rows::token)
    .collect()
}

/// Writes what a revocation or a rotation changes of a token.
pub(crate) async fn update(
    connection: &mut SqliteConnection,
    token: &Token,
) -> Result<(), StoreError> {
    let updated = sqlx::query(
        "UPDATE tokens SET expires_at = ?2, revoked_at = ?3, successor = ?4 WHERE id = ?1",
    )
    .bind(token.id.uuid())
    .bind(token.expires_at.map(Timestamp::unix_millis))
    .bind(token.revoked_at.map(Timestamp::unix_millis))
    .bind(token.successor.map(|id| id.to_string()))
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    rows::exactly_one(updated, "token")
}

/// Writes the ends of any number of tokens in one statement: when each was revoked, and when it
/// expires.
pub(crate) async fn write_ends(
    connection: &mut SqliteConnection,
    tokens: &[Token],
) -> Result<(), StoreError> {
    if tokens.is_empty() {
        return Ok(());
    }
    let mut ends = String::with_capacity(tokens.len() * 68 + 2);
    for token in tokens {
        ends.push(if ends.is_empty() { '[' } else { ',' });
        let millis = |at: Option<Timestamp>| {
            at.map_or_else(|| "null".to_owned(), |at| at.unix_millis().to_string())
        };
        let (revoked, expires) = (millis(token.revoked_at), millis(token.expires_at));
        // Writing to a string cannot fail.
        let _ = write!(
            ends,
            "[\"{}\",{revoked},{expires}]",
            token.id.uuid().simple()
        );
    }
    ends.push(']');
    let updated = sqlx::query(
        "UPDATE tokens SET revoked_at = ended.revoked_at, expires_at = ended.expires_at \
         FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS revoked_at, \
                      value ->> 2 AS expires_at FROM json_each(?1)) AS ended \
         WHERE tokens.id = ended.id",
    )
    .bind(ends)
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    if updated == tokens.len() as u64 {
        Ok(())
    } else {
        Err(StoreError::corrupt(
            "tokens went away inside the transaction that ends them",
        ))
    }
}

/// `[["<id in hexadecimal>",<milliseconds>],…]`.
fn as_json(instants: &[(TokenId, Timestamp)]) -> String {
    let mut json = String::with_capacity(instants.len() * 52 + 2);
    for (id, at) in instants {
        json.push(if json.is_empty() { '[' } else { ',' });
        // Writing to a string cannot fail.
        let _ = write!(json, "[\"{}\",{}]", id.uuid().simple(), at.unix_millis());
    }
    json.push(']');
    json
}
