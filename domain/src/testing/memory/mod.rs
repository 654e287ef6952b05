//! A store in memory that passes the same contract suite as the databases.

mod accounts;
mod agent_runs;
mod audit;
mod inventory;
mod invites;
mod sessions;
mod tokens;
mod work;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::access::{ActingRecord, CredentialId};
use crate::agent_run::{DomainKey, EndedRuns, WorkItemKey};
use crate::attempt::{AttemptStore, Bucket, Tally, Throttled};
use crate::audit::{AuditEvent, AuditEventId};
use crate::clock::Timestamp;
use crate::invite::{Invite, InviteId};
use crate::session::{Ended, LinkId, Session, SessionId, SessionRecord, SignInLink};
use crate::store::{StoreError, StoreHealth};
use crate::token::{Digest, Token, TokenId, TokenRecord};
use crate::user::{Account, Notice, User, UserId};
use crate::work::WorkItem;

/// A store in memory: for tests, and as the reading example of what a store does. One lock makes
/// each step atomic.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    accounts: BTreeMap<UserId, Account>,
    tokens: BTreeMap<TokenId, (Token, Digest)>,
    by_digest: HashMap<Digest, TokenId>,
    sessions: BTreeMap<SessionId, (Session, Digest)>,
    links: BTreeMap<LinkId, (SignInLink, Digest)>,
    invites: BTreeMap<InviteId, (Invite, Digest)>,
    notices: Vec<(UserId, Notice)>,
    attempts: HashMap<String, Tally>,
    work_items: BTreeMap<WorkItemKey, WorkItem>,
    last_numbers: BTreeMap<DomainKey, u32>,
    audit: BTreeMap<AuditEventId, AuditEvent>,
}

impl MemoryStore {
    /// Inserts a user without a password, or replaces all but the password of the one with the
    /// same id.
    pub fn put_user(&self, user: User) {
        let mut state = self.state();
        let password = state
            .accounts
            .get(&user.id)
            .and_then(|account| account.password.clone());
        state.accounts.insert(user.id, Account { user, password });
    }

    /// Inserts a token past every rule, for a test that begins with one.
    pub fn put_token(&self, token: Token, digest: Digest) {
        self.state().write_token(token, digest);
    }

    /// Inserts an account past every rule.
    pub fn put_account(&self, account: Account) {
        self.state().accounts.insert(account.user.id, account);
    }

    // No method panics between two writes, so a poisoned state is still whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn user(&self, id: UserId) -> Option<&User> {
        self.accounts.get(&id).map(|account| &account.user)
    }

    fn account(&self, email_key: &str) -> Option<&Account> {
        self.accounts
            .values()
            .find(|account| account.user.email.key() == email_key)
    }

    fn acting(&self, credential: CredentialId) -> Option<ActingRecord> {
        match credential {
            CredentialId::Token(id) => self.record(id).map(ActingRecord::Token),
            CredentialId::Session(id) => self.session_record(id).map(ActingRecord::Session),
        }
    }

    fn record(&self, id: TokenId) -> Option<TokenRecord> {
        let (token, digest) = self.tokens.get(&id)?;
        Some(TokenRecord {
            token: token.clone(),
            digest: *digest,
            owner: self.user(token.owner)?.as_owner(),
        })
    }

    fn token(&self, id: TokenId) -> Option<&Token> {
        self.tokens.get(&id).map(|(token, _)| token)
    }

    fn session_record(&self, id: SessionId) -> Option<SessionRecord> {
        let (session, digest) = self.sessions.get(&id)?;
        Some(SessionRecord {
            session: session.clone(),
            digest: *digest,
            owner: self.user(session.user)?.as_owner(),
        })
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

    /// The agent runs that have not been ended.
    fn unrevoked_runs(&self) -> Vec<Token> {
        self.tokens
            .values()
            .map(|(token, _)| token)
            .filter(|token| token.run.is_some() && token.revoked_at.is_none())
            .cloned()
            .collect()
    }

    fn check_new_events<'a>(
        &self,
        events: impl IntoIterator<Item = &'a AuditEvent>,
    ) -> Result<(), StoreError> {
        events
            .into_iter()
            .try_for_each(|event| self.check_new_event(event))
    }

    /// Writes runs that ended; their events were [checked](Self::check_new_events).
    fn write_ended(&mut self, ended: EndedRuns) {
        for run in ended.tokens {
            self.update_token(run);
        }
        for event in ended.events {
            self.write_event(event);
        }
    }

    /// Ends a user's sessions and answers how many.
    fn end_sessions(&mut self, user: UserId, ended: Ended) -> u64 {
        let before = self.sessions.len();
        self.sessions
            .retain(|id, (session, _)| session.user != user || !ended.includes(*id));
        (before - self.sessions.len()) as u64
    }

    /// Makes a user's open sign-in links void.
    fn void_links(&mut self, user: UserId, now: Timestamp) {
        for (link, _) in self.links.values_mut() {
            if link.user == user && link.used_at.is_none() {
                link.used_at = Some(now);
            }
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
impl StoreHealth for MemoryStore {
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl AttemptStore for MemoryStore {
    async fn count(
        &self,
        buckets: &[Bucket],
        now: Timestamp,
    ) -> Result<Result<(), Throttled>, StoreError> {
        let mut state = self.state();
        let mut tallies = Vec::new();
        for bucket in buckets {
            let current = state.attempts.get(&bucket.key).copied();
            match bucket.decide(current, now) {
                Ok(tally) => tallies.push((bucket.key.clone(), tally)),
                Err(throttled) => return Ok(Err(throttled)),
            }
        }
        state.attempts.extend(tallies);
        Ok(Ok(()))
    }

    async fn forgive(&self, key: &str) -> Result<(), StoreError> {
        self.state().attempts.remove(key);
        Ok(())
    }

    async fn purge_attempts(&self, begun_before: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.state();
        let before = state.attempts.len();
        state
            .attempts
            .retain(|_, tally| tally.begun_at >= begun_before);
        Ok((before - state.attempts.len()) as u64)
    }
}
