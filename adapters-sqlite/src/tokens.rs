//! [`TokenStore`] on SQLite. Each change is one `BEGIN IMMEDIATE` transaction: it reads the facts
//! that the domain's `decide` requires, and writes only if `decide` agrees. A transaction that is
//! dropped without a commit is rolled back.

use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use openindex_domain::agent_run::EndedRuns;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{
    CreateToken, CreateTokenOutcome, CreationRate, Digest, ListFilter, ListedStatus,
    RevocableTokens, RevokeToken, RevokeTokenOutcome, RevokedBy, RotateToken, RotateTokenOutcome,
    Seek, Sort, SortKey, Status, Token, TokenCounts, TokenId, TokenKind, TokenRecord, TokenStore,
    TokenUse,
};
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::error::store_error;
use crate::rows::{LISTED_KINDS, select_record, select_token, shown_token_columns, token_columns};
use crate::{SqliteStore, acting, agent_runs, audit, rows};

/// The start of a condition that a token expires after the time that follows, or never. It matches
/// the index `personal_tokens_ending`, so expired tokens cost nothing.
macro_rules! live {
    () => {
        "coalesce(t.expires_at, 253402300800000) > "
    };
}
pub(crate) use live;

#[async_trait]
impl TokenStore for SqliteStore {
    async fn find_by_digest(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.look_up(digest).await
    }

    async fn create_token(&self, change: CreateToken) -> Result<CreateTokenOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        let counts = counts(&mut transaction, &change).await?;
        if let Err(outcome) = change.decide(actor.as_ref(), counts) {
            return Ok(outcome);
        }
        insert(&mut transaction, &change.token, &change.digest).await?;
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await?;
        Ok(CreateTokenOutcome::Created)
    }

    async fn revoke_token(&self, change: RevokeToken) -> Result<RevokeTokenOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        let (issuers, now) = ([change.token], change.actor.now);
        let target = revocable(&mut transaction, TokenKind::Personal, &issuers).await?;
        let runs = agent_runs::of_issuers(&mut transaction, &issuers, now).await?;
        let ended = match change.decide(actor.as_ref(), target.first(), &runs) {
            Ok(ended) => ended,
            Err(outcome) => return Ok(outcome),
        };
        write_ends(&mut transaction, &[ended.token], &target).await?;
        agent_runs::end(&mut transaction, &ended.runs, &runs).await?;
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await?;
        Ok(RevokeTokenOutcome::Revoked)
    }

    async fn rotate_token(&self, change: RotateToken) -> Result<RotateTokenOutcome, StoreError> {
        let successor = &change.successor;
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &successor.actor).await?;
        let predecessor = record_by_id(&mut transaction, change.predecessor).await?;
        let predecessor = predecessor.as_ref().map(|record| &record.token);
        let counts = counts(&mut transaction, successor).await?;
        let (issuers, now) = ([change.predecessor], successor.actor.now);
        let runs = agent_runs::of_issuers(&mut transaction, &issuers, now).await?;
        let ended = match change.decide(actor.as_ref(), predecessor, counts, &runs) {
            Ok(ended) => ended,
            Err(outcome) => return Ok(outcome),
        };
        update(&mut transaction, &ended.token).await?;
        agent_runs::end(&mut transaction, &ended.runs, &runs).await?;
        insert(&mut transaction, &successor.token, &successor.digest).await?;
        audit::insert(&mut transaction, &successor.audit).await?;
        transaction.commit().await?;
        Ok(RotateTokenOutcome::Rotated)
    }

    async fn list(
        &self,
        owner: UserId,
        filter: &ListFilter,
        now: Timestamp,
        seek: Option<Seek>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError> {
        let mut query = page(owner, filter, now, seek.as_ref(), limit);
        let found = query.build().fetch_all(self.readers()?).await;
        Listing::read(found.map_err(store_error)?.iter().map(rows::shown_token))
    }

    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        sqlx::query(concat!(
            "SELECT ",
            shown_token_columns!(),
            " FROM tokens t WHERE t.id = ?1 AND t.owner_id = ?3 AND ?2 = 'personal' \
             AND t.kind <> 'agent_run'"
        ))
        .bind(id.uuid())
        .bind(id.kind().as_str())
        .bind(owner.uuid())
        .fetch_optional(self.readers()?)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::shown_token)
        .transpose()
    }

    async fn record_last_used(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        // One statement for any number of uses, so that the writer is not blocked for long.
        let mut transaction = self.begin().await?;
        sqlx::query(
            // SQLite takes the address from the row of the maximum.
            "UPDATE tokens SET last_used_at = used.at, last_used_from = used.address \
             FROM (SELECT unhex(value ->> 0) AS id, max(value ->> 1) AS at, \
                          value ->> 2 AS address \
                   FROM json_each(?1) GROUP BY 1) AS used \
             WHERE tokens.id = used.id AND used.at > coalesce(tokens.last_used_at, -1)",
        )
        .bind(as_json(uses))
        .execute(&mut *transaction)
        .await
        .map_err(store_error)?;
        transaction.commit().await
    }

    async fn purge_ended_before(&self, horizon: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let mut left = u64::from(limit);
        // Two statements, so that each uses its index.
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
        transaction.commit().await?;
        Ok(u64::from(limit) - left)
    }
}

