//! [`InventoryStore`] on PostgreSQL.

use std::collections::HashMap;

use async_trait::async_trait;
use openindex_domain::StoreError;
use openindex_domain::audit::AuditEvent;
use openindex_domain::clock::Timestamp;
use openindex_domain::inventory::{
    InventoryStore, OwnedToken, ReportTokens, RevokeMatching, RevokeMatchingOutcome, Stats,
    TokenFilter,
};
use openindex_domain::token::{Digest, Status, Token, TokenId};
use openindex_domain::user::UserId;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryScalar;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::error::store_error;
use crate::rows::select_record;
use crate::{PostgresStore, acting, audit, locks, rows};

#[async_trait]
impl InventoryStore for PostgresStore {
    async fn tokens(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Vec<OwnedToken>, StoreError> {
        let filter = *filter;
        self.call(move |connection| {
            Box::pin(async move {
                let mut query = wanted(&filter, now);
                if let Some(after) = after {
                    query.push(" AND t.id < ").push_bind(after.uuid());
                }
                query
                    .push(" ORDER BY t.id DESC LIMIT ")
                    .push_bind(i64::from(limit));
                owned(query, connection).await
            })
        })
        .await
    }

    async fn revoke_matching(
        &self,
        change: RevokeMatching,
    ) -> Result<RevokeMatchingOutcome, StoreError> {
        self.upkeep(move |connection| Box::pin(async move { revoke(connection, &change).await }))
            .await
    }

    async fn report(&self, change: ReportTokens) -> Result<u64, StoreError> {
        self.upkeep(move |connection| Box::pin(async move { report(connection, &change).await }))
            .await
    }

    async fn stats(&self, now: Timestamp) -> Result<Stats, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                // One statement, and so one moment.
                let row = sqlx::query(
                    "SELECT * FROM \
             (SELECT count(*) FILTER (WHERE suspended_at IS NULL) AS users_active, \
                     count(*) FILTER (WHERE suspended_at IS NOT NULL) AS users_suspended, \
                     count(*) FILTER (WHERE suspended_at IS NULL AND role = 'admin') \
                         AS admins_active \
              FROM users) AS u, \
             (SELECT count(*) FILTER (WHERE expires_at IS NULL OR expires_at > $1) AS tokens_live, \
                     count(*) FILTER (WHERE (expires_at IS NULL OR expires_at > $1) \
                                      AND scope = 'admin') AS tokens_live_admin, \
                     count(*) FILTER (WHERE expires_at <= $1) AS tokens_expired \
              FROM tokens WHERE kind = 'personal' AND revoked_at IS NULL) AS t, \
             (SELECT count(*) AS invites_open FROM invites \
              WHERE claimed_at IS NULL AND withdrawn_at IS NULL AND expires_at > $1) AS i",
                )
                .bind(now.to_datetime())
                .fetch_one(connection)
                .await
                .map_err(store_error)?;
                rows::stats(&row)
            })
        })
        .await
    }
}

/// Does it in a transaction of the caller's.
async fn revoke(
    connection: &mut PgConnection,
    change: &RevokeMatching,
) -> Result<RevokeMatchingOutcome, StoreError> {
    locks::everybody(connection).await?;
    let actor = acting::record(connection, &change.actor).await?;
    if let Err(outcome) = change.check_actor(actor.as_ref()) {
        return Ok(outcome);
    }
    let mut query = wanted(&change.filter, change.actor.now);
    // Uses are still noted, under locks in the same order: a token that was used a moment ago is
    // looked at again, with that, before it is taken for unused.
    query.push(" ORDER BY t.id FOR NO KEY UPDATE OF t");
    let mut revoked = owned(query, connection).await?;
    let mut decided = Vec::with_capacity(revoked.len());
    revoked.retain(|owned| {
        let decision = change.decide(&owned.token);
        let is_wanted = decision.is_some();
        decided.extend(decision);
        is_wanted
    });
    write(connection, decided).await?;
    revoked.reverse();
    Ok(RevokeMatchingOutcome::Revoked(revoked))
}

/// Does it in a transaction of the caller's.
async fn report(connection: &mut PgConnection, change: &ReportTokens) -> Result<u64, StoreError> {
    let digests = change.reported.iter().map(|(digest, _)| digest);
    let digests: Vec<&[u8]> = digests.map(|digest| &digest.as_bytes()[..]).collect();
    let owners = owners(
        sqlx::query_scalar("SELECT DISTINCT owner_id FROM tokens WHERE digest = ANY ($1)")
            .bind(&digests),
        connection,
    )
    .await?;
    locks::users(connection, None, &owners).await?;
    let mut there = lock_by_digests(connection, &digests).await?;
    let mut decided = Vec::new();
    for (digest, event) in &change.reported {
        let Some(token) = there.get_mut(digest) else {
            continue;
        };
        if let Some((revoked, event)) = change.decide(token, *event) {
            // Reported once more, it is not live any more.
            token.clone_from(&revoked);
            decided.push((revoked, event));
        }
    }
    let revoked = write(connection, decided).await?;
    notify(connection, &revoked, change.now).await?;
    Ok(revoked.len() as u64)
}

