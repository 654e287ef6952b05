//! [`TokenStore`] on PostgreSQL. Each change is one transaction: it locks the owners that it
//! depends on and the tokens that it may end, reads the facts that the domain's `decide` requires,
//! and writes only if `decide` agrees. A transaction that is dropped without a commit is rolled
//! back.

use std::sync::Arc;

use async_trait::async_trait;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{
    CreateToken, CreateTokenOutcome, CreationRate, Digest, ListFilter, ListedStatus,
    RevocableTokens, RevokeToken, RevokeTokenOutcome, RevokedBy, RotateToken, RotateTokenOutcome,
    Seek, Sort, SortKey, Status, Token, TokenCounts, TokenId, TokenKind, TokenRecord, TokenStore,
    TokenUse,
};
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use time::OffsetDateTime;

use crate::agent_runs::horizon;
use crate::error::store_error;
use crate::rows::{
    LISTED_KINDS, select_record, select_token, select_unexpired, shown_token_columns, token_columns,
};
use crate::store::begin;
use crate::{PostgresStore, acting, agent_runs, audit, locks, rows};

/// The start of a condition that a token expires after the time that follows, or never. It matches
/// the index `tokens_personal_ending`, so expired tokens cost nothing.
macro_rules! live {
    () => {
        "coalesce(t.expires_at::timestamptz, 'infinity') > "
    };
}

#[async_trait]
impl TokenStore for PostgresStore {
    async fn find_by_digest(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.look_up(digest).await
    }

    async fn create_token(&self, change: CreateToken) -> Result<CreateTokenOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { create(connection, &change).await }))
            .await
    }

    async fn revoke_token(&self, change: RevokeToken) -> Result<RevokeTokenOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { revoke(connection, &change).await }))
            .await
    }

    async fn rotate_token(&self, change: RotateToken) -> Result<RotateTokenOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { rotate(connection, &change).await }))
            .await
    }

    async fn list(
        &self,
        owner: UserId,
        filter: &ListFilter,
        now: Timestamp,
        seek: Option<Seek>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError> {
        let filter = filter.clone();
        self.call(move |connection| {
            Box::pin(async move { list_tokens(connection, owner, &filter, now, seek, limit).await })
        })
        .await
    }

    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                sqlx::query(concat!(
                    "SELECT ",
                    shown_token_columns!(),
                    " FROM tokens t WHERE t.id = $1 AND t.owner_id = $3 AND $2 = 'personal' \
                     AND t.kind <> 'agent_run'"
                ))
                .bind(id.uuid())
                .bind(id.kind().as_str())
                .bind(owner.uuid())
                .fetch_optional(connection)
                .await
                .map_err(store_error)?
                .as_ref()
                .map(rows::shown_token)
                .transpose()
            })
        })
        .await
    }

    async fn record_last_used(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = uses.iter().map(|used| used.token.uuid()).collect();
        let times: Vec<_> = uses.iter().map(|used| used.at.to_datetime()).collect();
        let addresses: Vec<_> = uses
            .iter()
            .map(|used| used.from.map(|from| from.to_string()))
            .collect();
        self.maintenance(move |connection| {
            Box::pin(async move {
                // Rows are locked ordered by id, so that two replicas that write at the same time
                // do not deadlock.
                sqlx::query(
                    "WITH used AS ( \
                         SELECT DISTINCT ON (id) id, at, address \
                         FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) \
                             AS u (id, at, address) \
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
                .execute(connection)
                .await
                .map_err(store_error)?;
                Ok(())
            })
        })
        .await
    }

    async fn purge_ended_before(&self, horizon: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.maintenance(move |connection| {
            Box::pin(async move {
                let mut left = u64::from(limit);
                // Two statements, so that each uses its index. A row that another transaction is
                // writing can be purged next time.
                for ended in [
                    "DELETE FROM tokens WHERE id = ANY (ARRAY( \
                         SELECT id FROM tokens WHERE revoked_at < $1 \
                         ORDER BY revoked_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
                    "DELETE FROM tokens WHERE id = ANY (ARRAY( \
                         SELECT id FROM tokens WHERE revoked_at IS NULL AND expires_at < $1 \
                         ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
                ] {
                    left -= sqlx::query(ended)
                        .bind(horizon.to_datetime())
                        .bind(i64::try_from(left).unwrap_or(i64::MAX))
                        .execute(&mut *connection)
                        .await
                        .map_err(store_error)?
                        .rows_affected()
                        .min(left);
                }
                Ok(u64::from(limit) - left)
            })
        })
        .await
    }
}

