//! [`AgentRunStore`] on PostgreSQL, and the ends of runs in the changes that end them. A run is a
//! row of `tokens`.

use async_trait::async_trait;
use openindex_domain::agent_run::{
    AgentRunStore, BoundItem, EndRuns, EndRunsOutcome, EndedRuns, RunFilter, RunState, StartFacts,
    StartRun, StartRunOutcome, WorkItemKey,
};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{RevocableTokens, Token, TokenId, TokenKind};
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::store_error;
use crate::rows::{select_unexpired, token_columns};
use crate::store::begin;
use crate::{PostgresStore, acting, audit, locks, rows, tokens, work_items};

#[async_trait]
impl AgentRunStore for PostgresStore {
    async fn start_run(&self, change: StartRun) -> Result<StartRunOutcome, StoreError> {
        let has_work_items = self.has_work_items();
        self.call(move |connection| {
            Box::pin(async move { start(connection, &change, has_work_items).await })
        })
        .await
    }

    async fn end_runs(&self, change: EndRuns) -> Result<EndRunsOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { end_runs(connection, &change).await }))
            .await
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
            " FROM tokens t WHERE t.kind = 'agent_run' AND t.owner_id = "
        ));
        query.push_bind(owner.uuid());
        // Only the conditions that are set: one plan for all of them would read every stored run.
        match filter.state {
            RunState::Live => query
                .push(" AND t.revoked_at IS NULL AND t.expires_at > ")
                .push_bind(now.to_datetime()),
            RunState::Ended => query
                .push(" AND (t.revoked_at IS NOT NULL OR t.expires_at <= ")
                .push_bind(now.to_datetime())
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
        query
            .push(" ORDER BY t.id DESC LIMIT ")
            .push_bind(i64::from(limit));
        self.call(move |connection| {
            Box::pin(async move {
                let found = query.build().fetch_all(connection).await;
                Listing::read(found.map_err(store_error)?.iter().map(rows::token))
            })
        })
        .await
    }

    async fn run(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                let found = tokens::record_by_id(connection, id).await?;
                Ok(found
                    .map(|record| record.token)
                    .filter(|run| run.kind() == TokenKind::AgentRun && run.owner == owner))
            })
        })
        .await
    }
}

async fn start(
    connection: &mut PgConnection,
    change: &StartRun,
    has_work_items: bool,
) -> Result<StartRunOutcome, StoreError> {
    let (owner, now) = (change.run.owner, change.actor.now);
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), &[owner]).await?;
    let bound_to = change.run.run.as_ref().and_then(|run| run.work_item);
    let item = match bound_to.filter(|_| has_work_items) {
        // A completion that committed first is seen here; a later one sees the run.
        Some(key) => {
            locks::work_item_shared(&mut transaction, key).await?;
            let item = work_items::by_key(&mut transaction, key, now).await?;
            item.map(|item| BoundItem::of(item.status.is_resolved()))
        }
        None => None,
    };
    let actor = acting::record(&mut transaction, &change.actor).await?;
    let kind = TokenKind::AgentRun;
    let so_far = tokens::counts(&mut transaction, kind, owner, change.rate, now).await?;
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
    transaction.commit().await.map_err(store_error)?;
    Ok(StartRunOutcome::Started(run))
}

async fn end_runs(
    connection: &mut PgConnection,
    change: &EndRuns,
) -> Result<EndRunsOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), &[change.owner]).await?;
    locks::tokens_with_runs(&mut transaction, &change.runs, change.actor.now).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    let runs = tokens::revocable(&mut transaction, TokenKind::AgentRun, &change.runs).await?;
    let ended = match change.decide(actor.as_ref(), &runs) {
        Ok(ended) => ended,
        Err(outcome) => return Ok(outcome),
    };
    end(&mut transaction, &ended, &runs).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(EndRunsOutcome::Ended(ended.tokens.len()))
}

/// Returns the runs issued with one of these tokens that some server's clock may still call live
/// when this server's says `now`. Like the next two functions, it skips runs that expired earlier:
/// they can be a month's worth, and nothing ends them anymore.
pub(crate) async fn of_issuers(
    connection: &mut PgConnection,
    issuers: &[TokenId],
    now: Timestamp,
) -> Result<RevocableTokens, StoreError> {
    let ids: Vec<Uuid> = issuers.iter().map(|issuer| issuer.uuid()).collect();
    let query = select_unexpired!("t.issuer_id = ANY ($2) AND t.kind = 'agent_run'");
    fetch(connection, sqlx::query(query).bind(horizon(now)).bind(ids)).await
}

/// Returns the runs of this user, as [`of_issuers`] does.
pub(crate) async fn of_owner(
    connection: &mut PgConnection,
    owner: UserId,
    now: Timestamp,
) -> Result<RevocableTokens, StoreError> {
    let query = select_unexpired!("t.owner_id = $2 AND t.kind = 'agent_run'");
    let query = sqlx::query(query).bind(horizon(now));
    fetch(connection, query.bind(owner.uuid())).await
}

/// Returns the runs bound to this work item, as [`of_issuers`] does.
pub(crate) async fn of_work_item(
    connection: &mut PgConnection,
    item: WorkItemKey,
    now: Timestamp,
) -> Result<RevocableTokens, StoreError> {
    let query = select_unexpired!("t.work_item = $2 AND t.kind = 'agent_run'");
    let query = sqlx::query(query).bind(horizon(now));
    fetch(connection, query.bind(item.to_string())).await
}

/// Returns the time before which a run has expired by every server's clock; see
/// [`EndedRuns::horizon`].
pub(crate) fn horizon(now: Timestamp) -> OffsetDateTime {
    EndedRuns::horizon(now).to_datetime()
}

async fn fetch(
    connection: &mut PgConnection,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<RevocableTokens, StoreError> {
    query
        .fetch_all(connection)
        .await
        .map_err(store_error)?
        .iter()
        .map(rows::revocable)
        .collect()
}

/// Writes the ends of runs and their audit events.
pub(crate) async fn end(
    connection: &mut PgConnection,
    ended: &EndedRuns,
    read: &RevocableTokens,
) -> Result<(), StoreError> {
    if !ended.tokens.is_empty() {
        tokens::write_ends(connection, &ended.tokens, read).await?;
    }
    audit::insert_all(connection, &ended.events).await
}