/// [`TokenFilter::wants`] as a query: only the conditions that are given, so that each finds its
/// index.
fn wanted(filter: &TokenFilter, now: Timestamp) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(select_record!("t.kind = 'personal'"));
    if let Some(token) = filter.token {
        query
            .push(" AND t.id = ")
            .push_bind(token.uuid())
            .push(" AND t.kind = ")
            .push_bind(token.kind().as_str());
    }
    if let Some(owner) = filter.owner {
        query.push(" AND t.owner_id = ").push_bind(owner.uuid());
    }
    if let Some(scope) = filter.scope {
        query.push(" AND t.scope = ").push_bind(scope.as_str());
    }
    query.push(match filter.status {
        Some(Status::Revoked) => " AND t.revoked_at IS NOT NULL",
        Some(Status::Live | Status::Expired) | None => " AND t.revoked_at IS NULL",
    });
    match filter.status {
        Some(Status::Live) => {
            query
                .push(" AND (t.expires_at IS NULL OR t.expires_at > ")
                .push_bind(now.to_datetime())
                .push(")");
        }
        Some(Status::Expired) => {
            query
                .push(" AND t.expires_at <= ")
                .push_bind(now.to_datetime());
        }
        Some(Status::Revoked) | None => {}
    }
    if let Some(since) = filter.unused_since {
        query
            .push(" AND coalesce(t.last_used_at, t.created_at) < ")
            .push_bind(since.to_datetime());
    }
    if let Some(before) = filter.expiring_before {
        query
            .push(" AND t.expires_at < ")
            .push_bind(before.to_datetime());
    }
    query
}

async fn owned(
    mut query: QueryBuilder<Postgres>,
    connection: &mut PgConnection,
) -> Result<Vec<OwnedToken>, StoreError> {
    query
        .build()
        .fetch_all(connection)
        .await
        .map_err(store_error)?
        .iter()
        .map(|row| {
            let record = rows::record(row)?;
            Ok(OwnedToken {
                token: record.token,
                owner: record.owner,
            })
        })
        .collect()
}

/// Whose tokens they are. A token stays its owner's, so this can be asked before anything is locked.
async fn owners(
    query: QueryScalar<'_, Postgres, Uuid, PgArguments>,
    connection: &mut PgConnection,
) -> Result<Vec<UserId>, StoreError> {
    let owners = query.fetch_all(connection).await.map_err(store_error)?;
    Ok(owners.into_iter().map(UserId::from_uuid).collect())
}

/// Reads tokens and locks them in the order of their ids, as they are when their uses are noted.
async fn lock_by_digests(
    connection: &mut PgConnection,
    digests: &[&[u8]],
) -> Result<HashMap<Digest, Token>, StoreError> {
    sqlx::query(select_record!(
        "t.digest = ANY ($1) ORDER BY t.id FOR NO KEY UPDATE OF t"
    ))
    .bind(digests)
    .fetch_all(connection)
    .await
    .map_err(store_error)?
    .iter()
    .map(|row| rows::record(row).map(|record| (record.digest, record.token)))
    .collect()
}

/// Writes revocations with their events, and answers the tokens.
async fn write(
    connection: &mut PgConnection,
    decided: Vec<(Token, AuditEvent)>,
) -> Result<Vec<Token>, StoreError> {
    let (revoked, events): (Vec<Token>, Vec<_>) = decided.into_iter().unzip();
    let (ids, times): (Vec<_>, Vec<_>) = revoked
        .iter()
        .filter_map(|token| Some((token.id.uuid(), token.revoked_at?.to_datetime())))
        .unzip();
    let updated = sqlx::query(
        "UPDATE tokens SET revoked_at = ended.at \
         FROM unnest($1::uuid[], $2::timestamptz[]) AS ended (id, at) WHERE tokens.id = ended.id",
    )
    .bind(ids)
    .bind(times)
    .execute(&mut *connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    if updated != revoked.len() as u64 {
        return Err(StoreError::corrupt(
            "tokens went away inside the transaction that revokes them",
        ));
    }
    audit::insert_all(connection, &events).await?;
    Ok(revoked)
}

/// Leaves word for the owners of tokens that were reported.
async fn notify(
    connection: &mut PgConnection,
    revoked: &[Token],
    at: Timestamp,
) -> Result<(), StoreError> {
    let owners: Vec<Uuid> = revoked.iter().map(|token| token.owner.uuid()).collect();
    let tokens: Vec<String> = revoked.iter().map(|token| token.id.to_string()).collect();
    let names: Vec<&str> = revoked.iter().map(|token| token.name.as_str()).collect();
    sqlx::query(
        "INSERT INTO notices (user_id, token, token_name, at) \
         SELECT owner, token, name, $4 \
         FROM unnest($1::uuid[], $2::text[], $3::text[]) AS told (owner, token, name)",
    )
    .bind(owners)
    .bind(tokens)
    .bind(names)
    .bind(at.to_datetime())
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}
