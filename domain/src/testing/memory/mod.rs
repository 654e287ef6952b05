//! An in-memory store that passes the same contract suite as the databases.

mod accounts;
mod admin_tokens;
mod agent_runs;
mod audit;
mod invites;
mod sessions;
mod tokens;
mod work_items;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::access::{ActingRecord, Actor, CredentialId};
use crate::agent_run::{DomainKey, EndedRuns, WorkItemKey};
use crate::audit::{AuditEvent, AuditEventId, Subject};
use crate::clock::Timestamp;
use crate::form::FormId;
use crate::invite::{Invite, InviteId};
use crate::rate_limit::{RateLimit, RateLimitStore, RateLimited, RateWindow};
use crate::session::{
    Session, SessionId, SessionRecord, SessionSelection, SignInLink, SignInLinkId,
};
use crate::store::{StoreError, StoreHealth};
use crate::token::{Digest, DigestHasher, Token, TokenId, TokenRecord};
use crate::user::{Account, Notice, Owner, User, UserId};
use crate::work_item::WorkItem;

/// An in-memory store: for tests, and as an example of an implementation. One lock makes each step
/// atomic.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    accounts: BTreeMap<UserId, Account>,
    // Users whose revoked tokens can still be looked up.
    deleted: BTreeSet<UserId>,
    // Owners without an account.
    owners: BTreeMap<UserId, Owner>,
    tokens: BTreeMap<TokenId, (Token, Digest)>,
    // The lookup result of every token that has an owner, updated with either of the two, so that a
    // lookup does not have to assemble it.
    records: HashMap<Digest, Arc<TokenRecord>, BuildHasherDefault<DigestHasher>>,
    sessions: BTreeMap<SessionId, (Session, Digest)>,
    links: BTreeMap<SignInLinkId, (SignInLink, Digest)>,
    invites: BTreeMap<InviteId, (Invite, Digest)>,
    notices: Vec<(UserId, Notice)>,
    rate_limits: HashMap<String, RateWindow>,
    work_items: BTreeMap<WorkItemKey, WorkItem>,
    last_numbers: BTreeMap<DomainKey, u32>,
    audit: BTreeMap<AuditEventId, AuditEvent>,
    forms: HashMap<FormId, (Subject, Timestamp)>,
}

impl MemoryStore {
    /// Inserts a user without a password, or replaces the user with the same id but keeps the
    /// password.
    pub fn put_user(&self, user: User) {
        let mut state = self.state();
        let password = state
            .accounts
            .get(&user.id)
            .and_then(|account| account.password.clone());
        state.write_account(Account { user, password });
    }

    /// Inserts or replaces an owner without any checks. An account with the same id determines the
    /// owner.
    pub fn insert_owner(&self, owner: Owner) {
        self.state().write_owner(owner);
    }

    /// Inserts a token without any checks, as the starting point of a test.
    pub fn put_token(&self, token: Token, digest: Digest) {
        self.state().write_token(token, digest);
    }

    /// Inserts an account without any checks.
    pub fn put_account(&self, account: Account) {
        self.state().write_account(account);
    }

    // No method panics between two writes, so a poisoned state is still consistent.
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

    fn acting(&self, actor: &Actor) -> Option<ActingRecord> {
        let used = actor.form.and_then(|form| self.forms.get(&form.id));
        if let Some((created, _)) = used {
            return Some(ActingRecord::FormUsed(*created));
        }
        match actor.credential {
            CredentialId::Token(id) => self.record(id).map(ActingRecord::Token),
            CredentialId::Session(id) => self.session_record(id).map(ActingRecord::from),
            CredentialId::External(id) => self.owner(id).map(ActingRecord::External),
            CredentialId::Operator => None,
        }
    }

    fn author(&self, actor: &Actor) -> Option<ActingRecord> {
        let record = self.acting(actor)?;
        let owner = record.owner().map(|owner| owner.id);
        let has_account = owner.is_none_or(|owner| self.has_account(owner));
        Some(record.as_author(has_account))
    }

    fn has_account(&self, id: UserId) -> bool {
        self.user(id).is_some() || self.deleted.contains(&id)
    }

    /// Records the form of a change that is written.
    fn use_form(&mut self, actor: &Actor) {
        if let Some(form) = actor.form {
            self.forms.insert(form.id, (form.created, actor.now));
        }
    }

