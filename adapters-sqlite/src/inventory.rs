//! [`InventoryStore`] on SQLite.

use std::collections::HashMap;
use std::fmt::Write as _;

use async_trait::async_trait;
use openindex_domain::agent_run::EndedRuns;
use openindex_domain::audit::AuditEvent;
use openindex_domain::clock::Timestamp;
use openindex_domain::inventory::{
    InventoryStore, OwnedToken, ReportTokens, RevokeMatching, RevokeMatchingOutcome, Stats,
    TokenFilter,
};
use openindex_domain::token::{Digest, Endings, Status, Token, TokenId};
use openindex_domain::{Listing, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::error::store_error;
use crate::rows::{select_record, select_shown_record};
use crate::{SqliteStore, acting, agent_runs, audit, rows, tokens};

#[async_trait]
impl InventoryStore for SqliteStore {
    async fn tokens(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<OwnedToken>, StoreError> {
        let mut query = wanted(filter, now);
        if let Some(after) = after {
            query.push(" AND t.id < ").push_bind(after.uuid());
        }
        query.push(" ORDER BY t.id DESC LIMIT ").push_bind(limit);
        let mut browsing = self.browse().await?;
        let found = query.build().fetch_all(browsing.connection()).await;
        Listing::read(found.map_err(store_error)?.iter().map(owned_token))
    }

    async fn revoke_matching(
        &self,
        change: RevokeMatching,
    ) -> Result<RevokeMatchingOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        if let Err(outcome) = change.check_actor(actor.as_ref()) {
            return Ok(outcome);
        }
        let mut query = wanted(&change.filter, change.actor.now);
        query.push(" ORDER BY t.id DESC");
        let found = query.build().fetch_all(&mut *transaction).await;
        let found = found.map_err(store_error)?;
        let read: Endings = found.iter().map(rows::ending).collect::<Result<_, _>>()?;
        let mut decided = Vec::with_capacity(read.len());
        let mut revoked = Vec::with_capacity(read.len());
        for (row, token) in found.iter().zip(&*read) {
            let decision = if read.is_damaged(token.id) {
                change.end(token)
            } else {
                change.decide(token)
            };
            revoked.extend(decision.is_some().then(|| owned_token(row)));
            decided.extend(decision);
        }
        let revoked = Listing::read(revoked)?;
        write(&mut transaction, decided, &read, change.actor.now).await?;
        transaction.commit().await.map_err(store_error)?;
        Ok(RevokeMatchingOutcome::Revoked(revoked))
    }

    async fn report(&self, change: ReportTokens) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let digests = change.reported.iter().map(|(digest, _)| digest);
        let (mut there, read) = by_digests(&mut transaction, digests).await?;
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
        let revoked = write(&mut transaction, decided, &read, change.now).await?;
        for token in &revoked {
            notify(&mut transaction, token, change.now).await?;
        }
        transaction.commit().await.map_err(store_error)?;
        Ok(revoked.len() as u64)
    }

    async fn stats(&self, now: Timestamp) -> Result<Stats, StoreError> {
        let mut browsing = self.browse().await?;
        // One statement, and so one moment.
        let row = sqlx::query(
            "SELECT * FROM \
             (SELECT count(*) FILTER (WHERE suspended_at IS NULL) AS users_active, \
                     count(*) FILTER (WHERE suspended_at IS NOT NULL) AS users_suspended, \
                     count(*) FILTER (WHERE suspended_at IS NULL AND role = 'admin') \
                         AS admins_active \
              FROM users WHERE deleted_at IS NULL), \
             (SELECT count(*) FILTER (WHERE expires_at IS NULL OR expires_at > ?1) AS tokens_live, \
                     count(*) FILTER (WHERE (expires_at IS NULL OR expires_at > ?1) \
                                      AND scope = 'admin') AS tokens_live_admin, \
                     count(*) FILTER (WHERE expires_at <= ?1) AS tokens_expired \
              FROM tokens WHERE kind = 'personal' AND revoked_at IS NULL), \
             (SELECT count(*) AS invites_open FROM invites \
              WHERE claimed_at IS NULL AND withdrawn_at IS NULL AND expires_at > ?1)",
        )
        .bind(now.unix_millis())
        .fetch_one(browsing.connection())
        .await
        .map_err(store_error)?;
        rows::stats(&row)
    }
}

/// [`TokenFilter::wants`] as a query: only the conditions that are given, so that each finds its
/// index.
fn wanted(filter: &TokenFilter, now: Timestamp) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(select_shown_record!("t.kind = 'personal'"));
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
                .push_bind(now.unix_millis())
                .push(")");
        }
        Some(Status::Expired) => {
            query
                .push(" AND t.expires_at <= ")
                .push_bind(now.unix_millis());
        }
        Some(Status::Revoked) | None => {}
    }
    if let Some(since) = filter.unused_since {
        query
            .push(" AND coalesce(t.last_used_at, t.created_at) < ")
            .push_bind(since.unix_millis());
    }
    if let Some(before) = filter.expiring_before {
        query
            .push(" AND t.expires_at < ")
            .push_bind(before.unix_millis());
    }
    query
}

fn owned_token(row: &SqliteRow) -> Result<OwnedToken, StoreError> {
    let record = rows::record(row)?;
    Ok(OwnedToken {
        token: Token {
            trace: rows::trace(row),
            ..record.token
        },
        owner: record.owner,
    })
}

async fn by_digests(
    connection: &mut SqliteConnection,
    digests: impl Iterator<Item = &Digest>,
) -> Result<(HashMap<Digest, Token>, Endings), StoreError> {
    let digests = digests.map(|digest| {
        let mut hexadecimal = String::with_capacity(64);
        for byte in digest.as_bytes() {
            // Writing to a string cannot fail.
            let _ = write!(hexadecimal, "{byte:02x}");
        }
        hexadecimal
    });
    let found = sqlx::query(select_record!(
        "t.digest IN (SELECT unhex(value) FROM json_each(?1))"
    ))
    .bind(rows::json(digests))
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    let read: Endings = found.iter().map(rows::ending).collect::<Result<_, _>>()?;
    let digests = found.iter().map(rows::digest);
    let there = digests
        .zip(&*read)
        .map(|(digest, token)| Ok((digest?, token.clone())));
    Ok((there.collect::<Result<_, StoreError>>()?, read))
}

/// Writes revocations with their events, and the ends of the agent runs that were issued with those
/// tokens; answers the tokens.
async fn write(
    connection: &mut SqliteConnection,
    decided: Vec<(Token, AuditEvent)>,
    read: &Endings,
    now: Timestamp,
) -> Result<Vec<Token>, StoreError> {
    let (revoked, events): (Vec<Token>, Vec<_>) = decided.into_iter().unzip();
    tokens::write_ends(connection, &revoked, read).await?;
    audit::insert_all(connection, &events).await?;
    // Read after that: a run that is among the revoked itself has ended by now.
    let ids: Vec<TokenId> = revoked.iter().map(|token| token.id).collect();
    let runs = agent_runs::of_issuers(connection, &ids, now).await?;
    let ended = EndedRuns::with_issuers(ids.into_iter().zip(&events), &runs);
    agent_runs::write(connection, &ended, &runs).await?;
    Ok(revoked)
}

/// Leaves word for the owner of a token that was reported.
async fn notify(
    connection: &mut SqliteConnection,
    token: &Token,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO notices (user_id, token, token_name, at) VALUES (?1, ?2, ?3, ?4)")
        .bind(token.owner.uuid())
        .bind(token.id.to_string())
        .bind(token.name.as_str())
        .bind(at.unix_millis())
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}
