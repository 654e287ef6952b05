use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::audit::{AuditEvent, AuditEventId, AuditStore};
use crate::clock::Timestamp;
use crate::store::{StoreError, StoreHealth};
use crate::token::{
    Digest, InsertOutcome, InsertToken, ReplaceOutcome, ReplaceToken, RevokeOutcome, RevokeToken,
    Status, Token, TokenId, TokenRecord, TokenStore,
};
use crate::user::{CreateFirstAdmin, FirstAdminOutcome, User, UserId, UserStore};

/// A store in memory that passes the same contract suite as the databases: for tests, and as the
/// reading example of what a store does. One lock makes each step atomic.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    users: BTreeMap<UserId, User>,
    tokens: BTreeMap<TokenId, (Token, Digest)>,
    by_digest: HashMap<Digest, TokenId>,
    audit: BTreeMap<AuditEventId, AuditEvent>,
}

impl MemoryStore {
    /// Inserts a user, or replaces the one with the same id.
    pub fn put_user(&self, user: User) {
        self.state().users.insert(user.id, user);
    }

    /// Inserts a token past every rule, for a test that begins with one.
    pub fn put_token(&self, token: Token, digest: Digest) {
        self.state().write_token(token, digest);
    }

    // No method panics between two writes, so a poisoned state is still whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn record(&self, id: TokenId) -> Option<TokenRecord> {
        let (token, digest) = self.tokens.get(&id)?;
        let owner = self.users.get(&token.owner)?.as_owner();
        Some(TokenRecord {
            token: token.clone(),
            digest: *digest,
            owner,
        })
    }

    fn token(&self, id: TokenId) -> Option<&Token> {
        self.tokens.get(&id).map(|(token, _)| token)
    }

    fn live_tokens(&self, owner: UserId, now: Timestamp) -> u32 {
        let live = self
            .tokens
            .values()
            .filter(|(token, _)| token.owner == owner && token.status(now) == Status::Live)
            .count();
        u32::try_from(live).unwrap_or(u32::MAX)
    }

    fn write_token(&mut self, token: Token, digest: Digest) {
        self.by_digest.insert(digest, token.id);
        self.tokens.insert(token.id, (token, digest));
    }

    fn update_token(&mut self, token: Token) {
        if let Some((stored, _)) = self.tokens.get_mut(&token.id) {
            *stored = token;
        }
    }

    /// What a database refuses by its unique keys, before anything is written.
    fn check_new(&self, token: &Token, digest: &Digest) -> Result<(), StoreError> {
        if self.tokens.contains_key(&token.id) || self.by_digest.contains_key(digest) {
            return Err(StoreError::corrupt("a token with this id or digest exists"));
        }
        Ok(())
    }

    fn check_new_event(&self, event: &AuditEvent) -> Result<(), StoreError> {
        if self.audit.contains_key(&event.id) {
            return Err(StoreError::corrupt("an audit event with this id exists"));
        }
        Ok(())
    }

    fn write_event(&mut self, event: AuditEvent) {
        self.audit.insert(event.id, event);
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn find_by_digest(&self, digest: &Digest) -> Result<Option<TokenRecord>, StoreError> {
        let state = self.state();
        Ok(state.by_digest.get(digest).and_then(|id| state.record(*id)))
    }

    async fn insert_within_quota(&self, change: InsertToken) -> Result<InsertOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.record(change.actor.token);
        let live = state.live_tokens(change.token.owner, change.actor.now);
        if let Err(outcome) = change.decide(actor.as_ref(), live) {
            return Ok(outcome);
        }
        state.check_new(&change.token, &change.digest)?;
        state.check_new_event(&change.audit)?;
        state.write_token(change.token, change.digest);
        state.write_event(change.audit);
        Ok(InsertOutcome::Inserted)
    }

    async fn revoke_once(&self, change: RevokeToken) -> Result<RevokeOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.record(change.actor.token);
        let revoked = match change.decide(actor.as_ref(), state.token(change.token)) {
            Ok(revoked) => revoked,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_event(&change.audit)?;
        state.update_token(revoked);
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
        let acting = state.record(actor.token);
        let live = state.live_tokens(successor.owner, actor.now);
        let predecessor = state.token(change.predecessor);
        let rotated = match change.decide(acting.as_ref(), predecessor, live) {
            Ok(rotated) => rotated,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new(successor, digest)?;
        state.check_new_event(audit)?;
        state.update_token(rotated);
        state.write_token(successor.clone(), *digest);
        state.write_event(audit.clone());
        Ok(ReplaceOutcome::Replaced)
    }

    async fn list(&self, owner: UserId) -> Result<Vec<Token>, StoreError> {
        let state = self.state();
        let mut tokens: Vec<Token> = state
            .tokens
            .values()
            .map(|(token, _)| token)
            .filter(|token| token.owner == owner && token.revoked_at.is_none())
            .cloned()
            .collect();
        tokens.sort_by_key(|token| std::cmp::Reverse((token.created_at, token.id)));
        Ok(tokens)
    }

    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        Ok(self
            .state()
            .token(id)
            .filter(|token| token.owner == owner && token.revoked_at.is_none())
            .cloned())
    }

    async fn record_last_used(&self, uses: &[(TokenId, Timestamp)]) -> Result<(), StoreError> {
        let mut state = self.state();
        for (id, at) in uses {
            if let Some((token, _)) = state.tokens.get_mut(id) {
                token.last_used_at = token.last_used_at.max(Some(*at));
            }
        }
        Ok(())
    }

    async fn purge_revoked_before(&self, horizon: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.state();
        let over: Vec<(TokenId, Digest)> = state
            .tokens
            .values()
            .filter(|(token, _)| token.revoked_at.is_some_and(|at| at < horizon))
            .map(|(token, digest)| (token.id, *digest))
            .collect();
        for (id, digest) in &over {
            state.tokens.remove(id);
            state.by_digest.remove(digest);
        }
        Ok(over.len() as u64)
    }
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<FirstAdminOutcome, StoreError> {
        let mut state = self.state();
        if !state.users.is_empty() {
            return Ok(FirstAdminOutcome::InstanceHasUsers);
        }
        state.check_new(&change.token, &change.digest)?;
        state.check_new_event(&change.audit)?;
        state.users.insert(change.user.id, change.user);
        state.write_token(change.token, change.digest);
        state.write_event(change.audit);
        Ok(FirstAdminOutcome::Created)
    }

    async fn page(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        Ok(self
            .state()
            .users
            .values()
            .filter(|user| after.is_none_or(|after| user.id > after))
            .take(limit as usize)
            .cloned()
            .collect())
    }
}

#[async_trait]
impl AuditStore for MemoryStore {
    async fn newest(&self, limit: u32) -> Result<Vec<AuditEvent>, StoreError> {
        let mut events: Vec<AuditEvent> = self.state().audit.values().cloned().collect();
        events.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
        events.truncate(limit as usize);
        Ok(events)
    }
}

#[async_trait]
impl StoreHealth for MemoryStore {
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
