use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::prefixed_id;
use crate::token::Secret;
use crate::user::UserId;

/// A session ends after this time without a request: 12 hours.
pub const IDLE_LIMIT_SECONDS: i64 = 12 * 60 * 60;
/// A session ends this long after the sign-in, whatever happens in it: 14 days (NIST
/// SP 800-63B-4 §2.1.3 asks for at most 30 at this level).
pub const ABSOLUTE_LIMIT_SECONDS: i64 = 14 * 24 * 60 * 60;
/// A use of a session is written down when the one before is at least this old, so that a page
/// with many parts is one write at most: 1 minute.
pub const TOUCH_AFTER_SECONDS: i64 = 60;

prefixed_id! {
    /// The id of a browser session: `ses_` and a UUID. It names the session and is no secret.
    SessionId, "ses_"
}

/// A browser session. Neither its secret nor its digest is part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Names it.
    pub id: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// When they did.
    pub created_at: Timestamp,
    /// When a request last came with it; a minute behind at most.
    pub last_seen_at: Timestamp,
    /// What the browser calls itself.
    pub client: ClientName,
    /// Where they signed in from; `None` for sessions of earlier versions, and where it is unknown.
    pub client_address: Option<IpAddr>,
}

impl Session {
    /// Whether it is over at `now`, by either limit.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.last_seen_at.saturating_add_seconds(IDLE_LIMIT_SECONDS) || now >= self.ends_at()
    }

    /// When it is over at the latest.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.created_at
            .saturating_add_seconds(ABSOLUTE_LIMIT_SECONDS)
    }

    pub(super) fn is_to_be_touched(&self, now: Timestamp) -> bool {
        now >= self
            .last_seen_at
            .saturating_add_seconds(TOUCH_AFTER_SECONDS)
    }
}

/// What a browser calls itself (its `User-Agent`), for its person to recognize it by: at most 200
/// characters, control characters left out; nothing when it contains a token. It proves nothing. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientName(Arc<str>);

impl ClientName {
    /// The most characters that are kept.
    pub const MAX_CHARS: usize = 200;

    /// Keeps what can be kept of the text.
    #[must_use]
    pub fn cut(text: &str) -> Self {
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

    /// Takes what is stored. The rule of `parse` is for input: a rule that is stricter today damages
    /// nothing that was written under an earlier one.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The text; empty when nothing was said.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    #[test]
    fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
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
    fn a_clients_name_is_cut_and_harmless() {
        let name = ClientName::cut(&format!("a\u{1b}[31m\n{}", "x".repeat(300)));
        assert_eq!(name.as_str().chars().count(), ClientName::MAX_CHARS);
        assert!(name.as_str().starts_with("a[31mx"));
        let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
        assert_eq!(ClientName::cut(&format!("curl {secret}")).as_str(), "");
    }
}
