use async_trait::async_trait;

use crate::audit::{AuditCursor, AuditEvent, AuditFilter, AuditStore, Subject, SubjectName};
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
            event.action.ends_token()
                && matches!(event.subject, Subject::Token(id) if tokens.contains(&id))
        };
        let state = self.state();
        let found = state.audit.values().filter(is_matching).cloned();
        Ok(found.collect::<Vec<_>>().into())
    }

    async fn names(&self, subjects: &[Subject]) -> Result<Vec<SubjectName>, StoreError> {
        let state = self.state();
        let name = |subject: &Subject| {
            let (name, owner) = match *subject {
                Subject::User(id) => (state.user(id)?.name.as_str(), Some(id)),
                Subject::Token(id) => {
                    let token = state.token(id)?;
                    (token.name.as_str(), Some(token.owner))
                }
                Subject::Invite(id) => {
                    let invite = state.invite(id)?;
                    (invite.email()?.as_str(), invite.claimed.map(|(_, by)| by))
                }
                Subject::Session(_) | Subject::WorkItem(_) | Subject::UnknownAccount => {
                    return None;
                }
            };
            Some(SubjectName {
                subject: *subject,
                name: name.to_owned(),
                owner,
            })
        };
        Ok(subjects.iter().filter_map(name).collect())
    }

    async fn append(&self, event: AuditEvent) -> Result<(), StoreError> {
        let mut state = self.state();
        state.check_new_event(&event)?;
        state.write_event(event);
        Ok(())
    }
}
