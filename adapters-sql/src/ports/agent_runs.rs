//! [`AgentRunStore`]. A run is a row of the table of tokens.

use async_trait::async_trait;
use openindex_domain::Listing;
use openindex_domain::agent_run::{
    AgentRunStore, BoundItem, EndRuns, EndRunsOutcome, RunFilter, StartFacts, StartRun,
    StartRunOutcome,
};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Token, TokenCounts, TokenId, TokenKind};
use openindex_domain::user::UserId;

use super::{acting, runs};
use crate::store::{Step, Stop, run};
use crate::tables::{audit, tokens, work_items};
use crate::{Database, Lock, Result, SqlStore, Tx};

#[async_trait]
impl<D: Database, const ACCOUNTS: bool, const WORK_ITEMS: bool> AgentRunStore
    for SqlStore<D, ACCOUNTS, WORK_ITEMS>
{
    async fn start_run(&self, change: StartRun) -> Result<StartRunOutcome> {
        run!(self, Change, |tx| start(tx, change, WORK_ITEMS))
    }

    async fn end_runs(&self, change: EndRuns) -> Result<EndRunsOutcome> {
        run!(self, Change, |tx| end(tx, change))
    }

    async fn runs(
        &self,
        owner: UserId,
        filter: &RunFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<Token>> {
        let filter = filter.clone();
        run!(self, Browse, |tx| tokens::runs(
            tx, owner, &filter, now, after, limit
        ))
    }

    async fn run(&self, owner: UserId, id: TokenId) -> Result<Option<Token>> {
        run!(self, Read, |tx| tokens::run(tx, owner, id))
    }
}

async fn start<D: Database>(
    tx: &mut Tx<'_, D>,
    change: StartRun,
    has_work_items: bool,
) -> Step<StartRunOutcome> {
    let (owner, now) = (change.run.owner, change.actor.now);
    tx.lock(Lock::Owners(Some(&change.actor), &[owner])).await?;
    let bound_to = change.run.run.as_ref().and_then(|run| run.work_item);
    let item = match bound_to.filter(|_| has_work_items) {
        // A completion that committed first is seen here; a later one sees the run.
        Some(key) => {
            tx.lock(Lock::WorkItemShared(key)).await?;
            let item = work_items::by_key(tx, key, now).await?;
            item.map(|item| BoundItem::of(item.status.is_resolved()))
        }
        None => None,
    };
    let actor = acting::record(tx, &change.actor).await?;
    let runs = tokens::runs_of_owner(tx, owner, now).await?;
    let counts = TokenCounts {
        live: tokens::count_live(&runs, now),
        nth_newest: tokens::nth_newest(tx, TokenKind::AgentRun, owner, change.rate).await?,
    };
    let issuer = match change.issuer() {
        Some(id) => tokens::record_by_id(tx, id).await?,
        None => None,
    };
    let facts = StartFacts {
        counts,
        item,
        issuer: issuer.map(|record| record.token),
    };
    let run = change.decide(actor.as_ref(), &facts).map_err(Stop::Reply)?;
    tokens::insert(tx, &run, &change.digest).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(StartRunOutcome::Started(run))
}

async fn end<D: Database>(tx: &mut Tx<'_, D>, change: EndRuns) -> Step<EndRunsOutcome> {
    tx.lock(Lock::Owners(Some(&change.actor), &[change.owner]))
        .await?;
    tx.lock(Lock::TokensWithRuns(&change.runs, change.actor.now))
        .await?;
    let actor = acting::record(tx, &change.actor).await?;
    let runs = tokens::revocable(tx, TokenKind::AgentRun, &change.runs).await?;
    let ended = change.decide(actor.as_ref(), &runs).map_err(Stop::Reply)?;
    runs::end(tx, &ended, &runs).await?;
    Ok(EndRunsOutcome::Ended(ended.tokens.len()))
}
