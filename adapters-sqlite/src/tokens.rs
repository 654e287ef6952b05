//! [`TokenStore`] on SQLite. Each change is one `BEGIN IMMEDIATE` transaction: it reads what the
//! domain's `decide` asks for, asks it, and writes only when it agrees. A transaction that is
//! dropped without a commit rolls back.

use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use openindex_domain::agent_run::EndedRuns;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{
    Digest, Endings, InsertOutcome, InsertToken, IssueRate, IssuedSoFar, ListFilter, ListedStatus,
    ReplaceOutcome, ReplaceToken, RevokeOutcome, RevokeToken, Status, Token, TokenId, TokenKind,
    TokenRecord, TokenStore,
};
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use sqlx::{QueryBuilder, SqliteConnection};

use crate::error::store_error;
use crate::rows::{select_record, token_columns};
use crate::{SqliteStore, acting, agent_runs, audit, rows};

/// The beginning of a condition that ends with the present: what expires after it, or never. As in
/// the index `personal_tokens_ending`, so that any number of expired tokens costs nothing.
macro_rules! live {
    () => {
        "coalesce(t.expires_at, 253402300800000) > "
    };
}

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
        let so_far = issued(&mut transaction, &change).await?;
        if let Err(outcome) = change.decide(actor.as_ref(), so_far) {
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
        let (issuers, now) = ([change.token], change.actor.now);
        let target = endings(&mut transaction, TokenKind::Personal, &issuers).await?;
        let runs = agent_runs::of_issuers(&mut transaction, &issuers, now).await?;
        let ended = match change.decide(actor.as_ref(), target.first(), &runs) {
            Ok(ended) => ended,
            Err(outcome) => return Ok(outcome),
        };
        write_ends(&mut transaction, &[ended.token], &target).await?;
        agent_runs::write(&mut transaction, &ended.runs, &runs).await?;
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
        let so_far = issued(&mut transaction, successor).await?;
        let (issuers, now) = ([change.predecessor], successor.actor.now);
        let runs = agent_runs::of_issuers(&mut transaction, &issuers, now).await?;
        let ended = match change.decide(actor.as_ref(), predecessor, so_far, &runs) {
            Ok(ended) => ended,
            Err(outcome) => return Ok(outcome),
        };
        update(&mut transaction, &ended.token).await?;
        agent_runs::write(&mut transaction, &ended.runs, &runs).await?;
        insert(&mut transaction, &successor.token, &successor.digest).await?;
        audit::insert(&mut transaction, &successor.audit).await?;
        transaction.commit().await.map_err(store_error)?;
        Ok(ReplaceOutcome::Replaced)
    }

    async fn list(
        &self,
        owner: UserId,
        filter: &ListFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError> {
        let mut query = QueryBuilder::new(concat!(
            "SELECT ",
            token_columns!(),
            " FROM tokens t WHERE t.kind = 'personal' AND t.revoked_at IS NULL AND t.owner_id = "
        ));
        query.push_bind(owner.uuid());
        if let Some(name) = &filter.name {
            query.push(" AND t.name = ").push_bind(name.as_str());
        }
        // The plus sign keeps an index in the order of a page from being chosen where live tokens
        // are to be found among any number of expired ones.
        let id = match filter.status {
            Some(ListedStatus::Live) => {
                query.push(" AND ").push(live!());
                query.push_bind(now.unix_millis());
                "+t.id"
            }
            Some(ListedStatus::Expired) => {
                query.push(" AND t.expires_at <= ");
                query.push_bind(now.unix_millis());
                "t.id"
            }
            None => "t.id",
        };
        if let Some(after) = after {
            query.push(" AND ").push(id).push(" < ");
            query.push_bind(after.uuid());
        }
        query.push(" ORDER BY ").push(id).push(" DESC LIMIT ");
        query.push_bind(limit);
        let found = query.build().fetch_all(&self.readers).await;
        Listing::read(found.map_err(store_error)?.iter().map(rows::token))
    }

    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        sqlx::query(concat!(
            "SELECT ",
            token_columns!(),
            " FROM tokens t WHERE t.id = ?1 AND t.kind = ?2 AND t.owner_id = ?3 \
             AND t.kind = 'personal'"
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

    async fn purge_ended_before(&self, horizon: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let mut left = u64::from(limit);
        // Two statements, so that each finds its index.
        for ended in [
            "DELETE FROM tokens WHERE rowid IN \
             (SELECT rowid FROM tokens WHERE revoked_at < ?1 ORDER BY revoked_at LIMIT ?2)",
            "DELETE FROM tokens WHERE rowid IN \
             (SELECT rowid FROM tokens WHERE revoked_at IS NULL AND expires_at < ?1 \
              ORDER BY expires_at LIMIT ?2)",
        ] {
            left -= sqlx::query(ended)
                .bind(horizon.unix_millis())
                .bind(i64::try_from(left).unwrap_or(i64::MAX))
                .execute(&mut *transaction)
                .await
                .map_err(store_error)?
                .rows_affected()
                .min(left);
        }
        transaction.commit().await.map_err(store_error)?;
        Ok(u64::from(limit) - left)
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

/// Tokens of one kind as far as ending them takes, of whatever kind a damaged row says that it is.
pub(crate) async fn endings(
    connection: &mut SqliteConnection,
    kind: TokenKind,
    ids: &[TokenId],
) -> Result<Endings, StoreError> {
    let found = sqlx::query(select_record!(
        "t.id IN (SELECT unhex(value) FROM json_each(?1)) \
         AND (t.kind = ?2 OR t.kind NOT IN ('personal', 'agent_run'))"
    ))
    .bind(rows::json(ids.iter().map(|id| id.uuid().simple())))
    .bind(kind.as_str())
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    found.iter().map(rows::ending).collect()
}

/// What the owner has been issued of personal access tokens.
async fn issued(
    connection: &mut SqliteConnection,
    change: &InsertToken,
) -> Result<IssuedSoFar, StoreError> {
    let (owner, now) = (change.token.owner, change.actor.now);
    let tokens = sqlx::query(concat!(
        "SELECT ",
        token_columns!(),
        " FROM tokens t WHERE t.owner_id = ?1 AND t.kind = 'personal' AND t.revoked_at IS NULL \
         AND ",
        live!(),
        "?2"
    ))
    .bind(owner.uuid())
    .bind(now.unix_millis())
    .fetch_all(&mut *connection)
    .await
    .map_err(store_error)?
    .iter()
    .map(rows::ending)
    .collect::<Result<Endings, StoreError>>()?;
    Ok(IssuedSoFar {
        live: count_live(&tokens, now),
        nth_newest: nth_newest(connection, TokenKind::Personal, owner, change.rate).await?,
    })
}

/// When the token was created that is as many from the newest as the rate allows in its window.
pub(crate) async fn nth_newest(
    connection: &mut SqliteConnection,
    kind: TokenKind,
    owner: UserId,
    rate: IssueRate,
) -> Result<Option<Timestamp>, StoreError> {
    // Spelled out, so that each kind finds its index.
    let query = match kind {
        TokenKind::Personal => {
            "SELECT created_at FROM tokens WHERE owner_id = ?1 AND kind = 'personal' \
             ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET ?2"
        }
        TokenKind::AgentRun => {
            "SELECT created_at FROM tokens WHERE owner_id = ?1 AND kind = 'agent_run' \
             ORDER BY id DESC LIMIT 1 OFFSET ?2"
        }
    };
    let found = sqlx::query(query)
        .bind(owner.uuid())
        .bind(rate.limit() - 1)
        .fetch_optional(connection)
        .await
        .map_err(store_error)?;
    // One that cannot be read keeps the owner from nothing.
    Ok(found.map(|row| rows::any_instant(&row, "created_at")))
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

/// A user's unrevoked tokens and runs that some server may still accept at `now`, as far as ending
/// them takes.
pub(crate) async fn unended(
    connection: &mut SqliteConnection,
    owner: UserId,
    now: Timestamp,
) -> Result<Endings, StoreError> {
    let found = sqlx::query(concat!(
        "SELECT ",
        token_columns!(),
        " FROM tokens t WHERE t.owner_id = ?1 AND t.revoked_at IS NULL \
         AND (t.expires_at IS NULL OR t.expires_at > ?2)"
    ))
    .bind(owner.uuid())
    .bind(EndedRuns::horizon(now).unix_millis())
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    found.iter().map(rows::ending).collect()
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
/// expires. The rows of those that were read as damaged are deleted.
pub(crate) async fn write_ends(
    connection: &mut SqliteConnection,
    ended: &[Token],
    read: &Endings,
) -> Result<(), StoreError> {
    let mut tokens = Vec::with_capacity(ended.len());
    for token in ended {
        if read.is_damaged(token.id) {
            sqlx::query("DELETE FROM tokens WHERE id = ?1")
                .bind(token.id.uuid())
                .execute(&mut *connection)
                .await
                .map_err(store_error)?;
        } else {
            tokens.push(token);
        }
    }
    if tokens.is_empty() {
        return Ok(());
    }
    let mut ends = String::with_capacity(tokens.len() * 68 + 2);
    for token in &tokens {
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
