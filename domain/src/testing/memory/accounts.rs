use async_trait::async_trait;

use crate::agent_run::EndedRuns;
use crate::clock::Timestamp;
use crate::invite::Invite;
use crate::session::SessionSelection;
use crate::store::{Listing, StoreError};
use crate::token::{Status, Token, TokenKind};
use crate::user::{
    Account, ChangeUser, ChangeUserOutcome, CreateFirstAdmin, CreateFirstAdminOutcome, DeleteUser,
    DeleteUserFacts, DeleteUserOutcome, DismissNotices, DismissNoticesOutcome, Email, ListedUser,
    Notice, User, UserCursor, UserId, UserQuery, UserSeek, UserStore,
};

use super::{MemoryStore, State};

impl State {
    fn invites_that_end_with(&self, user: &User) -> Vec<Invite> {
        let invites = self.invites.values().map(|(invite, _)| invite);
        let unclaimed = invites.filter(|invite| invite.claimed.is_none());
        unclaimed
            .filter(|invite| invite.withdrawn_at.is_none() && invite.ends_with(user))
            .cloned()
            .collect()
    }

    fn listed(&self, user: &User, now: Timestamp) -> ListedUser {
        let tokens = self.tokens.values().map(|(token, _)| token);
        let tokens =
            tokens.filter(|token| token.owner == user.id && token.kind() == TokenKind::Personal);
        let sessions = self.sessions.values().map(|(session, _)| session);
        let sessions = sessions.filter(|session| session.user == user.id);
        let events = self.audit.values();
        let events = events.filter(|event| event.actor.user() == Some(user.id));
        let live = tokens
            .clone()
            .filter(|token| token.status(now) == Status::Live);
        ListedUser {
            user: user.clone(),
            live_tokens: live.count() as u64,
            last_seen_at: tokens
                .filter_map(|token| token.last_used_at)
                .chain(sessions.map(|session| session.last_seen_at))
                .chain(events.map(|event| event.at))
                .max(),
        }
    }

