//! [`AgentRunStore`] on PostgreSQL, and what ends runs in the changes that end something else. A run
//! is a row of `tokens`.

use async_trait::async_trait;
use openindex_domain::agent_run::{
    AgentRunStore, BoundItem, EndRun, EndRunOutcome, EndedRuns, StartRun, StartRunOutcome,
    WorkItemKey,
};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Endings, Token, TokenId, TokenKind};
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::store_error;
use crate::rows::{select_unexpired, token_columns};
use crate::store::begin;
use crate::{PostgresStore, acting, audit, locks, rows, tokens, work};

#[async_trait]
impl AgentRunStore for PostgresStore {
    async fn start_run(&self, change: StartRun) -> Result<StartRunOutcome, StoreError> {
        let keeps_work = self.keeps_work();
        self.call(move |connection| {
            Box::pin(async move { start(connection, &change, keeps_work).await })
        })
        .await
    }

    async fn end_run(&self, change: EndRun) -> Result<EndRunOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { end_one(connection, &change).await }))
            .await
    }

    async fn runs(
        &self,
        owner: UserId,
        ended: bool,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                // Two statements, as one plan for both would read all that are remembered.
                let page = if ended {
                    sqlx::query(concat!(
                        "SELECT ",
                        token_columns!(),
                        " FROM tokens t WHERE t.kind = 'agent_run' \
                         AND t.owner_id = $1 AND t.id < $2 ORDER BY t.id DESC LIMIT $3"
                    ))
                } else {
                    sqlx::query(select_unexpired!(
                        "t.kind = 'agent_run' \
                         AND t.owner_id = $2 AND t.id < $3 ORDER BY t.id DESC LIMIT $4"
                    ))
                    .bind(now.to_datetime())
                };
                let page = page
                    .bind(owner.uuid())
                    .bind(after.map_or(Uuid::max(), TokenId::uuid))
                    .bind(i64::from(limit));
                let found = page.fetch_all(connection).await.map_err(store_error)?;
                Listing::read(found.iter().map(rows::token))
            })
        })
        .await
    }

    async fn runs_issued_with(
        &self,
        owner: UserId,
        issuer: TokenId,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                let found = sqlx::query(concat!(
                    "SELECT ",
                    token_columns!(),
                    " FROM tokens t WHERE t.kind = 'agent_run' AND t.owner_id = $1 \
                     AND t.issuer_id = $2 ORDER BY t.id DESC LIMIT $3"
                ))
                .bind(owner.uuid())
                .bind(issuer.uuid())
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await;
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
    keeps_work: bool,
) -> Result<StartRunOutcome, StoreError> {
    let (owner, now) = (change.run.owner, change.actor.now);
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), &[owner]).await?;
    let bound_to = change.run.run.as_ref().and_then(|run| run.work_item);
    let item = match bound_to.filter(|_| keeps_work) {
        // A completion that was quicker is seen here, and one that comes later sees the run.
        Some(key) => {
            locks::work_item_as_it_is(&mut transaction, key).await?;
            let item = work::by_key(&mut transaction, key, now).await?;
            item.map(|item| BoundItem::of(item.status.is_resolved()))
        }
        None => None,
    };
    let actor = acting::record(&mut transaction, &change.actor).await?;
    let kind = TokenKind::AgentRun;
    let so_far = tokens::issued(&mut transaction, kind, owner, change.rate, now).await?;
    let run = match change.decide(actor.as_ref(), so_far, item) {
        Ok(run) => run,
        Err(outcome) => return Ok(outcome),
    };
    tokens::insert(&mut transaction, &run, &change.digest).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(StartRunOutcome::Started(run))
}

async fn end_one(
    connection: &mut PgConnection,
    change: &EndRun,
) -> Result<EndRunOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), &[change.owner]).await?;
    locks::tokens_with_runs(&mut transaction, &[change.run], change.actor.now).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    let run = tokens::ending_by_id(&mut transaction, change.run).await?;
    let ended = match change.decide(actor.as_ref(), run.first()) {
        Ok(ended) => ended,
        Err(outcome) => return Ok(outcome),
    };
    tokens::write_ends(&mut transaction, &[ended], &run).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(EndRunOutcome::Ended)
}

/// The runs that were issued with one of these tokens and may be live by some server's clock when it
/// is `now` by this one's. Like the next two, it leaves out what expired before, which can be a
/// month's worth and does not end any more.
pub(crate) async fn of_issuers(
    connection: &mut PgConnection,
    issuers: &[TokenId],
    now: Timestamp,
) -> Result<Endings, StoreError> {
    let ids: Vec<Uuid> = issuers.iter().map(|issuer| issuer.uuid()).collect();
    let query = select_unexpired!("t.issuer_id = ANY ($2) AND t.kind = 'agent_run'");
    fetch(connection, sqlx::query(query).bind(horizon(now)).bind(ids)).await
}

/// Those of this user.
pub(crate) async fn of_owner(
    connection: &mut PgConnection,
    owner: UserId,
    now: Timestamp,
) -> Result<Endings, StoreError> {
    let query = select_unexpired!("t.owner_id = $2 AND t.kind = 'agent_run'");
    let query = sqlx::query(query).bind(horizon(now));
    fetch(connection, query.bind(owner.uuid())).await
}

/// Those that are bound to this work item.
pub(crate) async fn of_work_item(
    connection: &mut PgConnection,
    item: WorkItemKey,
    now: Timestamp,
) -> Result<Endings, StoreError> {
    let query = select_unexpired!("t.work_item = $2 AND t.kind = 'agent_run'");
    let query = sqlx::query(query).bind(horizon(now));
    fetch(connection, query.bind(item.to_string())).await
}

/// What expired before is over by every clock: see [`EndedRuns::horizon`].
pub(crate) fn horizon(now: Timestamp) -> OffsetDateTime {
    EndedRuns::horizon(now).to_datetime()
}

async fn fetch(
    connection: &mut PgConnection,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<Endings, StoreError> {
    query
        .fetch_all(connection)
        .await
        .map_err(store_error)?
        .iter()
        .map(rows::ending)
        .collect()
}

/// Writes what becomes of runs with something else that ends.
pub(crate) async fn end(
    connection: &mut PgConnection,
    ended: &EndedRuns,
    read: &Endings,
) -> Result<(), StoreError> {
    if !ended.tokens.is_empty() {
        tokens::write_ends(connection, &ended.tokens, read).await?;
    }
    audit::insert_all(connection, &ended.events).await
}
