use async_trait::async_trait;

use crate::agent_run::{
    AgentRunStore, BoundItem, EndRuns, EndRunsOutcome, RunFilter, StartFacts, StartRun,
    StartRunOutcome,
};
use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};
use crate::token::{Token, TokenId, TokenKind};
use crate::user::UserId;

use super::MemoryStore;

#[async_trait]
impl AgentRunStore for MemoryStore {
    async fn start_run(&self, change: StartRun) -> Result<StartRunOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let (owner, now) = (change.run.owner, change.actor.now);
        let counts = state.issued(TokenKind::AgentRun, owner, change.rate, now);
        let key = change.run.run.as_ref().and_then(|run| run.work_item);
        let item = key.and_then(|key| state.work_items.get(&key));
        let facts = StartFacts {
            counts,
            item: item.map(|item| BoundItem::of(item.status.is_resolved())),
            issuer: change.issuer().and_then(|id| state.token(id)).cloned(),
        };
        let run = match change.decide(actor.as_ref(), &facts) {
            Ok(run) => run,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new(&run, &change.digest)?;
        state.check_new_event(&change.audit)?;
        state.use_form(&change.actor);
        state.write_token(run.clone(), change.digest);
        state.write_event(change.audit);
        Ok(StartRunOutcome::Started(run))
    }

    async fn end_runs(&self, change: EndRuns) -> Result<EndRunsOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let ids = change.runs.iter();
        let found: Vec<Token> = ids.filter_map(|id| state.token(*id)).cloned().collect();
        let ended = match change.decide(actor.as_ref(), &found) {
            Ok(ended) => ended,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_events(&ended.events)?;
        let count = ended.tokens.len();
        state.write_ended(ended);
        Ok(EndRunsOutcome::Ended(count))
    }

    async fn runs(
        &self,
        owner: UserId,
        filter: &RunFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError> {
        Ok(self
            .state()
            .tokens
            .values()
            .rev()
            .map(|(token, _)| token)
            .filter(|token| token.owner == owner && filter.matches(token, now))
            .filter(|token| after.is_none_or(|after| token.id < after))
            .take(limit as usize)
            .cloned()
            .collect::<Vec<_>>()
            .into())
    }

    async fn run(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        Ok(self
            .state()
            .token(id)
            .filter(|token| token.kind() == TokenKind::AgentRun && token.owner == owner)
            .cloned())
    }
}
