//! [`AdminTokenStore`] on PostgreSQL.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use openindex_domain::admin_tokens::{
    AdminTokenStore, OwnedToken, ReportLeakedTokens, RevokeMatching, RevokeMatchingOutcome, Stats,
    TokenFilter,
};
use openindex_domain::agent_run::EndedRuns;
use openindex_domain::audit::AuditEvent;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Digest, RevocableTokens, Status, Token, TokenId, TokenKind};
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::error::store_error;
use crate::rows::{LISTED_KINDS, select_shown_record, select_token};
use crate::{PostgresStore, acting, agent_runs, audit, locks, rows, tokens, users};

#[async_trait]
impl AdminTokenStore for PostgresStore {
    async fn tokens(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<OwnedToken>, StoreError> {
        let filter = filter.clone();
        self.browse(move |connection| {
            Box::pin(async move {
                let mut query = matching_tokens(&filter, now, after, limit.into());
                let found = query.build().fetch_all(connection).await;
                Listing::read(found.map_err(store_error)?.iter().map(owned_token))
            })
        })
        .await
    }

    async fn matching_ids(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
    ) -> Result<Vec<TokenId>, StoreError> {
        let filter = filter.clone();
        self.browse(move |connection| {
            Box::pin(async move { matching_ids(connection, &filter, now).await })
        })
        .await
    }

    async fn tokens_by_id(&self, ids: &[TokenId]) -> Result<Listing<OwnedToken>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        self.browse(move |connection| {
            Box::pin(async move {
                let found = sqlx::query(select_shown_record!("t.id = ANY ($1) ORDER BY t.id DESC"))
                    .bind(ids)
                    .fetch_all(connection)
                    .await;
                Listing::read(found.map_err(store_error)?.iter().map(owned_token))
            })
        })
        .await
    }

    async fn revoke_matching(
        &self,
        change: RevokeMatching,
    ) -> Result<RevokeMatchingOutcome, StoreError> {
        self.maintenance(move |connection| {
            Box::pin(async move { revoke_matching(connection, &change).await })
        })
        .await
    }

    async fn report_leaked_tokens(&self, change: ReportLeakedTokens) -> Result<u64, StoreError> {
        self.maintenance(move |connection| {
            Box::pin(async move { report_leaked(connection, &change).await })
        })
        .await
    }

