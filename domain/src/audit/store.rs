use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::user::UserId;

use super::{AuditAction, AuditEvent, AuditEventId, Subject};

/// Which events of the trail are wanted; each that is given narrows it down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By this user, through whatever credential.
    pub actor: Option<UserId>,
    /// Of this kind.
    pub action: Option<AuditAction>,
    /// About this, as the subject or as what else came of it.
    pub subject: Option<Subject>,
    /// At this instant or later.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether it wants this event; what a store's query means.
    #[must_use]
    pub fn wants(&self, event: &AuditEvent) -> bool {
        self.actor
            .is_none_or(|user| event.actor.user() == Some(user))
            && self.action.is_none_or(|action| event.action == action)
            && self
                .subject
                .is_none_or(|subject| event.subject == subject || event.related == Some(subject))
            && self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at < until)
    }
}

/// Where a page of the trail begins: after the event at this time with this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditCursor {
    /// The event's time.
    pub at: Timestamp,
    /// The event's id.
    pub id: AuditEventId,
}

/// Port: the audit trail. Changes bring their events along; only what changes nothing else is
/// appended by itself.
///
/// # Errors
///
/// [`StoreError`] when the store cannot be reached or holds something invalid.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// The events that the filter wants, at most `limit`, the newest first (by time, then by id),
    /// beginning after the cursor.
    async fn events(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, StoreError>;

    /// Appends an event that comes without a change, such as a refused sign-in.
    async fn append(&self, event: AuditEvent) -> Result<(), StoreError>;
}
