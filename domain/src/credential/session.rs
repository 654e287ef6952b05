use std::net::IpAddr;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::id::{SessionId, UserId};
use crate::secret::Secret;
use crate::stored_text::stored_text;

use super::Owner;

/// The maximum time between two requests of a session: 12 hours.
pub const IDLE_LIMIT_SECONDS: i64 = 12 * 60 * 60;
/// The maximum lifetime of a session: 14 days after the sign-in (NIST SP 800-63B-4 §2.1.3 requires
/// at most 30 at this assurance level).
pub const ABSOLUTE_LIMIT_SECONDS: i64 = 14 * 24 * 60 * 60;
/// The minimum age of the recorded last use before a new one is written, so that a page with many
/// resources causes one write at most: 1 minute.
pub const TOUCH_AFTER_SECONDS: i64 = 60;

/// A browser session, without its secret and digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// The signed-in user.
    pub user: UserId,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When a request was last verified with it; may lag by a minute.
    pub last_seen_at: Timestamp,
    /// The name of the browser.
    pub client: ClientName,
    /// The client address of the sign-in; `None` for sessions of earlier versions and when it is
    /// unknown.
    pub client_address: Option<IpAddr>,
}

impl Session {
    /// Returns whether the session has expired at `now`, by either limit.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.last_seen_at.saturating_add_seconds(IDLE_LIMIT_SECONDS) || now >= self.ends_at()
    }

    /// Returns when the session expires at the latest.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.created_at
            .saturating_add_seconds(ABSOLUTE_LIMIT_SECONDS)
    }

    pub(crate) fn is_to_be_touched(&self, now: Timestamp) -> bool {
        now >= self
            .last_seen_at
            .saturating_add_seconds(TOUCH_AFTER_SECONDS)
    }
}

/// The result of a session lookup: the session with its digest and its current user.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    /// The session.
    pub session: Session,
    /// The digest of the session's secret.
    pub digest: Digest,
    /// The user as of the lookup.
    pub owner: Owner,
}

/// The name of a browser (its `User-Agent`), by which the user can recognize a session: at most 200
/// characters, without control characters, and empty if it contains a token's secret. It is
/// unverified. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientName(Arc<str>);

stored_text!(ClientName, "the name; empty if the client sent none");

impl ClientName {
    /// The maximum length in characters.
    pub const MAX_CHARS: usize = 200;

    /// Creates a name from `text`, dropping everything that is not permitted.
    #[must_use]
    pub fn sanitize(text: &str) -> Self {
        let kept: String = text
            .chars()
            .filter(|c| !c.is_control())
            .take(Self::MAX_CHARS)
            .collect();
        if Secret::is_in(&kept) {
            return Self("".into());
        }
        Self(kept.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    #[test]
    fn a_session_expires_by_either_limit() {
        let session = fixtures::session(1);
        let (now, begun) = (fixtures::NOW, session.created_at);
        assert_eq!(now, begun);
        let idle = now.saturating_add_seconds(IDLE_LIMIT_SECONDS);
        assert!(!session.is_over(idle.saturating_add_millis(-1)));
        assert!(session.is_over(idle));
        let old = begun.saturating_add_seconds(ABSOLUTE_LIMIT_SECONDS);
        let busy = Session {
            last_seen_at: old.saturating_add_millis(-1),
            ..session
        };
        assert!(!busy.is_over(old.saturating_add_millis(-1)));
        assert!(busy.is_over(old));
    }

    #[test]
    fn a_client_name_is_truncated_and_harmless() {
        let name = ClientName::sanitize(&format!("a\u{1b}[31m\n{}", "x".repeat(300)));
        assert_eq!(name.as_str().chars().count(), ClientName::MAX_CHARS);
        assert!(name.as_str().starts_with("a[31mx"));
        let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
        assert_eq!(ClientName::sanitize(&format!("curl {secret}")).as_str(), "");
    }
}
