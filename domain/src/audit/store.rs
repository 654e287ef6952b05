use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};
use crate::token::TokenId;
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
    /// By this user, about them, or with them as what else came of it.
    pub involving: Option<UserId>,
    /// Newer than this event: the page that ends just above it, still the newest first.
    pub newer_than: Option<AuditCursor>,
}

impl AuditFilter {
    /// Whether it wants this event; what a store's query means.
    #[must_use]
    pub fn matches(&self, event: &AuditEvent) -> bool {
        self.actor
            .is_none_or(|user| event.actor.user() == Some(user))
            && self.action.is_none_or(|action| event.action == action)
            && self
                .subject
                .is_none_or(|subject| event.subject == subject || event.related == Some(subject))
            && self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at < until)
            && self.involving.is_none_or(|user| event.involves(user))
            && self
                .newer_than
                .is_none_or(|than| (event.at, event.id) > (than.at, than.id))
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

impl fmt::Display for AuditCursor {
    /// The event's time in milliseconds and its id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.unix_millis(), self.id)
    }
}

/// The text is no cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidAuditCursor;

impl FromStr for AuditCursor {
    type Err = InvalidAuditCursor;

    fn from_str(text: &str) -> Result<Self, InvalidAuditCursor> {
        let (at, id) = text.split_once('-').ok_or(InvalidAuditCursor)?;
        let at = at.parse().ok().and_then(Timestamp::from_unix_millis);
        Ok(Self {
            at: at.ok_or(InvalidAuditCursor)?,
            id: id.parse().map_err(|_| InvalidAuditCursor)?,
        })
    }
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
    /// beginning after the cursor; with [`AuditFilter::newer_than`], those nearest to that event.
    async fn events(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Listing<AuditEvent>, StoreError>;

    /// The events that [ended](AuditAction::ENDINGS) these tokens and agent runs, in any order.
    async fn endings(&self, tokens: &[TokenId]) -> Result<Listing<AuditEvent>, StoreError>;

    /// Appends an event that comes without a change, such as a refused sign-in.
    async fn append(&self, event: AuditEvent) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    #[test]
    fn a_cursor_can_be_read_back_and_nothing_else_is_one() {
        let subject = Subject::User(fixtures::user(1).id);
        let event = fixtures::audit(1, fixtures::NOW, AuditAction::SignedIn, subject);
        let cursor = AuditCursor {
            at: event.at,
            id: event.id,
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in [
            "",
            "-",
            "1",
            "1-",
            "-1-evt_0",
            "x-evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        ] {
            assert_eq!(
                text.parse::<AuditCursor>(),
                Err(InvalidAuditCursor),
                "{text}"
            );
        }
    }
}
