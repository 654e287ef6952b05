//! [`AdminTokenStore`] on SQLite.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use async_trait::async_trait;
use openindex_domain::admin_tokens::{
    AdminTokenStore, OwnedToken, ReportLeakedTokens, RevokeMatching, RevokeMatchingOutcome, Stats,
    TokenFilter,
};
use openindex_domain::agent_run::EndedRuns;
use openindex_domain::audit::AuditEvent;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Digest, RevocableTokens, Status, Token, TokenId};
use openindex_domain::{Listing, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::error::store_error;
use crate::rows::{
    LISTED_KINDS, select_shown_record, select_token, shown_token_columns, user_columns,
};
use crate::tokens::live;
use crate::{SqliteStore, acting, agent_runs, audit, rows, tokens, users};

#[async_trait]
impl AdminTokenStore for SqliteStore {
    async fn tokens(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<OwnedToken>, StoreError> {
        let mut query = matching_tokens(filter, now, after, Some(limit));
        let mut browsing = self.browse().await?;
        let found = query.build().fetch_all(browsing.connection()).await;
        Listing::read(found.map_err(store_error)?.iter().map(owned_token))
    }

    async fn matching_ids(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
    ) -> Result<Vec<TokenId>, StoreError> {
        let mut query = QueryBuilder::new("");
        for kind in LISTED_KINDS {
            query.push("SELECT t.id, t.kind FROM ");
            push_matching_rows(&mut query, kind, filter, now, None, None);
            query.push(" CROSS JOIN tokens t ON t.rowid = found");
            if kind == LISTED_KINDS[0] {
                query.push(" UNION ALL ");
            }
        }
        let mut browsing = self.browse().await?;
        let found = query.build().fetch_all(browsing.connection()).await;
        Ok(found
            .map_err(store_error)?
            .iter()
            .map(rows::token_id)
            .collect())
    }

    async fn tokens_by_id(&self, ids: &[TokenId]) -> Result<Listing<OwnedToken>, StoreError> {
        let ids = ids.iter().map(|id| id.uuid().simple().to_string());
        let mut browsing = self.browse().await?;
        let found = sqlx::query(select_shown_record!(
            "t.id IN (SELECT unhex(value) FROM json_each(?1)) ORDER BY t.id DESC"
        ))
        .bind(rows::json(ids))
        .fetch_all(browsing.connection())
        .await
        .map_err(store_error)?;
        Listing::read(found.iter().map(owned_token))
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
        let mut query = matching_tokens(&change.filter, change.actor.now, None, None);
        let found = query.build().fetch_all(&mut *transaction).await;
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
        for (owner, notice) in change.notices(&decided) {
            users::notify(&mut transaction, owner, &notice).await?;
        }
        write_revocations(&mut transaction, decided, &read, change.actor.now).await?;
        transaction.commit().await?;
        Ok(RevokeMatchingOutcome::Revoked(revoked))
    }

    async fn report_leaked_tokens(&self, change: ReportLeakedTokens) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let digests = change.reported.iter().map(|(digest, _)| digest);
        let (mut tokens, read) = by_digests(&mut transaction, digests).await?;
        let mut decided = Vec::new();
        for (digest, event) in &change.reported {
            let Some(token) = tokens.get_mut(digest) else {
                continue;
            };
            if let Some((revoked, event)) = change.decide(token, *event) {
                // A second report of the same token finds it revoked.
                token.clone_from(&revoked);
                decided.push((revoked, event));
            }
        }
        let revoked = write_revocations(&mut transaction, decided, &read, change.now).await?;
        for token in &revoked {
            let (owner, notice) = change.notice(token);
            users::notify(&mut transaction, owner, &notice).await?;
        }
        transaction.commit().await?;
        Ok(revoked.len() as u64)
    }

    async fn stats(&self, now: Timestamp) -> Result<Stats, StoreError> {
        let mut browsing = self.browse().await?;
        // One statement, so that all counts are from the same moment.
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

/// Returns [`TokenFilter::matches`] as a query.
fn matching_tokens(
    filter: &TokenFilter,
    now: Timestamp,
    after: Option<TokenId>,
    limit: Option<u32>,
) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("");
    for kind in LISTED_KINDS {
        query.push(concat!(
            "SELECT * FROM (SELECT ",
            shown_token_columns!(),
            ", t.digest, ",
            user_columns!(),
            " FROM "
        ));
        push_matching_rows(&mut query, kind, filter, now, after, limit);
        query.push(
            " CROSS JOIN tokens t ON t.rowid = found LEFT JOIN users u ON u.id = t.owner_id \
             ORDER BY t.id DESC)",
        );
        if kind == LISTED_KINDS[0] {
            query.push(" UNION ALL ");
        }
    }
    query.push(" ORDER BY id DESC");
    if let Some(limit) = limit {
        query.push(" LIMIT ").push_bind(limit);
    }
    query
}

/// Adds the rows of this kind that match the filter, newest first, with only the conditions that
/// are set, from the index that [`index`] names.
fn push_matching_rows(
    query: &mut QueryBuilder<Sqlite>,
    kind: &str,
    filter: &TokenFilter,
    now: Timestamp,
    after: Option<TokenId>,
    limit: Option<u32>,
) {
    query.push("(SELECT t.rowid AS found FROM tokens t");
    // The few damaged ones of an unknown kind have their own index.
    if let Some(index) = index(filter)
        && kind == LISTED_KINDS[0]
    {
        query.push(" INDEXED BY ").push(index);
    }
    query.push(" WHERE ").push(kind);
    push_conditions(query, filter, now);
    if let Some(after) = after {
        query.push(" AND t.id < ").push_bind(after.uuid());
    }
    query.push(" ORDER BY t.id DESC");
    if let Some(limit) = limit {
        query.push(" LIMIT ").push_bind(limit);
    }
    query.push(")");
}

fn push_conditions(query: &mut QueryBuilder<Sqlite>, filter: &TokenFilter, now: Timestamp) {
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
        query.push(" AND instr(coalesce(t.name_folded, lower(t.name)), ");
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
                .push_bind(now.unix_millis());
        }
        Some(Status::Live) => {
            query
                .push(concat!(" AND ", live!()))
                .push_bind(now.unix_millis());
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
}

/// Returns the index to use whatever the statistics say; `None` if an id or the owner leaves few
/// rows.
fn index(filter: &TokenFilter) -> Option<&'static str> {
    match (filter.owner, filter.status) {
        _ if filter.token.is_some() => None,
        (Some(_), Some(Status::Revoked)) => None,
        (Some(_), Some(Status::Live)) if filter.expiring_before.is_none() => {
            Some("personal_tokens_ending")
        }
        (Some(_), _) => Some("personal_tokens_listed"),
        (None, Some(Status::Revoked)) => Some("personal_tokens_revoked"),
        _ if filter.expiring_before.is_some() => Some("personal_tokens_expiring"),
        _ => Some("personal_tokens_unrevoked"),
    }
}

fn owned_token(row: &SqliteRow) -> Result<OwnedToken, StoreError> {
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
    connection: &mut SqliteConnection,
    digests: impl Iterator<Item = &Digest>,
) -> Result<(HashMap<Digest, Token>, RevocableTokens), StoreError> {
    let digests = digests.map(|digest| {
        let mut hexadecimal = String::with_capacity(64);
        for byte in digest.as_bytes() {
            // Writing to a `String` cannot fail.
            let _ = write!(hexadecimal, "{byte:02x}");
        }
        hexadecimal
    });
    let found = sqlx::query(select_token!(
        "t.digest IN (SELECT unhex(value) FROM json_each(?1))"
    ))
    .bind(rows::json(digests))
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    let read: RevocableTokens = found
        .iter()
        .map(rows::revocable)
        .collect::<Result<_, _>>()?;
    let digests = found.iter().map(rows::digest);
    let tokens = digests
        .zip(&*read)
        .map(|(digest, token)| Ok((digest?, token.clone())));
    Ok((tokens.collect::<Result<_, StoreError>>()?, read))
}

/// Writes the revocations and their audit events, ends the agent runs issued with these tokens, and
/// returns the revoked tokens.
async fn write_revocations(
    connection: &mut SqliteConnection,
    decided: Vec<(Token, AuditEvent)>,
    read: &RevocableTokens,
    now: Timestamp,
) -> Result<Vec<Token>, StoreError> {
    let (revoked, events): (Vec<Token>, Vec<_>) = decided.into_iter().unzip();
    tokens::write_ends(connection, &revoked, read).await?;
    audit::insert_all(connection, &events).await?;
    // Read after that, so that a run that is revoked itself is not also ended with its issuer.
    let ids: Vec<TokenId> = revoked.iter().map(|token| token.id).collect();
    let runs = agent_runs::of_issuers(connection, &ids, now).await?;
    let ended = EndedRuns::with_issuers(ids.into_iter().zip(&events), &runs);
    agent_runs::end(connection, &ended, &runs).await?;
    Ok(revoked)
}

#[cfg(test)]
mod tests {
    use openindex_domain::testing::fixtures::{self, NOW};
    use openindex_domain::token::Scope;

    use super::*;
    use crate::testing::{LIVE, ManyTokens};

    #[tokio::test]
    async fn each_filter_uses_its_index_whatever_the_statistics_say() {
        let many = ManyTokens::new().await;
        let any = TokenFilter::default();
        let [live, expired, revoked] =
            [Status::Live, Status::Expired, Status::Revoked].map(|status| TokenFilter {
                status: Some(status),
                ..any.clone()
            });
        let before = |filter: &TokenFilter| TokenFilter {
            expiring_before: Some(NOW),
            ..filter.clone()
        };
        let of = |filter: &TokenFilter| TokenFilter {
            owner: Some(fixtures::user(2).id),
            ..filter.clone()
        };
        let unused = TokenFilter {
            unused_since: Some(NOW),
            ..any.clone()
        };
        let admin = TokenFilter {
            scope: Some(Scope::Admin),
            ..any.clone()
        };
        for (filter, index) in [
            (any.clone(), "personal_tokens_unrevoked"),
            (live.clone(), "personal_tokens_unrevoked"),
            (expired.clone(), "personal_tokens_unrevoked"),
            (unused, "personal_tokens_unrevoked"),
            (admin, "personal_tokens_unrevoked"),
            (revoked, "personal_tokens_revoked"),
            (before(&any), "personal_tokens_expiring (expires_at<?)"),
            (
                before(&live),
                "personal_tokens_expiring (expires_at>? AND expires_at<?)",
            ),
            (of(&any), "personal_tokens_listed (owner_id=?)"),
            (of(&expired), "personal_tokens_listed (owner_id=?)"),
            (
                of(&live),
                "personal_tokens_ending (owner_id=? AND <expr>>?)",
            ),
            (of(&before(&live)), "personal_tokens_listed (owner_id=?)"),
        ] {
            let query = matching_tokens(&filter, NOW, None, Some(10));
            let plan = many.plan(&query).await;
            assert!(plan.contains(index), "{filter:?}: {plan}");
            assert!(!plan.contains("SCAN t\n"), "{filter:?}: {plan}");
            assert!(plan.contains("SEARCH u"), "{filter:?}: {plan}");
        }
    }

    #[tokio::test]
    async fn a_page_of_one_owner_costs_the_same_with_any_number_of_expired_tokens() {
        let many = ManyTokens::new().await;
        for status in [None, Some(Status::Live), Some(Status::Expired)] {
            let query = |user| {
                let owner = Some(fixtures::user(user).id);
                let filter = TokenFilter {
                    owner,
                    status,
                    ..TokenFilter::default()
                };
                matching_tokens(&filter, NOW, None, Some(10))
            };
            let (few, many) = (many.steps(query(1)).await, many.steps(query(2)).await);
            assert!(many < few + LIVE * 20, "{status:?}: {few} and {many} steps");
        }
    }
}