async fn create(
    connection: &mut PgConnection,
    change: &CreateToken,
) -> Result<CreateTokenOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), &[change.token.owner]).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    let (owner, now) = (change.token.owner, change.actor.now);
    let kind = TokenKind::Personal;
    let counts = counts(&mut transaction, kind, owner, change.rate, now).await?;
    if let Err(outcome) = change.decide(actor.as_ref(), counts) {
        return Ok(outcome);
    }
    insert(&mut transaction, &change.token, &change.digest).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(CreateTokenOutcome::Created)
}

async fn revoke(
    connection: &mut PgConnection,
    change: &RevokeToken,
) -> Result<RevokeTokenOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), &[change.owner]).await?;
    let issuer = &[change.token];
    locks::tokens_with_runs(&mut transaction, issuer, change.actor.now).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    let target = revocable(&mut transaction, TokenKind::Personal, issuer).await?;
    let runs = agent_runs::of_issuers(&mut transaction, issuer, change.actor.now).await?;
    let ended = match change.decide(actor.as_ref(), target.first(), &runs) {
        Ok(ended) => ended,
        Err(outcome) => return Ok(outcome),
    };
    write_ends(&mut transaction, &[ended.token], &target).await?;
    agent_runs::end(&mut transaction, &ended.runs, &runs).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(RevokeTokenOutcome::Revoked)
}

async fn rotate(
    connection: &mut PgConnection,
    change: &RotateToken,
) -> Result<RotateTokenOutcome, StoreError> {
    let successor = &change.successor;
    let (owner, now) = (successor.token.owner, successor.actor.now);
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&successor.actor), &[owner]).await?;
    let issuer = &[change.predecessor];
    locks::tokens_with_runs(&mut transaction, issuer, now).await?;
    let actor = acting::record(&mut transaction, &successor.actor).await?;
    let predecessor = record_by_id(&mut transaction, change.predecessor).await?;
    let predecessor = predecessor.as_ref().map(|record| &record.token);
    let kind = TokenKind::Personal;
    let counts = counts(&mut transaction, kind, owner, successor.rate, now).await?;
    let runs = agent_runs::of_issuers(&mut transaction, issuer, now).await?;
    let ended = match change.decide(actor.as_ref(), predecessor, counts, &runs) {
        Ok(ended) => ended,
        Err(outcome) => return Ok(outcome),
    };
    update(&mut transaction, &ended.token).await?;
    agent_runs::end(&mut transaction, &ended.runs, &runs).await?;
    insert(&mut transaction, &successor.token, &successor.digest).await?;
    audit::insert(&mut transaction, &successor.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(RotateTokenOutcome::Rotated)
}

