use async_trait::async_trait;

use crate::audit::{AuditAction, AuditCursor, AuditEvent, AuditFilter, AuditStore, Subject};
use crate::store::{Listing, StoreError};
use crate::token::TokenId;

use super::MemoryStore;

#[async_trait]
impl AuditStore for MemoryStore {
    async fn events(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Listing<AuditEvent>, StoreError> {
        let mut events: Vec<AuditEvent> = self
            .state()
            .audit
            .values()
            .filter(|event| filter.matches(event))
            .filter(|event| after.is_none_or(|after| (event.at, event.id) < (after.at, after.id)))
            .cloned()
            .collect();
        events.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
        if filter.newer_than.is_some() {
            let too_many = events.len().saturating_sub(limit as usize);
            events.drain(..too_many);
        }
        events.truncate(limit as usize);
        Ok(events.into())
    }

    async fn end_events(&self, tokens: &[TokenId]) -> Result<Listing<AuditEvent>, StoreError> {
        let is_matching = |event: &&AuditEvent| {
            AuditAction::END_ACTIONS.contains(&event.action)
                && matches!(event.subject, Subject::Token(id) if tokens.contains(&id))
        };
        let state = self.state();
        let found = state.audit.values().filter(is_matching).cloned();
        Ok(found.collect::<Vec<_>>().into())
    }

    async fn append(&self, event: AuditEvent) -> Result<(), StoreError> {
        let mut state = self.state();
        state.check_new_event(&event)?;
        state.write_event(event);
        Ok(())
    }
}
