use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::id::{TokenId, UserId};
use crate::store::{Listing, StoreError};

use super::{AuditAction, AuditEvent, AuditEventId, Subject};

/// The current name of something that audit events mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectName {
    /// What has the name.
    pub subject: Subject,
    /// A user's or token's name, a run's agent, or the address that an invite is for.
    pub name: String,
    /// The user, the owner of the token or run, or the user who claimed the invite.
    pub owner: Option<UserId>,
}

/// Why no event can match a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPeriod {
    /// The period starts in the future.
    #[error("is in the future")]
    Future,
    /// The period starts at its end, or later.
    #[error("is after the end")]
    Reversed,
}

/// A filter of audit events. An event must match every field that is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only events whose actor is this user, with any credential.
    pub actor: Option<UserId>,
    /// Only events with this action.
    pub action: Option<AuditAction>,
    /// Only events with this as the subject or the related subject.
    pub subject: Option<Subject>,
    /// Only events at this instant or later.
    pub since: Option<Timestamp>,
    /// Only events before this instant.
    pub until: Option<Timestamp>,
    /// Only events with this user as the actor, the subject or the related subject.
    pub involving: Option<UserId>,
    /// Only events newer than this one: the page that ends just above it, still newest first.
    pub newer_than: Option<AuditCursor>,
}

impl AuditFilter {
    /// Checks that events can match [`since`](Self::since) and [`until`](Self::until) at `now`.
    ///
    /// # Errors
    ///
    /// [`InvalidPeriod`], which is about `since`.
    pub fn check_period(&self, now: Timestamp) -> Result<(), InvalidPeriod> {
        let Some(since) = self.since else {
            return Ok(());
        };
        if self.until.is_some_and(|until| since >= until) {
            return Err(InvalidPeriod::Reversed);
        }
        if since > now {
            return Err(InvalidPeriod::Future);
        }
        Ok(())
    }

    /// Returns whether the event matches. This defines what a store's query must return.
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

/// The position of an event in the audit log, by time and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditCursor {
    /// The event's time.
    pub at: Timestamp,
    /// The event's id.
    pub id: AuditEventId,
}

impl fmt::Display for AuditCursor {
    /// The event's time in milliseconds since the epoch, and its id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.unix_millis(), self.id)
    }
}

/// The text is not a cursor of the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid cursor")]
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

/// Port: the audit log. Changes include their events; only events without a change are appended
/// separately.
///
/// # Errors
///
/// [`StoreError`] when the store cannot be reached or contains an invalid value.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Returns the events that match the filter, at most `limit`, newest first (by time, then by
    /// id), starting after the cursor; with [`AuditFilter::newer_than`], those nearest to that
    /// event.
    async fn events(
        &self,
        filter: &AuditFilter,
        after: Option<AuditCursor>,
        limit: u32,
    ) -> Result<Listing<AuditEvent>, StoreError>;

    /// Returns the events that [ended](AuditAction::ends_token) these tokens and agent runs, in
    /// any order.
    async fn end_events(&self, tokens: &[TokenId]) -> Result<Listing<AuditEvent>, StoreError>;

    /// Returns the names of those of these users, tokens, agent runs and invites that are stored
    /// and have one, in any order. Omits deleted users and the first administrator's invite, and
    /// whatever has no name.
    async fn names(&self, subjects: &[Subject]) -> Result<Vec<SubjectName>, StoreError>;

    /// Appends an event that records no change, such as a failed sign-in.
    async fn append(&self, event: AuditEvent) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SessionAction;
    use crate::testing::fixtures;

    #[test]
    fn a_period_in_which_nothing_can_have_happened_is_invalid() {
        let at = |seconds| Some(fixtures::NOW.saturating_add_seconds(seconds));
        for (since, until, expected) in [
            (None, None, Ok(())),
            (at(0), None, Ok(())),
            (at(0), at(1), Ok(())),
            (None, at(-1), Ok(())),
            (at(1), None, Err(InvalidPeriod::Future)),
            (at(1), at(2), Err(InvalidPeriod::Future)),
            (at(-1), at(-1), Err(InvalidPeriod::Reversed)),
            (at(2), at(1), Err(InvalidPeriod::Reversed)),
        ] {
            let filter = AuditFilter {
                since,
                until,
                ..AuditFilter::default()
            };
            let checked = filter.check_period(fixtures::NOW);
            assert_eq!(checked, expected, "{since:?} {until:?}");
        }
    }

    #[test]
    fn cursors_round_trip_and_other_text_is_rejected() {
        let subject = Subject::User(fixtures::user(1).id);
        let event = fixtures::audit(1, fixtures::NOW, SessionAction::SIGNED_IN, subject);
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