/// Returns the query for [`TokenStore::list`]. In the order of ids, a page is read from an index
/// alone, and the query names that index: old statistics (`ANALYZE` before most tokens expired)
/// would make SQLite read every token instead.
fn page(
    owner: UserId,
    filter: &ListFilter,
    now: Timestamp,
    seek: Option<&Seek>,
    limit: u32,
) -> QueryBuilder<Sqlite> {
    let index = match (filter.status, &filter.name) {
        (Some(ListedStatus::Revoked), _) => None,
        (Some(ListedStatus::Live), _) => Some("personal_tokens_ending"),
        (_, Some(_)) => Some("personal_tokens_named"),
        _ => Some("personal_tokens_listed"),
    };
    let mut query = QueryBuilder::new("SELECT t.* FROM (");
    for kind in LISTED_KINDS {
        query.push(concat!(
            "SELECT * FROM (SELECT ",
            shown_token_columns!(),
            " FROM (SELECT t.rowid AS found FROM tokens t"
        ));
        // The few damaged ones of an unknown kind have their own index.
        if let Some(index) = index
            && kind == LISTED_KINDS[0]
        {
            query.push(" INDEXED BY ").push(index);
        }
        query.push(" WHERE ").push(kind).push(" AND t.owner_id = ");
        query.push_bind(owner.uuid());
        query.push(match filter.status {
            Some(ListedStatus::Revoked) => " AND t.revoked_at IS NOT NULL",
            Some(ListedStatus::Live | ListedStatus::Expired) | None => " AND t.revoked_at IS NULL",
        });
        if let Some(name) = &filter.name {
            query.push(" AND t.name = ").push_bind(name.as_str());
        }
        if let Some(search) = &filter.search {
            query.push(" AND instr(coalesce(t.name_folded, lower(t.name)), ");
            query.push_bind(search.as_str()).push(") > 0");
        }
        match filter.status {
            Some(ListedStatus::Live) => query
                .push(concat!(" AND ", live!()))
                .push_bind(now.unix_millis()),
            Some(ListedStatus::Expired) => query
                .push(" AND t.expires_at <= ")
                .push_bind(now.unix_millis()),
            Some(ListedStatus::Revoked) | None => &mut query,
        };
        if let Some(seek) = seek {
            query.push(" AND ");
            push_beyond(&mut query, filter.sort, seek);
        }
        push_order(&mut query, filter.sort, seek);
        query.push(" LIMIT ").push_bind(limit);
        query.push(") CROSS JOIN tokens t ON t.rowid = found)");
        if kind == LISTED_KINDS[0] {
            query.push(" UNION ALL ");
        }
    }
    query.push(") t");
    push_order(&mut query, filter.sort, seek);
    query.push(" LIMIT ").push_bind(limit);
    query
}

/// Returns the sort key before the id and whether it is descending, reversed when paging back.
/// `None` if the list is ordered by id alone.
fn sort_key(sort: Sort, is_back: bool) -> Option<(&'static str, bool)> {
    let (key, is_descending) = match sort {
        Sort::Newest => return None,
        Sort::Name => ("lower(t.name)", false),
        Sort::Expiry => ("coalesce(t.expires_at, 253402300800000)", false),
        Sort::LastUsed => ("coalesce(t.last_used_at, -1)", true),
    };
    Some((key, is_descending != is_back))
}

