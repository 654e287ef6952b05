use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};
use crate::token::{
    Digest, InsertOutcome, InsertToken, ReplaceOutcome, ReplaceToken, RevokeOutcome, RevokeToken,
    Status, Token, TokenId, TokenKind, TokenRecord, TokenStore,
};
use crate::user::UserId;

use super::{MemoryStore, State};

impl State {
    pub(super) fn live_tokens(&self, kind: TokenKind, owner: UserId, now: Timestamp) -> u32 {
        let live = self
            .tokens
            .values()
            .filter(|(token, _)| token.kind() == kind && token.owner == owner)
            .filter(|(token, _)| token.status(now) == Status::Live)
            .count();
        u32::try_from(live).unwrap_or(u32::MAX)
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn find_by_digest(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        Ok(self.state().records.get(digest).cloned())
    }

    async fn insert_within_quota(&self, change: InsertToken) -> Result<InsertOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let live = state.live_tokens(TokenKind::Personal, change.token.owner, change.actor.now);
        if let Err(outcome) = change.decide(actor.as_ref(), live) {
            return Ok(outcome);
        }
        state.check_new(&change.token, &change.digest)?;
        state.check_new_event(&change.audit)?;
        state.use_form(&change.actor);
        state.write_token(change.token, change.digest);
        state.write_event(change.audit);
        Ok(InsertOutcome::Inserted)
    }

    async fn revoke_once(&self, change: RevokeToken) -> Result<RevokeOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let runs = state.unrevoked_runs();
        let ended = match change.decide(actor.as_ref(), state.token(change.token), &runs) {
            Ok(ended) => ended,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_event(&change.audit)?;
        state.check_new_events(&ended.runs.events)?;
        state.update_token(ended.token);
        state.write_ended(ended.runs);
        state.write_event(change.audit);
        Ok(RevokeOutcome::Revoked)
    }

    async fn replace(&self, change: ReplaceToken) -> Result<ReplaceOutcome, StoreError> {
        let mut state = self.state();
        let InsertToken {
            actor,
            token: successor,
            digest,
            audit,
            ..
        } = &change.successor;
        let acting = state.acting(actor);
        let live = state.live_tokens(TokenKind::Personal, successor.owner, actor.now);
        let predecessor = state.token(change.predecessor);
        let runs = state.unrevoked_runs();
        let ended = match change.decide(acting.as_ref(), predecessor, live, &runs) {
            Ok(ended) => ended,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new(successor, digest)?;
        state.check_new_event(audit)?;
        state.check_new_events(&ended.runs.events)?;
        state.use_form(actor);
        state.update_token(ended.token);
        state.write_ended(ended.runs);
        state.write_token(successor.clone(), *digest);
        state.write_event(audit.clone());
        Ok(ReplaceOutcome::Replaced)
    }

    async fn list(&self, owner: UserId) -> Result<Listing<Token>, StoreError> {
        let state = self.state();
        let mut tokens: Vec<Token> = state
            .tokens
            .values()
            .map(|(token, _)| token)
            .filter(|token| token.kind() == TokenKind::Personal && token.owner == owner)
            .filter(|token| token.revoked_at.is_none())
            .cloned()
            .collect();
        tokens.sort_by_key(|token| std::cmp::Reverse((token.created_at, token.id)));
        Ok(tokens.into())
    }

    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        Ok(self
            .state()
            .token(id)
            .filter(|token| token.kind() == TokenKind::Personal && token.owner == owner)
            .cloned())
    }

    async fn record_last_used(&self, uses: &[(TokenId, Timestamp)]) -> Result<(), StoreError> {
        let mut state = self.state();
        for (id, at) in uses {
            if let Some(token) = state.token(*id).cloned() {
                let last_used_at = token.last_used_at.max(Some(*at));
                state.update_token(Token {
                    last_used_at,
                    ..token
                });
            }
        }
        Ok(())
    }

    async fn purge_ended_before(&self, horizon: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.state();
        let over: Vec<(TokenId, Digest)> = state
            .tokens
            .values()
            .filter(|(token, _)| {
                let expired = token.expires_at.filter(|_| token.run.is_some());
                token.revoked_at.or(expired).is_some_and(|at| at < horizon)
            })
            .map(|(token, digest)| (token.id, *digest))
            .collect();
        for (id, digest) in &over {
            state.tokens.remove(id);
            state.records.remove(digest);
        }
        Ok(over.len() as u64)
    }
}