/// Returns the sort key before the id and whether it is descending, reversed when paging back.
/// `None` if the list is ordered by id alone.
fn sort_key(sort: Sort, is_back: bool) -> Option<(&'static str, bool)> {
    let (key, is_descending) = match sort {
        Sort::Newest => return None,
        Sort::Name => (r#"lower(t.name COLLATE "C")"#, false),
        Sort::Expiry => ("coalesce(t.expires_at::timestamptz, 'infinity')", false),
        Sort::LastUsed => ("coalesce(t.last_used_at::timestamptz, '-infinity')", true),
    };
    Some((key, is_descending != is_back))
}

/// Adds the condition for the tokens beyond the cursor.
fn push_beyond(query: &mut QueryBuilder<Postgres>, sort: Sort, seek: &Seek) {
    let is_back = matches!(seek, Seek::Before(_));
    let beyond = |is_descending| if is_descending { " < " } else { " > " };
    let cursor = seek.cursor();
    query.push("(");
    if let Some((key, is_descending)) = sort_key(sort, is_back) {
        query.push(key).push(beyond(is_descending));
        push_key(query, &cursor.key);
        query.push(" OR ").push(key).push(" = ");
        push_key(query, &cursor.key);
        query.push(" AND ");
    }
    query.push("t.id").push(beyond(!is_back));
    query.push_bind(cursor.id.uuid()).push(")");
}

fn push_order(query: &mut QueryBuilder<Postgres>, sort: Sort, seek: Option<&Seek>) {
    let is_back = matches!(seek, Some(Seek::Before(_)));
    let order = |is_descending| if is_descending { " DESC" } else { " ASC" };
    query.push(" ORDER BY ");
    if let Some((key, is_descending)) = sort_key(sort, is_back) {
        query.push(key).push(order(is_descending)).push(", ");
    }
    query.push("t.id").push(order(!is_back));
}

fn push_key(query: &mut QueryBuilder<Postgres>, key: &SortKey) {
    match key {
        // Ordered by id alone.
        SortKey::Newest => {}
        SortKey::Name(name) => {
            query.push_bind(name.clone());
        }
        SortKey::Expiry(at) => {
            query
                .push("coalesce(")
                .push_bind(at.map(Timestamp::to_datetime));
            query.push("::timestamptz, 'infinity')");
        }
        SortKey::LastUsed(at) => {
            query
                .push("coalesce(")
                .push_bind(at.map(Timestamp::to_datetime));
            query.push("::timestamptz, '-infinity')");
        }
    }
}

pub(crate) async fn record_by_id(
    connection: &mut PgConnection,
    id: TokenId,
) -> Result<Option<TokenRecord>, StoreError> {
    sqlx::query(select_record!("t.id = $1 AND t.kind = $2"))
        .bind(id.uuid())
        .bind(id.kind().as_str())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::record)
        .transpose()
}

/// Returns the fields required to end a user's unrevoked tokens and runs that some server may still
/// accept at `now`.
pub(crate) async fn unexpired_of_owner(
    connection: &mut PgConnection,
    owner: UserId,
    now: Timestamp,
) -> Result<RevocableTokens, StoreError> {
    let found = sqlx::query(select_unexpired!("t.owner_id = $2"))
        .bind(horizon(now))
        .bind(owner.uuid())
        .fetch_all(connection)
        .await
        .map_err(store_error)?;
    found.iter().map(rows::revocable).collect()
}

/// Returns the fields required to end these tokens of one kind, including damaged rows whose kind
/// is unknown.
pub(crate) async fn endings(
    connection: &mut PgConnection,
    kind: TokenKind,
    ids: &[TokenId],
) -> Result<RevocableTokens, StoreError> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let found = sqlx::query(select_token!(
        "t.id = ANY ($1) AND (t.kind = $2 OR t.kind NOT IN ('personal', 'agent_run'))"
    ))
    .bind(ids)
    .bind(kind.as_str())
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    found.iter().map(rows::revocable).collect()
}

