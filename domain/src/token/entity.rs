use crate::agent_run::AgentRun;
use crate::clock::Timestamp;
use crate::user::UserId;

use super::{RevokedBy, Scope, TokenId, TokenKind, TokenName, Trace};

/// How long a token is stored after it was revoked or expired, so that the holder of its secret is
/// told so rather than that it is unknown: 30 days.
pub const RETENTION_DAYS: i64 = 30;

/// A token that lives for longer than this does not [expire soon](Token::expires_soon): 7 days.
const SOON_MILLIS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// A token as an entity. Neither its secret nor its digest is part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Names it; carries its kind.
    pub id: TokenId,
    /// Who owns it and is acted for by it.
    pub owner: UserId,
    /// What the owner calls it.
    pub name: TokenName,
    /// What it was issued for. What it may do *now* also depends on the owner's role.
    pub scope: Scope,
    /// When it was issued.
    pub created_at: Timestamp,
    /// It is live before this instant; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked; from then on it is a tombstone.
    pub revoked_at: Option<Timestamp>,
    /// When a request was last verified with it; seconds behind at most.
    pub last_used_at: Option<Timestamp>,
    /// The token that took its place when it was rotated. A token is rotated once.
    pub successor: Option<TokenId>,
    /// What it is for when it is an agent run's, which is when its kind says so.
    pub run: Option<AgentRun>,
    /// What people recognize it by.
    pub trace: Trace,
}

/// Where a token stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Accepted.
    Live,
    /// Its time is up.
    Expired,
    /// Deleted by its owner, an administrator, or a rotation.
    Revoked,
}