    /// Ends and erases everything that belongs to a user.
    fn erase(&mut self, change: &DeleteUser, facts: DeleteUserFacts) {
        let (id, now) = (change.user, change.actor.now);
        let key = facts.user.map(|user| user.email.key());
        self.accounts.remove(&id);
        self.deleted.insert(id);
        let horizon = EndedRuns::horizon(now);
        let unended = facts.tokens.iter().cloned();
        for token in unended.filter(|token| token.expires_at.is_none_or(|at| at > horizon)) {
            self.update_token(Token {
                revoked_at: Some(now),
                ..token
            });
        }
        // Tokens that were revoked before show their owner, too.
        self.write_records(id);
        self.end_sessions(id, SessionSelection::All);
        self.notices.retain(|(owner, _)| *owner != id);
        self.links.retain(|_, (link, _)| {
            link.user != id && (link.created_by != Some(id) || link.used_at.is_some())
        });
        self.invites.retain(|_, (invite, _)| {
            invite.claimed.is_none_or(|(_, by)| by != id)
                && (key.is_none() || invite.email().map(Email::key) != key)
        });
        for (invite, _) in self.invites.values_mut() {
            let unclaimed = invite.claimed.is_none() && invite.withdrawn_at.is_none();
            if invite.created_by == Some(id) && unclaimed {
                invite.withdrawn_at = Some(now);
            }
        }
    }
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<CreateFirstAdminOutcome, StoreError> {
        let mut state = self.state();
        if !state.accounts.is_empty() {
            return Ok(CreateFirstAdminOutcome::InstanceHasUsers);
        }
        state.check_new(&change.token, &change.digest)?;
        state.check_new_event(&change.audit)?;
        for (invite, _) in state.invites.values_mut() {
            if let Some(withdrawn) = change.withdraws(invite) {
                *invite = withdrawn;
            }
        }
        let account = Account {
            user: change.user,
            password: None,
        };
        state.write_account(account);
        state.write_token(change.token, change.digest);
        state.write_event(change.audit);
        Ok(CreateFirstAdminOutcome::Created)
    }

    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.state().user(id).cloned())
    }

    async fn account(&self, email_key: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.state().account(email_key).cloned())
    }

    async fn page(&self, after: Option<UserId>, limit: u32) -> Result<Listing<User>, StoreError> {
        Ok(self
            .state()
            .accounts
            .values()
            .map(|account| &account.user)
            .filter(|user| after.is_none_or(|after| user.id > after))
            .take(limit as usize)
            .cloned()
            .collect::<Vec<_>>()
            .into())
    }

    async fn search_users(
        &self,
        query: &UserQuery,
        now: Timestamp,
        seek: Option<UserSeek>,
        limit: u32,
    ) -> Result<Listing<ListedUser>, StoreError> {
        let state = self.state();
        let users = state.accounts.values().map(|account| &account.user);
        let mut found: Vec<(UserCursor, ListedUser)> = users
            .filter(|user| query.search.as_ref().is_none_or(|part| part.matches(user)))
            .map(|user| state.listed(user, now))
            .map(|listed| (UserCursor::of(&listed, query.sort), listed))
            .collect();
        found.sort_by(|(a, _), (b, _)| a.order(b));
        match &seek {
            None => {}
            Some(UserSeek::After(cursor)) => found.retain(|(at, _)| at.order(cursor).is_gt()),
            Some(UserSeek::Before(cursor)) => {
                found.retain(|(at, _)| at.order(cursor).is_lt());
                found.reverse();
            }
        }
        let found = found.into_iter().map(|(_, listed)| listed);
        Ok(found.take(limit as usize).collect::<Vec<_>>().into())
    }

    async fn change_user(&self, change: ChangeUser) -> Result<ChangeUserOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let others = state.other_active_admins(change.user);
        let runs = state.unrevoked_runs();
        let user = state.user(change.user);
        let key = change.new_email().map(Email::key);
        let holder = key
            .and_then(|key| state.account(&key))
            .map(|account| account.user.id);
        let invites: Vec<_> = state
            .invites
            .values()
            .map(|(invite, _)| invite.clone())
            .collect();
        let decision = match change.decide(actor.as_ref(), user, others, &runs, holder, &invites) {
            Ok(decision) => decision,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_events(&decision.events)?;
        state.check_new_events(&decision.runs.events)?;
        state.write_ended(decision.runs);
        for withdrawn in decision.withdrawn {
            state.update_invite(withdrawn);
        }
        if let Some(account) = state.accounts.get(&change.user) {
            let password = account.password.clone();
            let user = decision.user.clone();
            state.write_account(Account { user, password });
        }
        if decision.end_sessions {
            state.end_sessions(change.user, SessionSelection::All);
        }
        if decision.delete_links {
            state.delete_links(change.user);
        }
        let notices = decision.notice.into_iter();
        state
            .notices
            .extend(notices.map(|notice| (change.user, notice)));
        for event in decision.events {
            state.write_event(event);
        }
        Ok(ChangeUserOutcome::Changed(decision.user))
    }

    async fn delete_user(&self, change: DeleteUser) -> Result<DeleteUserOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let user = state.user(change.user).cloned();
        let facts = DeleteUserFacts {
            other_active_admins: state.other_active_admins(change.user),
            tokens: state.unrevoked_tokens(change.user).into(),
            invites: match &user {
                Some(user) => state.invites_that_end_with(user).into(),
                None => Listing::default(),
            },
            user,
        };
        let events = match change.decide(actor.as_ref(), &facts) {
            Ok(events) => events,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_event(&change.audit)?;
        state.check_new_events(&events)?;
        state.erase(&change, facts);
        for event in events {
            state.write_event(event);
        }
        state.write_event(change.audit);
        Ok(DeleteUserOutcome::Deleted)
    }

    async fn notices(&self, user: UserId) -> Result<Vec<Notice>, StoreError> {
        let mut notices: Vec<Notice> = self
            .state()
            .notices
            .iter()
            .filter(|(owner, _)| *owner == user)
            .map(|(_, notice)| notice.clone())
            .collect();
        Notice::sort(&mut notices);
        Ok(notices)
    }

    async fn dismiss_notices(
        &self,
        change: DismissNotices,
    ) -> Result<DismissNoticesOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        if let Err(outcome) = change.decide(actor.as_ref()) {
            return Ok(outcome);
        }
        state.check_new_event(&change.audit)?;
        let before = state.notices.len();
        state
            .notices
            .retain(|(owner, notice)| *owner != change.user || !change.covers(notice));
        let dismissed = (before - state.notices.len()) as u64;
        if dismissed > 0 {
            state.write_event(change.audit);
        }
        Ok(DismissNoticesOutcome::Dismissed(dismissed))
    }
}
