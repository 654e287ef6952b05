use async_trait::async_trait;

use crate::agent_run::{
    AgentRunStore, BoundItem, EndRun, EndRunOutcome, Run, StartRun, StartRunOutcome,
};
use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};
use crate::token::{Status, Token, TokenId, TokenKind};
use crate::user::UserId;

use super::MemoryStore;

#[async_trait]
impl AgentRunStore for MemoryStore {
    async fn start_run(&self, change: StartRun) -> Result<StartRunOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let (owner, now) = (change.run.owner, change.actor.now);
        let so_far = state.issued(TokenKind::AgentRun, owner, change.rate, now);
        let key = change.run.run.as_ref().and_then(|run| run.work_item);
        let item = key.and_then(|key| state.work_items.get(&key));
        let item = item.map(|item| BoundItem::of(item.status.is_resolved()));
        let run = match change.decide(actor.as_ref(), so_far, item) {
            Ok(run) => run,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new(&run, &change.digest)?;
        state.check_new_event(&change.audit)?;
        state.write_token(run.clone(), change.digest);
        state.write_event(change.audit);
        Ok(StartRunOutcome::Started(run))
    }

    async fn end_run(&self, change: EndRun) -> Result<EndRunOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let ended = match change.decide(actor.as_ref(), state.token(change.run)) {
            Ok(ended) => ended,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_event(&change.audit)?;
        state.update_token(ended);
        state.write_event(change.audit);
        Ok(EndRunOutcome::Ended)
    }

    async fn runs(
        &self,
        owner: UserId,
        ended: bool,
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
            .filter(|token| token.kind() == TokenKind::AgentRun && token.owner == owner)
            .filter(|token| ended || token.status(now) == Status::Live)
            .filter(|token| after.is_none_or(|after| token.id < after))
            .take(limit as usize)
            .cloned()
            .collect::<Vec<_>>()
            .into())
    }

    async fn runs_issued_with(
        &self,
        owner: UserId,
        issuer: TokenId,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError> {
        let is_issuer = |run: &Run| run.issuer == issuer;
        Ok(self
            .state()
            .tokens
            .values()
            .rev()
            .map(|(token, _)| token)
            .filter(|token| token.owner == owner && token.run.as_ref().is_some_and(is_issuer))
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
