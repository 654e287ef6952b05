use async_trait::async_trait;

use crate::invite::{
    ClaimInvite, ClaimInviteOutcome, CreateInvite, CreateInviteOutcome, Invite, InviteId,
    InviteStore, WithdrawInvite, WithdrawInviteOutcome,
};
use crate::store::{Listing, StoreError};
use crate::token::Digest;

use super::{MemoryStore, State};

impl State {
    pub(super) fn invite(&self, id: InviteId) -> Option<&Invite> {
        self.invites.get(&id).map(|(invite, _)| invite)
    }

    pub(super) fn update_invite(&mut self, invite: Invite) {
        if let Some((stored, _)) = self.invites.get_mut(&invite.id) {
            *stored = invite;
        }
    }
}

#[async_trait]
impl InviteStore for MemoryStore {
    async fn create_invite(&self, change: CreateInvite) -> Result<CreateInviteOutcome, StoreError> {
        let mut state = self.state();
        let actor = change
            .actor
            .as_ref()
            .and_then(|acting| state.author(acting));
        let key = change.invite.email().map(crate::user::Email::key);
        let taken = match &key {
            Some(key) => state.account(key).is_some(),
            None => !state.accounts.is_empty(),
        };
        let invites = state.invites.values();
        let earlier: Vec<Invite> = invites
            .map(|(invite, _)| invite)
            .filter(|invite| invite.has_same_recipient(&change.invite))
            .cloned()
            .collect();
        let decision = match change.decide(actor.as_ref(), taken, &earlier) {
            Ok(decision) => decision,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_event(&decision.audit)?;
        if let Some(actor) = &change.actor {
            state.use_form(actor);
        }
        for replaced in decision.replaced {
            state.update_invite(replaced);
        }
        state
            .invites
            .insert(change.invite.id, (change.invite, change.digest));
        state.write_event(decision.audit);
        Ok(CreateInviteOutcome::Created)
    }

    async fn find_invite(&self, digest: &Digest) -> Result<Option<Invite>, StoreError> {
        let state = self.state();
        let mut invites = state.invites.values();
        Ok(invites
            .find(|(_, stored)| stored == digest)
            .map(|(invite, _)| invite.clone()))
    }

    async fn invites(
        &self,
        after: Option<InviteId>,
        limit: u32,
    ) -> Result<Listing<Invite>, StoreError> {
        Ok(self
            .state()
            .invites
            .values()
            .rev()
            .map(|(invite, _)| invite)
            .filter(|invite| after.is_none_or(|after| invite.id < after))
            .take(limit as usize)
            .cloned()
            .collect::<Vec<_>>()
            .into())
    }

    async fn withdraw_invite(
        &self,
        change: WithdrawInvite,
    ) -> Result<WithdrawInviteOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        let withdrawn = match change.decide(actor.as_ref(), state.invite(change.invite)) {
            Ok(withdrawn) => withdrawn,
            Err(outcome) => return Ok(outcome),
        };
        state.check_new_event(&change.audit)?;
        state.update_invite(withdrawn);
        state.write_event(change.audit);
        Ok(WithdrawInviteOutcome::Withdrawn)
    }

    async fn claim_invite(&self, change: ClaimInvite) -> Result<ClaimInviteOutcome, StoreError> {
        let mut state = self.state();
        let taken = state.account(&change.account.user.email.key()).is_some();
        let any_user = !state.accounts.is_empty();
        let invite = state.invite(change.invite);
        let creator = invite.and_then(|invite| invite.created_by);
        let creator = creator.and_then(|id| state.user(id));
        let claimed = match change.decide(invite, creator, taken, any_user) {
            Ok(claimed) => claimed,
            Err(outcome) => return Ok(outcome),
        };
        if let Some((token, digest)) = &change.token {
            state.check_new(token, digest)?;
        }
        state.check_new_event(&change.audit)?;
        state.update_invite(claimed);
        state.write_account(change.account);
        if let Some((token, digest)) = change.token {
            state.write_token(token, digest);
        }
        if let Some((session, digest)) = change.session {
            state.sessions.insert(session.id, (session, digest));
        }
        state.write_event(change.audit);
        Ok(ClaimInviteOutcome::Claimed)
    }
}