/// Adds the condition for the tokens beyond the cursor.
fn push_beyond(query: &mut QueryBuilder<Sqlite>, sort: Sort, seek: &Seek) {
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

fn push_order(query: &mut QueryBuilder<Sqlite>, sort: Sort, seek: Option<&Seek>) {
    let is_back = matches!(seek, Some(Seek::Before(_)));
    let order = |is_descending| if is_descending { " DESC" } else { " ASC" };
    query.push(" ORDER BY ");
    if let Some((key, is_descending)) = sort_key(sort, is_back) {
        query.push(key).push(order(is_descending)).push(", ");
    }
    query.push("t.id").push(order(!is_back));
}

fn push_key(query: &mut QueryBuilder<Sqlite>, key: &SortKey) {
    match key {
        // Ordered by id alone.
        SortKey::Newest => {}
        SortKey::Name(name) => {
            query.push_bind(name.clone());
        }
        SortKey::Expiry(at) => {
            query.push_bind(at.map_or(253_402_300_800_000, Timestamp::unix_millis));
        }
        SortKey::LastUsed(at) => {
            query.push_bind(at.map_or(-1, Timestamp::unix_millis));
        }
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

/// Returns the fields required to end these tokens of one kind, including damaged rows whose kind
/// is unknown.
pub(crate) async fn endings(
    connection: &mut SqliteConnection,
    kind: TokenKind,
    ids: &[TokenId],
) -> Result<RevocableTokens, StoreError> {
    let found = sqlx::query(select_token!(
        "t.id IN (SELECT unhex(value) FROM json_each(?1)) \
         AND (t.kind = ?2 OR t.kind NOT IN ('personal', 'agent_run'))"
    ))
    .bind(rows::json(ids.iter().map(|id| id.uuid().simple())))
    .bind(kind.as_str())
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    found.iter().map(rows::revocable).collect()
}

/// Counts the owner's personal access tokens.
async fn counts(
    connection: &mut SqliteConnection,
    change: &CreateToken,
) -> Result<TokenCounts, StoreError> {
    let (owner, now) = (change.token.owner, change.actor.now);
    let tokens = sqlx::query(concat!(
        "SELECT ",
        token_columns!(),
        " FROM tokens t INDEXED BY personal_tokens_ending WHERE t.owner_id = ?1 \
         AND t.kind = 'personal' AND t.revoked_at IS NULL AND ",
        live!(),
        "?2"
    ))
    .bind(owner.uuid())
    .bind(now.unix_millis())
    .fetch_all(&mut *connection)
    .await
    .map_err(store_error)?
    .iter()
    .map(rows::revocable)
    .collect::<Result<RevocableTokens, StoreError>>()?;
    Ok(TokenCounts {
        live: count_live(&tokens, now),
        nth_newest: nth_newest(connection, TokenKind::Personal, owner, change.rate).await?,
    })
}

/// Returns when the owner's token was created that is as many from the newest as the rate allows in
/// its window.
pub(crate) async fn nth_newest(
    connection: &mut SqliteConnection,
    kind: TokenKind,
    owner: UserId,
    rate: CreationRate,
) -> Result<Option<Timestamp>, StoreError> {
    // Written out, so that each kind uses its index.
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
    // An unreadable time does not keep the owner from creating tokens.
    Ok(found.map(|row| rows::any_instant(&row, "created_at")))
}

/// Counts the live tokens. The domain decides what is live, not SQL.
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
         revoked_at, last_used_at, successor, agent_id, work_item, issuer_id, last_four, \
         created_from, name_folded) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
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
    .bind(token.details.last_four.map(|end| end.to_string()))
    .bind(token.details.created_from.map(|from| from.to_string()))
    .bind(token.name.folded())
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Returns the fields required to end a user's unrevoked tokens and runs that some server may still
/// accept at `now`.
pub(crate) async fn unexpired_of_owner(
    connection: &mut SqliteConnection,
    owner: UserId,
    now: Timestamp,
) -> Result<RevocableTokens, StoreError> {
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
    found.iter().map(rows::revocable).collect()
}

/// Writes the columns that a revocation or a rotation changes.
pub(crate) async fn update(
    connection: &mut SqliteConnection,
    token: &Token,
) -> Result<(), StoreError> {
    let updated = sqlx::query(
        "UPDATE tokens SET expires_at = ?2, revoked_at = ?3, successor = ?4, revoked_by = ?5 \
         WHERE id = ?1",
    )
    .bind(token.id.uuid())
    .bind(token.expires_at.map(Timestamp::unix_millis))
    .bind(token.revoked_at.map(Timestamp::unix_millis))
    .bind(token.successor.map(|id| id.to_string()))
    .bind(token.details.revoked_by.map(RevokedBy::as_str))
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    rows::exactly_one(updated, "token")
}

/// Writes the ends of tokens in one statement: revocation, reason and expiration. Rows that were
/// read as damaged are deleted.
pub(crate) async fn write_ends(
    connection: &mut SqliteConnection,
    ended: &[Token],
    read: &RevocableTokens,
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
    let mut ends = String::with_capacity(tokens.len() * 84 + 2);
    for token in &tokens {
        ends.push(if ends.is_empty() { '[' } else { ',' });
        let millis = |at: Option<Timestamp>| {
            at.map_or_else(|| "null".to_owned(), |at| at.unix_millis().to_string())
        };
        let (revoked, expires) = (millis(token.revoked_at), millis(token.expires_at));
        let reason = token.trace.revoked_by.map(RevokedBy::as_str);
        // Writing to a `String` cannot fail.
        let _ = write!(
            ends,
            "[\"{}\",{revoked},{expires},{}]",
            token.id.uuid().simple(),
            json_text(reason)
        );
    }
    ends.push(']');
    let updated = sqlx::query(
        "UPDATE tokens SET revoked_at = ended.revoked_at, expires_at = ended.expires_at, \
                           revoked_by = ended.revoked_by \
         FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS revoked_at, \
                      value ->> 2 AS expires_at, value ->> 3 AS revoked_by \
               FROM json_each(?1)) AS ended \
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
            "tokens disappeared inside the transaction that ends them",
        ))
    }
}

