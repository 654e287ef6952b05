use std::cmp::Reverse;

use async_trait::async_trait;

use crate::admin_tokens::{
    AdminTokenStore, OwnedToken, ReportLeakedTokens, RevokeMatching, RevokeMatchingOutcome, Stats,
    TokenFilter,
};
use crate::agent_run::EndedRuns;
use crate::clock::Timestamp;
use crate::invite::InviteStatus;
use crate::store::{Listing, StoreError};
use crate::token::{Scope, Status, TokenId, TokenKind};

use super::{MemoryStore, State};

impl State {
    fn owned(&self, id: TokenId) -> Option<OwnedToken> {
        let record = self.record(id)?;
        Some(OwnedToken {
            token: record.token.clone(),
            owner: record.owner.clone(),
        })
    }
}

#[async_trait]
impl AdminTokenStore for MemoryStore {
    async fn tokens(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<OwnedToken>, StoreError> {
        let state = self.state();
        Ok(state
            .tokens
            .values()
            .rev()
            .map(|(token, _)| token)
            .filter(|token| token.kind() == TokenKind::Personal && filter.matches(token, now))
            .filter(|token| after.is_none_or(|after| token.id < after))
            .filter_map(|token| state.owned(token.id))
            .take(limit as usize)
            .collect::<Vec<_>>()
            .into())
    }

    async fn matching_ids(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
    ) -> Result<Vec<TokenId>, StoreError> {
        let tokens = self.tokens(filter, now, None, u32::MAX).await?;
        Ok(tokens.iter().map(|owned| owned.token.id).collect())
    }

    async fn tokens_by_id(&self, ids: &[TokenId]) -> Result<Listing<OwnedToken>, StoreError> {
        let state = self.state();
        let known = ids.iter().filter_map(|id| state.owned(*id));
        let mut found: Vec<OwnedToken> = known.collect();
        found.sort_by_key(|owned| Reverse(owned.token.id));
        Ok(found.into())
    }

    async fn revoke_matching(
        &self,
        change: RevokeMatching,
    ) -> Result<RevokeMatchingOutcome, StoreError> {
        let mut state = self.state();
        let actor = state.acting(&change.actor);
        if let Err(outcome) = change.check_actor(actor.as_ref()) {
            return Ok(outcome);
        }
        let tokens = state.tokens.values().rev();
        let found: Vec<_> = tokens.map(|(token, _)| token.clone()).collect();
        let changes = match change.decide(&found.into()) {
            Ok(changes) => changes,
            Err(outcome) => return Ok(outcome),
        };
        let revoked = changes.iter().map(|(token, _)| token.id);
        let revoked: Vec<OwnedToken> = revoked.filter_map(|id| state.owned(id)).collect();
        let causes = changes.iter().map(|(token, event)| (token.id, event));
        let ended = EndedRuns::with_issuers(causes, &state.unrevoked_runs());
        state.check_new_events(changes.iter().map(|(_, event)| event))?;
        state.check_new_events(&ended.events)?;
        state.write_ended(ended);
        state.notices.extend(change.notices(&changes));
        for (token, event) in changes {
            state.update_token(token);
            state.write_event(event);
        }
        Ok(RevokeMatchingOutcome::Revoked(revoked.into()))
    }

    async fn report_leaked_tokens(&self, change: ReportLeakedTokens) -> Result<u64, StoreError> {
        let mut state = self.state();
        let mut causes = Vec::new();
        for (digest, event) in &change.reported {
            let Some((token, event)) = state
                .records
                .get(digest)
                .and_then(|record| change.decide(&record.token, *event))
            else {
                continue;
            };
            state.notices.push(change.notice(&token));
            causes.push((token.id, event.clone()));
            state.update_token(token);
            state.write_event(event);
        }
        // Runs last, so that a run which is itself reported counts as reported, regardless of the
        // order.
        let issuers = causes.iter().map(|(id, event)| (*id, event));
        let ended = EndedRuns::with_issuers(issuers, &state.unrevoked_runs());
        state.write_ended(ended);
        Ok(causes.len() as u64)
    }

    async fn stats(&self, now: Timestamp) -> Result<Stats, StoreError> {
        let state = self.state();
        let mut counts = Stats::default();
        for account in state.accounts.values() {
            if account.user.is_active() {
                counts.users_active += 1;
            } else {
                counts.users_suspended += 1;
            }
            counts.admins_active += u64::from(account.user.is_active_admin());
        }
        for (token, _) in state.tokens.values() {
            if token.kind() != TokenKind::Personal {
                continue;
            }
            match token.status(now) {
                Status::Live => {
                    counts.tokens_live += 1;
                    counts.tokens_live_admin += u64::from(token.scope == Scope::Admin);
                    let expires = token.expires_at;
                    let is_expiring = expires.is_some_and(|at| at <= Stats::expiring_until(now));
                    counts.tokens_expiring += u64::from(is_expiring);
                }
                Status::Expired => counts.tokens_expired += 1,
                Status::Revoked => counts.tokens_revoked += 1,
            }
        }
        let open = |invite: &crate::invite::Invite| invite.status(now) == InviteStatus::Open;
        let invites = state.invites.values();
        counts.invites_open = invites.filter(|(invite, _)| open(invite)).count() as u64;
        Ok(counts)
    }
}
