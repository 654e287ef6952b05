//! [`AgentRunStore`] on SQLite, and the ends of runs in the changes that end them.

use async_trait::async_trait;
use openindex_domain::agent_run::{
    AgentRunStore, BoundItem, EndRuns, EndRunsOutcome, EndedRuns, RunFilter, RunState, StartFacts,
    StartRun, StartRunOutcome, WorkItemKey,
};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{RevocableTokens, Token, TokenCounts, TokenId, TokenKind};
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, SqliteConnection};

use crate::error::store_error;
use crate::rows::{select_unexpired_runs, token_columns};
use crate::{SqliteStore, acting, audit, rows, tokens, work_items};

#[async_trait]
impl AgentRunStore for SqliteStore {
    async fn start_run(&self, change: StartRun) -> Result<StartRunOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        let (owner, now) = (change.run.owner, change.actor.now);
        let runs = of_owner_expiring_after(&mut transaction, owner, now).await?;
        let kind = TokenKind::AgentRun;
        let counts = TokenCounts {
            live: tokens::count_live(&runs, now),
            nth_newest: tokens::nth_newest(&mut transaction, kind, owner, change.rate).await?,
        };
        let item = match change.run.run.as_ref().and_then(|run| run.work_item) {
            Some(key) if self.has_work_items => {
                work_items::by_key(&mut *transaction, key, now).await?
            }
            _ => None,
        };
        let item = item.map(|item| BoundItem::of(item.status.is_resolved()));
        let issuer = match change.issuer() {
            Some(id) => tokens::record_by_id(&mut transaction, id).await?,
            None => None,
        };
        let facts = StartFacts {
            counts,
            item,
            issuer: issuer.map(|record| record.token),
        };
        let run = match change.decide(actor.as_ref(), &facts) {
            Ok(run) => run,
            Err(outcome) => return Ok(outcome),
        };
        tokens::insert(&mut transaction, &run, &change.digest).await?;
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await?;
        Ok(StartRunOutcome::Started(run))
    }

    async fn end_runs(&self, change: EndRuns) -> Result<EndRunsOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        let runs = tokens::revocable(&mut transaction, TokenKind::AgentRun, &change.runs).await?;
        let ended = match change.decide(actor.as_ref(), &runs) {
            Ok(ended) => ended,
            Err(outcome) => return Ok(outcome),
        };
        end(&mut transaction, &ended, &runs).await?;
        transaction.commit().await?;
        Ok(EndRunsOutcome::Ended(ended.tokens.len()))
    }

    async fn runs(
        &self,
        owner: UserId,
        filter: &RunFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError> {
        let mut query = QueryBuilder::new(concat!(
            "SELECT ",
            token_columns!(),
            " FROM tokens t INDEXED BY "
        ));
        query
            .push(match filter.state {
                RunState::Live => "agent_runs_unrevoked",
                RunState::Ended | RunState::Any => "agent_runs_of_owner",
            })
            .push(" WHERE t.kind = 'agent_run' AND t.owner_id = ")
            .push_bind(owner.uuid());
        match filter.state {
            RunState::Live => query
                .push(" AND t.revoked_at IS NULL AND t.expires_at > ")
                .push_bind(now.unix_millis()),
            RunState::Ended => query
                .push(" AND (t.revoked_at IS NOT NULL OR t.expires_at <= ")
                .push_bind(now.unix_millis())
                .push(")"),
            RunState::Any => &mut query,
        };
        if let Some(issuer) = filter.issuer {
            query.push(" AND t.issuer_id = ").push_bind(issuer.uuid());
        }
        if let Some(agent) = &filter.agent {
            let agent = agent.as_str().to_owned();
            query.push(" AND t.agent_id = ").push_bind(agent);
        }
        if let Some(key) = filter.work_item {
            query.push(" AND t.work_item = ").push_bind(key.to_string());
        }
        if let Some(after) = after {
            query.push(" AND t.id < ").push_bind(after.uuid());
        }
        query.push(" ORDER BY t.id DESC LIMIT ").push_bind(limit);
        let mut browsing = self.browse().await?;
        let found = query.build().fetch_all(browsing.connection()).await;
        Listing::read(found.map_err(store_error)?.iter().map(rows::token))
    }

    async fn run(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        sqlx::query(concat!(
            "SELECT ",
            token_columns!(),
            " FROM tokens t WHERE t.id = ?1 AND t.kind = ?2 AND t.kind = 'agent_run' \
             AND t.owner_id = ?3"
        ))
        .bind(id.uuid())
        .bind(id.kind().as_str())
        .bind(owner.uuid())
        .fetch_optional(self.readers()?)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::token)
        .transpose()
    }
}

/// Returns the runs issued with one of these tokens that some server's clock may still call live
/// when this server's says `now`.
pub(crate) async fn of_issuers(
    connection: &mut SqliteConnection,
    issuers: &[TokenId],
    now: Timestamp,
) -> Result<RevocableTokens, StoreError> {
    if issuers.is_empty() {
        return Ok(RevocableTokens::default());
    }
    let found = sqlx::query(select_unexpired_runs!(
        "t.issuer_id IN (SELECT unhex(value) FROM json_each(?1))"
    ))
    .bind(rows::json(issuers.iter().map(|id| id.uuid().simple())))
    .bind(EndedRuns::horizon(now).unix_millis())
    .fetch_all(connection)
    .await;
    endings(&found.map_err(store_error)?)
}

/// Returns the runs of this user, as [`of_issuers`] does.
pub(crate) async fn of_owner(
    connection: &mut SqliteConnection,
    owner: UserId,
    now: Timestamp,
) -> Result<RevocableTokens, StoreError> {
    of_owner_expiring_after(connection, owner, EndedRuns::horizon(now)).await
}

/// Returns the unrevoked runs of a user that expire after `horizon`.
async fn of_owner_expiring_after(
    connection: &mut SqliteConnection,
    owner: UserId,
    horizon: Timestamp,
) -> Result<RevocableTokens, StoreError> {
    let found = sqlx::query(select_unexpired_runs!("t.owner_id = ?1"))
        .bind(owner.uuid())
        .bind(horizon.unix_millis())
        .fetch_all(connection)
        .await;
    endings(&found.map_err(store_error)?)
}

/// Returns the runs bound to this work item, as [`of_issuers`] does.
pub(crate) async fn of_work_item(
    connection: &mut SqliteConnection,
    key: WorkItemKey,
    now: Timestamp,
) -> Result<RevocableTokens, StoreError> {
    let found = sqlx::query(select_unexpired_runs!("t.work_item = ?1"))
        .bind(key.to_string())
        .bind(EndedRuns::horizon(now).unix_millis())
        .fetch_all(connection)
        .await;
    endings(&found.map_err(store_error)?)
}

/// Writes the ends of runs and their audit events.
pub(crate) async fn end(
    connection: &mut SqliteConnection,
    ended: &EndedRuns,
    read: &RevocableTokens,
) -> Result<(), StoreError> {
    tokens::write_ends(connection, &ended.tokens, read).await?;
    audit::insert_all(connection, &ended.events).await
}

fn endings(found: &[SqliteRow]) -> Result<RevocableTokens, StoreError> {
    found.iter().map(rows::revocable).collect()
}