async fn list_tokens(
    connection: &mut PgConnection,
    owner: UserId,
    filter: &ListFilter,
    now: Timestamp,
    seek: Option<Seek>,
    limit: u32,
) -> Result<Listing<Token>, StoreError> {
    let mut query = QueryBuilder::new("SELECT t.* FROM (");
    for kind in LISTED_KINDS {
        query.push(concat!(
            "(SELECT t.* FROM (SELECT ",
            shown_token_columns!(),
            " FROM tokens t WHERE "
        ));
        query.push(kind).push(" AND t.owner_id = ");
        query.push_bind(owner.uuid());
        query.push(match filter.status {
            Some(ListedStatus::Revoked) => " AND t.revoked_at IS NOT NULL",
            Some(ListedStatus::Live | ListedStatus::Expired) | None => " AND t.revoked_at IS NULL",
        });
        if let Some(name) = &filter.name {
            query.push(" AND t.name = ").push_bind(name.as_str());
        }
        if let Some(search) = &filter.search {
            query.push(" AND strpos(coalesce(t.name_folded, lower(t.name)), ");
            query.push_bind(search.as_str()).push(") > 0");
        }
        match filter.status {
            // OFFSET 0 keeps the planner from scanning an index in page order, which is slow if
            // there are few live tokens among many expired ones.
            Some(ListedStatus::Live) => query
                .push(concat!(" AND ", live!()))
                .push_bind(now.to_datetime())
                .push(" OFFSET 0"),
            // IS TRUE keeps the planner from sorting an index of all owners' expired tokens for one
            // page.
            Some(ListedStatus::Expired) => query
                .push(" AND (t.expires_at <= ")
                .push_bind(now.to_datetime())
                .push(") IS TRUE"),
            Some(ListedStatus::Revoked) | None => &mut query,
        };
        query.push(") t");
        if let Some(seek) = &seek {
            query.push(" WHERE ");
            push_beyond(&mut query, filter.sort, seek);
        }
        push_order(&mut query, filter.sort, seek.as_ref());
        query.push(" LIMIT ").push_bind(i64::from(limit)).push(")");
        if kind == LISTED_KINDS[0] {
            query.push(" UNION ALL ");
        }
    }
    query.push(") t");
    push_order(&mut query, filter.sort, seek.as_ref());
    query.push(" LIMIT ").push_bind(i64::from(limit));
    let found = query.build().fetch_all(connection).await;
    Listing::read(found.map_err(store_error)?.iter().map(rows::shown_token))
}

