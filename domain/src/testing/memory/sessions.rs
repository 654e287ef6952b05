use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::session::{
    ChangePassword, ChangePasswordOutcome, CreateSignInLink, CreateSignInLinkOutcome, EndSessions,
    EndSessionsOutcome, RedeemSignInLink, RedeemSignInLinkOutcome, RemovePassword,
    RemovePasswordOutcome, Session, SessionId, SessionRecord, SessionStore, SignInLink,
    StartSession, StartSessionOutcome,
};
use crate::store::StoreError;
use crate::token::Digest;
use crate::user::{PasswordHash, UserId};

use super::{MemoryStore, State};

impl State {
    fn set_password(&mut self, user: UserId, hash: PasswordHash) {
        if let Some(account) = self.accounts.get_mut(&user) {
            account.password = Some(hash);
        }
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn find_session(&self, digest: &Digest) -> Result<Option<SessionRecord>, StoreError> {
        let state = self.state();
        let id = state
            .sessions
            .values()
            .find(|(_, stored)| stored == digest)
            .map(|(session, _)| session.id);
        Ok(id.and_then(|id| state.session_record(id)))
    }

    async fn touch_session(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError> {
        if let Some((session, _)) = self.state().sessions.get_mut(&id) {
            session.last_seen_at = session.last_seen_at.max(at);
        }
        Ok(())
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let mut sessions: Vec<Session> = self
            .state()
            .sessions
            .values()
            .map(|(session, _)| session)
            .filter(|session| session.user == user)
            .cloned()
            .collect();
        sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(sessions)
    }

    async fn start_session(&self, change: StartSession) -> Result<StartSessionOutcome, StoreError> {
        let mut state = self.state();
        if let Err(outcome) = change.decide(state.accounts.get(&change.session.user)) {
            return Ok(outcome);
        }
        state.check_new_event(&change.audit)?;
        state
            .sessions
            .insert(change.session.id, (change.session, change.digest));
        state.write_event(change.audit);
        Ok(StartSessionOutcome::Started)
    }

    async fn end_sessions(&self, change: EndSessions) -> Result<EndSessionsOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        if let Err(outcome) = change.decide(actor.as_ref()) {
            return Ok(outcome);
        }
        state.check_new_event(&change.audit)?;
        let count = state.end_sessions(change.user, change.selection);
        if count > 0 {
            state.write_event(change.audit);
        }
        Ok(EndSessionsOutcome::Ended(count))
    }

    async fn change_password(
        &self,
        change: ChangePassword,
    ) -> Result<ChangePasswordOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let user = match &actor {
            Some(crate::access::ActingRecord::Session(record)) => Some(record.session.user),
            _ => None,
        };
        let account = user.and_then(|user| state.accounts.get(&user));
        let selection = match change.decide(actor.as_ref(), account) {
            Ok(selection) => selection,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_event(&change.audit)?;
        if let Some(user) = user {
            state.set_password(user, change.hash);
            state.end_sessions(user, selection);
            state.delete_links(user);
        }
        state.write_event(change.audit);
        Ok(ChangePasswordOutcome::Changed)
    }

    async fn remove_password(
        &self,
        change: RemovePassword,
    ) -> Result<RemovePasswordOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let account = state.accounts.get(&change.user);
        if let Err(outcome) = change.decide(actor.as_ref(), account) {
            return Ok(outcome);
        }
        state.check_new_event(&change.audit)?;
        if let Some(account) = state.accounts.get_mut(&change.user) {
            account.password = None;
        }
        state.write_event(change.audit);
        Ok(RemovePasswordOutcome::Removed)
    }

    async fn create_sign_in_link(
        &self,
        change: CreateSignInLink,
    ) -> Result<CreateSignInLinkOutcome, StoreError> {
        let mut state = self.state();
        let actor = change
            .actor
            .as_ref()
            .and_then(|acting| state.author(acting));
        if let Err(outcome) = change.decide(actor.as_ref(), state.user(change.link.user)) {
            return Ok(outcome);
        }
        state.check_new_event(&change.audit)?;
        if let Some(actor) = &change.actor {
            state.use_form(actor);
        }
        state.delete_links(change.link.user);
        state
            .links
            .insert(change.link.id, (change.link, change.digest));
        state.write_event(change.audit);
        Ok(CreateSignInLinkOutcome::Created)
    }

    async fn find_sign_in_link(&self, digest: &Digest) -> Result<Option<SignInLink>, StoreError> {
        let state = self.state();
        let mut links = state.links.values();
        Ok(links
            .find(|(_, stored)| stored == digest)
            .map(|(link, _)| link.clone()))
    }

    async fn redeem_sign_in_link(
        &self,
        change: RedeemSignInLink,
    ) -> Result<RedeemSignInLinkOutcome, StoreError> {
        let mut state = self.state();
        let user = change.session.user;
        let link = state.links.get(&change.link).map(|(link, _)| link);
        let creator = link.and_then(|link| link.created_by);
        let creator = creator.and_then(|id| state.user(id));
        let selection = match change.decide(link, state.user(user), creator) {
            Ok(selection) => selection,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_event(&change.audit)?;
        if let Some((link, _)) = state.links.get_mut(&change.link) {
            link.used_at = Some(change.now);
        }
        state.notices.push((user, change.notice()));
        state.set_password(user, change.hash);
        state.end_sessions(user, selection);
        state
            .sessions
            .insert(change.session.id, (change.session, change.digest));
        state.write_event(change.audit);
        Ok(RedeemSignInLinkOutcome::Redeemed)
    }

    async fn purge_forms(&self, used_before: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.state();
        let before = state.forms.len();
        state.forms.retain(|_, (_, used)| *used >= used_before);
        Ok((before - state.forms.len()) as u64)
    }

    async fn purge_sessions(
        &self,
        begun_before: Timestamp,
        seen_before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut state = self.state();
        let before = state.sessions.len() + state.links.len();
        state.sessions.retain(|_, (session, _)| {
            session.created_at >= begun_before && session.last_seen_at >= seen_before
        });
        state.links.retain(|_, (link, _)| link.expires_at >= now);
        Ok((before - state.sessions.len() - state.links.len()) as u64)
    }
}