    fn owner(&self, id: UserId) -> Option<Owner> {
        match self.user(id) {
            Some(user) => Some(user.as_owner()),
            None if self.deleted.contains(&id) => Some(Owner::deleted(id)),
            None => self.owners.get(&id).cloned(),
        }
    }

    fn record(&self, id: TokenId) -> Option<Arc<TokenRecord>> {
        let (_, digest) = self.tokens.get(&id)?;
        self.records.get(digest).cloned()
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
        if let Some((_, former)) = self.tokens.get(&token.id) {
            self.records.remove(former);
        }
        self.write_record(&token, digest);
        self.tokens.insert(token.id, (token, digest));
    }

    fn write_record(&mut self, token: &Token, digest: Digest) {
        if let Some(owner) = self.owner(token.owner) {
            let record = TokenRecord {
                token: token.clone(),
                digest,
                owner,
            };
            self.records.insert(digest, Arc::new(record));
        }
    }

    fn write_account(&mut self, account: Account) {
        let user = account.user.id;
        self.accounts.insert(user, account);
        self.write_records(user);
    }

    fn write_owner(&mut self, owner: Owner) {
        let id = owner.id;
        self.owners.insert(id, owner);
        self.write_records(id);
    }

    /// Updates the lookup results of all tokens of an owner, revoked ones included.
    fn write_records(&mut self, owner: UserId) {
        let tokens = self.tokens.values();
        let theirs = tokens.filter(|(token, _)| token.owner == owner);
        for (token, digest) in theirs.cloned().collect::<Vec<_>>() {
            self.write_record(&token, digest);
        }
    }

    fn update_token(&mut self, token: Token) {
        if let Some((_, digest)) = self.tokens.get(&token.id) {
            self.write_token(token, *digest);
        }
    }

    /// Returns the agent runs that have not been ended.
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

    /// Writes ended runs; their events were [checked](Self::check_new_events).
    fn write_ended(&mut self, ended: EndedRuns) {
        for run in ended.tokens {
            self.update_token(run);
        }
        for event in ended.events {
            self.write_event(event);
        }
    }

    /// Ends a user's sessions and returns how many.
    fn end_sessions(&mut self, user: UserId, selection: SessionSelection) -> u64 {
        let before = self.sessions.len();
        self.sessions
            .retain(|id, (session, _)| session.user != user || !selection.includes(*id));
        (before - self.sessions.len()) as u64
    }

    /// Deletes a user's unused sign-in links.
    fn delete_links(&mut self, user: UserId) {
        self.links
            .retain(|_, (link, _)| link.user != user || link.used_at.is_some());
    }

    /// Returns every unrevoked token of a user, including agent runs.
    fn unrevoked_tokens(&self, owner: UserId) -> Vec<Token> {
        self.tokens
            .values()
            .map(|(token, _)| token)
            .filter(|token| token.owner == owner && token.revoked_at.is_none())
            .cloned()
            .collect()
    }

    /// Returns the number of active administrators other than this user.
    fn other_active_admins(&self, than: UserId) -> u32 {
        let others = self.accounts.values().map(|account| &account.user);
        let admins = others.filter(|user| user.id != than && user.is_active_admin());
        u32::try_from(admins.count()).unwrap_or(u32::MAX)
    }

    /// Fails if a database's unique keys would reject the token, before anything is written.
    fn check_new(&self, token: &Token, digest: &Digest) -> Result<(), StoreError> {
        if self.tokens.contains_key(&token.id) || self.records.contains_key(digest) {
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

    async fn write(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl RateLimitStore for MemoryStore {
    async fn count(
        &self,
        limits: &[RateLimit],
        now: Timestamp,
    ) -> Result<Result<(), RateLimited>, StoreError> {
        let mut state = self.state();
        let mut windows = Vec::new();
        for limit in limits {
            let current = state.rate_limits.get(&limit.key).copied();
            match limit.decide(current, now) {
                Ok(window) => windows.push((limit.key.clone(), window)),
                Err(throttled) => return Ok(Err(throttled)),
            }
        }
        state.rate_limits.extend(windows);
        Ok(Ok(()))
    }

    async fn reset(&self, key: &str) -> Result<(), StoreError> {
        self.state().rate_limits.remove(key);
        Ok(())
    }

    async fn purge_rate_limits(&self, begun_before: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.state();
        let before = state.rate_limits.len();
        state
            .rate_limits
            .retain(|_, window| window.begun_at >= begun_before);
        Ok((before - state.rate_limits.len()) as u64)
    }
}