/// Counts the owner's tokens of this kind. The query only skips expired tokens; the domain decides
/// which of the rest are live.
pub(crate) async fn counts(
    connection: &mut PgConnection,
    kind: TokenKind,
    owner: UserId,
    rate: CreationRate,
    now: Timestamp,
) -> Result<TokenCounts, StoreError> {
    // Written out, so that each kind uses its indexes.
    let (live, nth_newest) = match kind {
        TokenKind::Personal => (
            concat!(
                "SELECT ",
                token_columns!(),
                " FROM tokens t WHERE t.owner_id = $2 AND t.kind = 'personal' \
                 AND t.revoked_at IS NULL AND ",
                live!(),
                "$1"
            ),
            "SELECT created_at FROM tokens WHERE owner_id = $1 AND kind = 'personal' \
             ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET $2",
        ),
        TokenKind::AgentRun => (
            select_unexpired!("t.owner_id = $2 AND t.kind = 'agent_run'"),
            "SELECT created_at FROM tokens WHERE owner_id = $1 AND kind = 'agent_run' \
             ORDER BY id DESC LIMIT 1 OFFSET $2",
        ),
    };
    let tokens = sqlx::query(live)
        .bind(now.to_datetime())
        .bind(owner.uuid())
        .fetch_all(&mut *connection)
        .await
        .map_err(store_error)?
        .iter()
        .map(rows::revocable)
        .collect::<Result<RevocableTokens, StoreError>>()?;
    let live = tokens
        .iter()
        .filter(|token| token.status(now) == Status::Live)
        .count();
    let nth_newest = sqlx::query(nth_newest)
        .bind(owner.uuid())
        .bind(i64::from(rate.limit() - 1))
        .fetch_optional(connection)
        .await
        .map_err(store_error)?;
    Ok(TokenCounts {
        live: u32::try_from(live).unwrap_or(u32::MAX),
        // An unreadable time does not keep the owner from creating tokens.
        nth_newest: nth_newest.map(|row| rows::any_instant(&row, "created_at")),
    })
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    token: &Token,
    digest: &Digest,
) -> Result<(), StoreError> {
    let run = token.run.as_ref();
    sqlx::query(
        "INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at, expires_at, \
         revoked_at, last_used_at, successor, agent_id, work_item, issuer_id, last_four, \
         created_from, name_folded) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(token.id.uuid())
    .bind(token.kind().as_str())
    .bind(token.owner.uuid())
    .bind(token.name.as_str())
    .bind(token.scope.as_str())
    .bind(&digest.as_bytes()[..])
    .bind(token.created_at.to_datetime())
    .bind(token.expires_at.map(Timestamp::to_datetime))
    .bind(token.revoked_at.map(Timestamp::to_datetime))
    .bind(token.last_used_at.map(Timestamp::to_datetime))
    .bind(token.successor.map(|id| id.to_string()))
    .bind(run.map(|run| run.agent.as_str()))
    .bind(run.and_then(|run| run.work_item).map(|key| key.to_string()))
    .bind(run.map(|run| run.issuer.uuid()))
    .bind(token.details.last_four.map(|end| end.to_string()))
    .bind(token.details.created_from.map(|from| from.to_string()))
    .bind(token.name.folded())
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Writes the columns that a revocation or a rotation changes.
async fn update(connection: &mut PgConnection, token: &Token) -> Result<(), StoreError> {
    let updated = sqlx::query(
        "UPDATE tokens SET expires_at = $2, revoked_at = $3, successor = $4, revoked_by = $5 \
         WHERE id = $1",
    )
    .bind(token.id.uuid())
    .bind(token.expires_at.map(Timestamp::to_datetime))
    .bind(token.revoked_at.map(Timestamp::to_datetime))
    .bind(token.successor.map(|id| id.to_string()))
    .bind(token.details.revoked_by.map(RevokedBy::as_str))
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    rows::exactly_one(updated, "token")
}

/// Writes the ends of tokens: revocation, reason and expiration. Rows that were read as damaged are
/// deleted.
pub(crate) async fn write_ends(
    connection: &mut PgConnection,
    ended: &[Token],
    read: &RevocableTokens,
) -> Result<(), StoreError> {
    let (damaged, tokens): (Vec<&Token>, Vec<&Token>) =
        ended.iter().partition(|token| read.is_damaged(token.id));
    if !damaged.is_empty() {
        let ids: Vec<_> = damaged.iter().map(|token| token.id.uuid()).collect();
        sqlx::query("DELETE FROM tokens WHERE id = ANY ($1)")
            .bind(ids)
            .execute(&mut *connection)
            .await
            .map_err(store_error)?;
    }
    let ids: Vec<_> = tokens.iter().map(|token| token.id.uuid()).collect();
    let times = |time: fn(&Token) -> Option<Timestamp>| -> Vec<Option<OffsetDateTime>> {
        let times = tokens.iter().map(|token| time(token));
        times.map(|at| at.map(Timestamp::to_datetime)).collect()
    };
    let reasons: Vec<_> = tokens
        .iter()
        .map(|token| token.details.revoked_by.map(RevokedBy::as_str))
        .collect();
    let updated = sqlx::query(
        "UPDATE tokens SET revoked_at = ended.revoked_at, expires_at = ended.expires_at, \
                           revoked_by = ended.revoked_by \
         FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[]) \
             AS ended (id, revoked_at, expires_at, revoked_by) \
         WHERE tokens.id = ended.id",
    )
    .bind(ids)
    .bind(times(|token| token.revoked_at))
    .bind(times(|token| token.expires_at))
    .bind(reasons)
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    if updated != tokens.len() as u64 {
        return Err(StoreError::corrupt(
            "tokens disappeared inside the transaction that ends them",
        ));
    }
    Ok(())
}
