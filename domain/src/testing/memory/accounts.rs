use async_trait::async_trait;

use crate::session::Ended;
use crate::store::{Listing, StoreError};
use crate::user::{
    Account, ChangeUser, ChangeUserOutcome, CreateFirstAdmin, DismissNotices,
    DismissNoticesOutcome, FirstAdminOutcome, Notice, User, UserId, UserStore,
};

use super::MemoryStore;

#[async_trait]
impl UserStore for MemoryStore {
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<FirstAdminOutcome, StoreError> {
        let mut state = self.state();
        if !state.accounts.is_empty() {
            return Ok(FirstAdminOutcome::InstanceHasUsers);
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
        Ok(FirstAdminOutcome::Created)
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

    async fn change_user(&self, change: ChangeUser) -> Result<ChangeUserOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let others = state
            .accounts
            .values()
            .filter(|other| other.user.id != change.user && other.user.is_active_admin())
            .count();
        let others = u32::try_from(others).unwrap_or(u32::MAX);
        let runs = state.unrevoked_runs();
        let user = state.user(change.user);
        let decision = match change.decide(actor.as_ref(), user, others, &runs) {
            Ok(decision) => decision,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_event(&change.audit)?;
        state.check_new_events(&decision.runs.events)?;
        state.write_ended(decision.runs);
        if let Some(account) = state.accounts.get(&change.user) {
            let password = account.password.clone();
            let user = decision.user.clone();
            state.write_account(Account { user, password });
        }
        if decision.end_access {
            state.end_sessions(change.user, Ended::All);
            state.void_links(change.user, change.actor.now);
        }
        state.write_event(change.audit);
        Ok(ChangeUserOutcome::Changed(decision.user))
    }

    async fn notices(&self, user: UserId) -> Result<Vec<Notice>, StoreError> {
        let mut notices: Vec<Notice> = self
            .state()
            .notices
            .iter()
            .filter(|(owner, _)| *owner == user)
            .map(|(_, notice)| notice.clone())
            .collect();
        notices.sort_by_key(|notice| std::cmp::Reverse((notice.at, notice.token)));
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
            .retain(|(owner, notice)| *owner != change.user || notice.at > change.up_to);
        let dismissed = (before - state.notices.len()) as u64;
        if dismissed > 0 {
            state.write_event(change.audit);
        }
        Ok(DismissNoticesOutcome::Dismissed(dismissed))
    }
}