/// Returns a JSON string, or null. The text must not require escaping.
fn json_text(text: Option<impl std::fmt::Display>) -> String {
    text.map_or_else(|| "null".to_owned(), |text| format!("\"{text}\""))
}

/// Returns `[["<id in hexadecimal>",<milliseconds>,"<address>"],…]`.
fn as_json(uses: &[TokenUse]) -> String {
    let mut json = String::with_capacity(uses.len() * 70 + 2);
    for TokenUse { token, at, from } in uses {
        json.push(if json.is_empty() { '[' } else { ',' });
        let (id, at) = (token.uuid().simple(), at.unix_millis());
        // Writing to a `String` cannot fail.
        let _ = write!(json, "[\"{id}\",{at},{}]", json_text(*from));
    }
    json.push(']');
    json
}

#[cfg(test)]
mod tests {
    use openindex_domain::testing::fixtures::{self, NOW};
    use openindex_domain::token::{ListCursor, TokenName};

    use super::*;
    use crate::testing::{LIVE, ManyTokens};

    #[tokio::test]
    async fn a_page_costs_the_same_with_any_number_of_expired_tokens() {
        let many = ManyTokens::new().await;
        let name = TokenName::parse("many").expect("a name");
        for status in [None, Some(ListedStatus::Live), Some(ListedStatus::Expired)] {
            for name in [None, Some(name.clone())] {
                let filter = ListFilter {
                    status,
                    name,
                    ..ListFilter::default()
                };
                let newest = Seek::After(ListCursor {
                    key: SortKey::Newest,
                    id: ManyTokens::newest(),
                });
                for after in [None, Some(&newest)] {
                    let query = |user| page(fixtures::user(user).id, &filter, NOW, after, 10);
                    let (few, many) = (many.steps(query(1)).await, many.steps(query(2)).await);
                    assert!(
                        many < few + LIVE * 20,
                        "{filter:?} after {after:?}: {few} steps with few, {many} with many"
                    );
                }
            }
        }
    }
}