    async fn stats(&self, now: Timestamp) -> Result<Stats, StoreError> {
        self.browse(move |connection| {
            Box::pin(async move {
                // One statement, so that all counts are from the same moment.
                let row = sqlx::query(
                    "SELECT * FROM \
             (SELECT count(*) FILTER (WHERE suspended_at IS NULL) AS users_active, \
                     count(*) FILTER (WHERE suspended_at IS NOT NULL) AS users_suspended, \
                     count(*) FILTER (WHERE suspended_at IS NULL AND role = 'admin') \
                         AS admins_active \
              FROM users WHERE deleted_at IS NULL) AS u, \
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

async fn revoke_matching(
    connection: &mut PgConnection,
    change: &RevokeMatching,
) -> Result<RevokeMatchingOutcome, StoreError> {
    locks::all_users(connection).await?;
    let actor = acting::record(connection, &change.actor).await?;
    if let Err(outcome) = change.check_actor(actor.as_ref()) {
        return Ok(outcome);
    }
    let now = change.actor.now;
    let ids = matching_ids(connection, &change.filter, now).await?;
    // Last-used times are still written meanwhile, under locks in the same order. The tokens are
    // read again after locking, so that one used a moment ago does not count as unused.
    locks::tokens_with_runs(connection, &ids, now).await?;
    let mut query = matching_tokens(&change.filter, now, None, i64::MAX);
    let found = query.build().fetch_all(&mut *connection).await;
    let found = found.map_err(store_error)?;
    let read: RevocableTokens = found
        .iter()
        .map(rows::revocable)
        .collect::<Result<_, _>>()?;
    let decided = match change.decide(&read) {
        Ok(decided) => decided,
        Err(outcome) => return Ok(outcome),
    };
    let ends: HashSet<TokenId> = decided.iter().map(|(token, _)| token.id).collect();
    let rows = found.iter().zip(&*read);
    let revoked = rows.filter(|(_, token)| ends.contains(&token.id));
    let revoked = Listing::read(revoked.map(|(row, _)| owned_token(row)))?;
    let ids: Vec<TokenId> = decided.iter().map(|(token, _)| token.id).collect();
    let runs = agent_runs::of_issuers(connection, &ids, now).await?;
    let causes = decided.iter().map(|(token, event)| (token.id, event));
    let ended = EndedRuns::with_issuers(causes, &runs);
    users::notify(connection, &change.notices(&decided)).await?;
    write_revocations(connection, decided, &read).await?;
    agent_runs::end(connection, &ended, &runs).await?;
    Ok(RevokeMatchingOutcome::Revoked(revoked))
}

async fn report_leaked(
    connection: &mut PgConnection,
    change: &ReportLeakedTokens,
) -> Result<u64, StoreError> {
    let digests = change.reported.iter().map(|(digest, _)| digest);
    let digests: Vec<&[u8]> = digests.map(|digest| &digest.as_bytes()[..]).collect();
    // A token's digest and owner never change, so they can be read before anything is locked.
    let (before, _) = by_digests(connection, &digests).await?;
    let owners: Vec<UserId> = before.values().map(|token| token.owner).collect();
    let ids: Vec<TokenId> = before.values().map(|token| token.id).collect();
    locks::users(connection, None, &owners).await?;
    locks::tokens_with_runs(connection, &ids, change.now).await?;
    let (mut reported, read) = by_digests(connection, &digests).await?;
    // Tokens created since then are not locked, and not part of the report.
    reported.retain(|digest, _| before.contains_key(digest));
    let mut decided = Vec::new();
    for (digest, event) in &change.reported {
        let Some(token) = reported.get_mut(digest) else {
            continue;
        };
        if let Some((revoked, event)) = change.decide(token, *event) {
            // A second report of the same token finds it revoked.
            token.clone_from(&revoked);
            decided.push((revoked, event));
        }
    }
    let causes = decided
        .iter()
        .map(|(token, event)| (token.id, event.clone()));
    let causes: Vec<_> = causes.collect();
    let revoked = write_revocations(connection, decided, &read).await?;
    // Read after that, so that a run that was reported itself is not also ended with its issuer.
    let runs = agent_runs::of_issuers(connection, &ids, change.now).await?;
    let ended = EndedRuns::with_issuers(causes.iter().map(|(id, event)| (*id, event)), &runs);
    agent_runs::end(connection, &ended, &runs).await?;
    let notices: Vec<_> = revoked.iter().map(|token| change.notice(token)).collect();
    users::notify(connection, &notices).await?;
    Ok(revoked.len() as u64)
}

/// Returns [`TokenFilter::matches`] as a query with only the conditions that are set, so that each
/// can use its index.
fn matching_tokens(
    filter: &TokenFilter,
    now: Timestamp,
    after: Option<TokenId>,
    limit: i64,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("");
    for kind in LISTED_KINDS {
        if kind != LISTED_KINDS[0] {
            query.push(" UNION ALL ");
        }
        query
            .push("(SELECT t.* FROM (")
            .push(select_shown_record!(""));
        query.push(kind);
        push_conditions(&mut query, filter, now);
        // OFFSET 0 keeps the planner from scanning the index in page order to its end for a few
        // tokens that expire soon.
        if filter.expiring_before.is_some() {
            query.push(" OFFSET 0");
        }
        query.push(") t");
        if let Some(after) = after {
            query.push(" WHERE t.id < ").push_bind(after.uuid());
        }
        query.push(" ORDER BY t.id DESC LIMIT ").push_bind(limit);
        query.push(")");
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query
}

/// Returns the ids of the tokens that match the filter.
async fn matching_ids(
    connection: &mut PgConnection,
    filter: &TokenFilter,
    now: Timestamp,
) -> Result<Vec<TokenId>, StoreError> {
    let mut query = QueryBuilder::new("");
    for kind in LISTED_KINDS {
        if kind != LISTED_KINDS[0] {
            query.push(" UNION ALL ");
        }
        query.push("SELECT t.id FROM tokens t WHERE ").push(kind);
        push_conditions(&mut query, filter, now);
    }
    let ids = query.build_query_scalar::<Uuid>().fetch_all(connection);
    let ids = ids.await.map_err(store_error)?;
    let personal = |id| TokenId::new(TokenKind::Personal, id);
    Ok(ids.into_iter().map(personal).collect())
}

fn push_conditions(query: &mut QueryBuilder<Postgres>, filter: &TokenFilter, now: Timestamp) {
    if let Some(token) = filter.token {
        query
            .push(" AND t.id = ")
            .push_bind(token.uuid())
            .push(" AND 'personal' = ")
            .push_bind(token.kind().as_str());
    }
    if let Some(owner) = filter.owner {
        query.push(" AND t.owner_id = ").push_bind(owner.uuid());
    }
    if let Some(search) = &filter.search {
        query.push(" AND strpos(coalesce(t.name_folded, lower(t.name)), ");
        query.push_bind(search.as_str().to_owned()).push(") > 0");
    }
    if let Some(scope) = filter.scope {
        query.push(" AND t.scope = ").push_bind(scope.as_str());
    }
    query.push(match filter.status {
        Some(Status::Revoked) => " AND t.revoked_at IS NOT NULL",
        Some(Status::Live | Status::Expired) | None => " AND t.revoked_at IS NULL",
    });
    match filter.status {
        Some(Status::Live) if filter.expiring_before.is_some() => {
            query
                .push(" AND t.expires_at > ")
                .push_bind(now.to_datetime());
        }
        Some(Status::Live) => {
            query
                .push(" AND (t.expires_at IS NULL OR t.expires_at > ")
                .push_bind(now.to_datetime())
                .push(")");
        }
        // IS TRUE keeps the planner from sorting an index of all expired tokens for one page.
        Some(Status::Expired) => {
            query
                .push(" AND (t.expires_at <= ")
                .push_bind(now.to_datetime())
                .push(") IS TRUE");
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
}

fn owned_token(row: &PgRow) -> Result<OwnedToken, StoreError> {
    let record = rows::record(row)?;
    Ok(OwnedToken {
        token: Token {
            details: rows::details(row),
            ..record.token
        },
        owner: record.owner,
    })
}

async fn by_digests(
    connection: &mut PgConnection,
    digests: &[&[u8]],
) -> Result<(HashMap<Digest, Token>, RevocableTokens), StoreError> {
    let found = sqlx::query(select_token!("t.digest = ANY ($1)"))
        .bind(digests)
        .fetch_all(connection)
        .await
        .map_err(store_error)?;
    let read: RevocableTokens = found
        .iter()
        .map(rows::revocable)
        .collect::<Result<_, _>>()?;
    let digests = found.iter().map(rows::digest);
    let there = digests
        .zip(&*read)
        .map(|(digest, token)| Ok((digest?, token.clone())));
    Ok((there.collect::<Result<_, StoreError>>()?, read))
}

/// Writes the revocations and their audit events, and returns the revoked tokens.
async fn write_revocations(
    connection: &mut PgConnection,
    decided: Vec<(Token, AuditEvent)>,
    read: &RevocableTokens,
) -> Result<Vec<Token>, StoreError> {
    let (revoked, events): (Vec<Token>, Vec<_>) = decided.into_iter().unzip();
    tokens::write_ends(connection, &revoked, read).await?;
    audit::insert_all(connection, &events).await?;
    Ok(revoked)
}
