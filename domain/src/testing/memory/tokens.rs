use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};
use crate::token::{
    ChangeOwner, ChangeOwnerOutcome, CreateToken, CreateTokenOutcome, CreationRate, Digest,
    ListCursor, ListFilter, Owner, RevokeToken, RevokeTokenOutcome, RotateToken,
    RotateTokenOutcome, Seek, Status, Token, TokenCounts, TokenId, TokenKind, TokenMemory,
    TokenRecord, TokenStore, TokenUse,
};
use crate::user::UserId;

use super::{MemoryStore, State};

impl State {
    pub(super) fn issued(
        &self,
        kind: TokenKind,
        owner: UserId,
        rate: CreationRate,
        now: Timestamp,
    ) -> TokenCounts {
        let issued = || {
            let tokens = self.tokens.values().map(|(token, _)| token);
            tokens.filter(|token| token.kind() == kind && token.owner == owner)
        };
        let live = issued().filter(|token| token.status(now) == Status::Live);
        let mut created: Vec<Timestamp> = issued().map(|token| token.created_at).collect();
        created.sort_unstable_by(|a, b| b.cmp(a));
        TokenCounts {
            live: u32::try_from(live.count()).unwrap_or(u32::MAX),
            nth_newest: created.get(rate.limit() as usize - 1).copied(),
        }
    }
}

impl TokenMemory for MemoryStore {
    fn remembered(&self, digest: &Digest) -> Option<Arc<TokenRecord>> {
        self.state().records.get(digest).cloned()
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn find_by_digest(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        Ok(self.remembered(digest))
    }

    async fn find_owner(&self, id: UserId) -> Result<Option<Owner>, StoreError> {
        Ok(self.state().owner(id))
    }

    async fn change_owner(&self, change: ChangeOwner) -> Result<ChangeOwnerOutcome, StoreError> {
        let mut state = self.state();
        let id = change.change.id();
        let has_account = state.has_account(id);
        let runs = state.unrevoked_runs();
        let decision = match change.decide(state.owner(id).as_ref(), has_account, &runs) {
            Ok(decision) => decision,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_events(&decision.events)?;
        state.check_new_events(&decision.runs.events)?;
        state.write_owner(decision.owner);
        state.write_ended(decision.runs);
        for event in decision.events {
            state.write_event(event);
        }
        Ok(ChangeOwnerOutcome::Changed)
    }

    async fn create_token(&self, change: CreateToken) -> Result<CreateTokenOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let (owner, now) = (change.token.owner, change.actor.now);
        let counts = state.issued(TokenKind::Personal, owner, change.rate, now);
        if let Err(outcome) = change.decide(actor.as_ref(), counts) {
            return Ok(outcome);
        }
        state.check_new(&change.token, &change.digest)?;
        state.check_new_event(&change.audit)?;
        state.use_form(&change.actor);
        state.write_token(change.token, change.digest);
        state.write_event(change.audit);
        Ok(CreateTokenOutcome::Created)
    }

    async fn revoke_token(&self, change: RevokeToken) -> Result<RevokeTokenOutcome, StoreError> {
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
        Ok(RevokeTokenOutcome::Revoked)
    }

    async fn rotate_token(&self, change: RotateToken) -> Result<RotateTokenOutcome, StoreError> {
        let mut state = self.state();
        let CreateToken {
            actor,
            token: successor,
            digest,
            audit,
            rate,
            ..
        } = &change.successor;
        let acting = state.acting(actor);
        let counts = state.issued(TokenKind::Personal, successor.owner, *rate, actor.now);
        let predecessor = state.token(change.predecessor);
        let runs = state.unrevoked_runs();
        let ended = match change.decide(acting.as_ref(), predecessor, counts, &runs) {
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
        Ok(RotateTokenOutcome::Rotated)
    }

    async fn list(
        &self,
        owner: UserId,
        filter: &ListFilter,
        now: Timestamp,
        seek: Option<Seek>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError> {
        let place = |token: &Token| ListCursor::of(token, filter.sort);
        let mut tokens: Vec<Token> = self
            .state()
            .tokens
            .values()
            .map(|(token, _)| token)
            .filter(|token| token.kind() == TokenKind::Personal && token.owner == owner)
            .filter(|token| filter.matches(token, now))
            .filter(|token| match &seek {
                None => true,
                Some(Seek::After(cursor)) => place(token).order(cursor).is_gt(),
                Some(Seek::Before(cursor)) => place(token).order(cursor).is_lt(),
            })
            .cloned()
            .collect();
        tokens.sort_by(|a, b| place(a).order(&place(b)));
        if matches!(seek, Some(Seek::Before(_))) {
            tokens.reverse();
        }
        tokens.truncate(limit as usize);
        Ok(tokens.into())
    }

    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        Ok(self
            .state()
            .token(id)
            .filter(|token| token.kind() == TokenKind::Personal && token.owner == owner)
            .cloned())
    }

    async fn record_last_used(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        let mut state = self.state();
        for token_use in uses {
            let found = state.token(token_use.token).cloned();
            if let Some(mut token) = found.filter(|token| token.last_used_at < Some(token_use.at)) {
                token.last_used_at = Some(token_use.at);
                token.details.last_used_from = token_use.from;
                state.update_token(token);
            }
        }
        Ok(())
    }

    async fn purge_ended_before(&self, horizon: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut state = self.state();
        let over: Vec<(TokenId, Digest)> = state
            .tokens
            .values()
            .filter(|(token, _)| token.end().is_some_and(|at| at < horizon))
            .take(limit as usize)
            .map(|(token, digest)| (token.id, *digest))
            .collect();
        for (id, digest) in &over {
            state.tokens.remove(id);
            state.records.remove(digest);
        }
        Ok(over.len() as u64)
    }
}