impl Status {
    /// Where a token stands at `now` with these times of its own.
    #[must_use]
    pub fn of(
        revoked_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        if revoked_at.is_some() {
            Self::Revoked
        } else if expires_at.is_some_and(|at| at <= now) {
            Self::Expired
        } else {
            Self::Live
        }
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Reads what [`Status::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Live, Self::Expired, Self::Revoked]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// Why a token cannot be rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRotatable {
    /// It is over; there is nothing to carry on.
    #[error("the token has expired")]
    Expired,
    /// It has a successor, whether or not it is still in its overlap.
    #[error("the token was already rotated to {successor}")]
    AlreadyRotated {
        /// The token that replaced it, which may have been revoked since.
        successor: TokenId,
    },
}

/// How a rotated token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PredecessorEnd {
    /// It is revoked in the same step.
    AtOnce,
    /// It stays live until this instant, or its own expiry if that comes first.
    After(Timestamp),
}

impl Token {
    /// Whether a human's or an agent run's.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.id.kind()
    }

    /// The one rule of a token's life: revoked is revoked; otherwise live while
    /// `now < expires_at`.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Status {
        Status::of(self.revoked_at, self.expires_at, now)
    }

    /// The token after its revocation at `now`, or `None` when it was revoked before: of any
    /// number of revocations, one counts. An expired token can be revoked; that takes it off the
    /// list.
    #[must_use]
    pub fn revoked(&self, now: Timestamp) -> Option<Self> {
        self.revoked_at.is_none().then(|| Self {
            revoked_at: Some(now),
            ..self.clone()
        })
    }

    /// The same with the reason, which its owner is told.
    #[must_use]
    pub fn revoked_by(&self, reason: RevokedBy, now: Timestamp) -> Option<Self> {
        let mut revoked = self.revoked(now)?;
        revoked.trace.revoked_by = Some(reason);
        Some(revoked)
    }

    /// Returns whether it is live and about to expire: within the last tenth of its lifetime, and
    /// within 7 days.
    #[must_use]
    pub fn expires_soon(&self, now: Timestamp) -> bool {
        let Some(at) = self.expires_at.filter(|_| self.status(now) == Status::Live) else {
            return false;
        };
        let left = at.unix_millis() - now.unix_millis();
        let lifetime = at.unix_millis() - self.created_at.unix_millis();
        left <= SOON_MILLIS.min(lifetime / 10)
    }

    /// Returns whether it was revoked without a successor. One that was rotated is not deleted:
    /// its owner is told of the successor.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.revoked_at.is_some() && self.successor.is_none()
    }

    /// Returns whether a successor can take its place at `now`.
    pub(super) fn check_rotatable(&self, now: Timestamp) -> Result<(), NotRotatable> {
        match self.successor {
            Some(successor) => Err(NotRotatable::AlreadyRotated { successor }),
            None if self.status(now) != Status::Live => Err(NotRotatable::Expired),
            None => Ok(()),
        }
    }

    /// The token after `successor` took its place at `now`.
    ///
    /// # Errors
    ///
    /// [`NotRotatable`] when it has expired or has a successor. A [deleted](Self::is_deleted) token
    /// is not offered here: it does not exist for its owner any more.
    pub fn rotated(
        &self,
        now: Timestamp,
        end: PredecessorEnd,
        successor: TokenId,
    ) -> Result<Self, NotRotatable> {
        self.check_rotatable(now)?;
        let mut rotated = Self {
            successor: Some(successor),
            ..self.clone()
        };
        match end {
            PredecessorEnd::AtOnce => {
                rotated.revoked_at = Some(now);
                rotated.trace.revoked_by = Some(RevokedBy::Rotation);
            }
            PredecessorEnd::After(at) => {
                rotated.expires_at = Some(self.expires_at.map_or(at, |own| own.min(at)));
            }
        }
        Ok(rotated)
    }

    /// Returns when it ended, or will by itself: its revocation, otherwise its expiry. `None` when
    /// it does not end by itself.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.revoked_at.or(self.expires_at)
    }

    /// Returns the instant before which tokens must have [ended](Self::end) to be purged at `now`.
    #[must_use]
    pub fn purge_horizon(now: Timestamp) -> Timestamp {
        now.saturating_add_seconds(-RETENTION_DAYS * 24 * 60 * 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    #[test]
    fn is_live_before_its_expiry_and_expired_from_it_on() {
        let now = fixtures::NOW;
        let mut token = fixtures::token(1, now);
        token.expires_at = Some(now);
        assert_eq!(token.status(now.saturating_add_millis(-1)), Status::Live);
        assert_eq!(token.status(now), Status::Expired);
        token.expires_at = None;
        assert_eq!(token.status(Timestamp::MAX), Status::Live);
    }

    #[test]
    fn a_revoked_token_is_revoked_even_when_it_has_expired() {
        let now = fixtures::NOW;
        let mut token = fixtures::token(1, now);
        token.expires_at = Some(now);
        let token = token.revoked(now).unwrap();
        assert_eq!(token.status(now), Status::Revoked);
        assert_eq!(
            token.revoked(now),
            None,
            "a second revocation does not count"
        );
    }

    #[test]
    fn expires_soon_within_the_last_tenth_of_its_lifetime_and_within_7_days() {
        const HOUR: i64 = 60 * 60;
        let created = fixtures::NOW;
        // Its lifetime, and how long before its end it begins to expire soon, in hours.
        for (lifetime, soon) in [
            (10, 1),
            (7 * 24, 16),
            (30 * 24, 72),
            (90 * 24, 168),
            (365 * 24, 168),
        ] {
            let mut token = fixtures::token(1, created);
            let end = created.saturating_add_seconds(lifetime * HOUR);
            token.expires_at = Some(end);
            let before = |hours: i64| end.saturating_add_seconds(-hours * HOUR);
            assert!(
                !token.expires_soon(created),
                "{lifetime} h: on its first day"
            );
            assert!(!token.expires_soon(before(soon + 1)), "{lifetime} h");
            assert!(token.expires_soon(before(soon)), "{lifetime} h");
            assert!(!token.expires_soon(end), "{lifetime} h: it has expired");
            assert!(!token.revoked(created).unwrap().expires_soon(before(0)));
        }
        assert!(
            !fixtures::token(1, created).expires_soon(Timestamp::MAX),
            "never"
        );
    }

    #[test]
    fn an_overlap_never_prolongs_a_life() {
        let now = fixtures::NOW;
        let successor = fixtures::token(2, now).id;
        let soon = now.saturating_add_seconds(10);
        let later = now.saturating_add_seconds(3600);
        let mut token = fixtures::token(1, now);
        token.expires_at = Some(soon);
        let rotated = token.rotated(now, PredecessorEnd::After(later), successor);
        assert_eq!(rotated.unwrap().expires_at, Some(soon));
        token.expires_at = None;
        let rotated = token
            .rotated(now, PredecessorEnd::After(soon), successor)
            .unwrap();
        assert_eq!(rotated.expires_at, Some(soon));
        assert_eq!(rotated.status(now), Status::Live);
        assert_eq!(
            rotated.rotated(now, PredecessorEnd::AtOnce, successor),
            Err(NotRotatable::AlreadyRotated { successor })
        );
    }

    #[test]
    fn an_expired_token_is_not_rotated() {
        let now = fixtures::NOW;
        let mut token = fixtures::token(1, now);
        token.expires_at = Some(now);
        assert_eq!(
            token.rotated(now, PredecessorEnd::AtOnce, fixtures::token(2, now).id),
            Err(NotRotatable::Expired)
        );
    }
}
