use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::id::{TokenId, TokenKind, UserId};
use crate::vocabulary::vocabulary;

use super::{AgentRun, Owner, RevokedBy, Scope, TokenDetails, TokenName};

/// How long a token is stored after it was revoked or has expired: 30 days. Until then, a request
/// with its secret fails with the reason instead of as unknown.
pub const RETENTION_DAYS: i64 = 30;

/// The maximum remaining lifetime of a token that [expires soon](Token::expires_soon): 7 days.
const SOON_MILLIS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// A token, without its secret and digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token's id, which includes its kind.
    pub id: TokenId,
    /// The user who owns the token and on whose behalf it acts.
    pub owner: UserId,
    /// The name that the owner gave it.
    pub name: TokenName,
    /// The scope it was created with. The effective scope also depends on the owner's role.
    pub scope: Scope,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires (exclusive: it is live before this instant); `None` means never.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked; `None` while it is not. A revoked token remains stored as a tombstone.
    pub revoked_at: Option<Timestamp>,
    /// When a request was last verified with it. May lag by a few seconds, and in a
    /// [`TokenRecord`] by any time. `None` means never.
    pub last_used_at: Option<Timestamp>,
    /// The token that replaced it when it was rotated; `None` if it was not. A token can be rotated
    /// once.
    pub successor: Option<TokenId>,
    /// The agent run that it belongs to; set if and only if the token's kind is
    /// [`TokenKind::AgentRun`].
    pub run: Option<AgentRun>,
    /// Details that help its owner to recognize it.
    pub details: TokenDetails,
}

vocabulary! {
    /// A token's status.
    Status {
        /// The token is accepted.
        Live = "live",
        /// The token has expired and was not revoked.
        Expired = "expired",
        /// The token was revoked, by its owner, by an administrator, by a rotation or after a leak,
        /// and is not yet purged.
        Revoked = "revoked",
    }
}

impl Status {
    /// Returns the status at `now` of a token that was revoked and expires at these times.
    #[must_use]
    pub fn of(
        revoked_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        match TokenEnd::of(revoked_at, expires_at, now) {
            None => Self::Live,
            Some(TokenEnd::Expired { .. }) => Self::Expired,
            Some(TokenEnd::Revoked { .. }) => Self::Revoked,
        }
    }

    /// Returns whether a report that its secret leaked revokes a token with this status, and
    /// notifies its owner. Only a token that is never accepted again may be skipped.
    pub(crate) const fn is_revoked_by_leak(self) -> bool {
        match self {
            Self::Live => true,
            Self::Expired | Self::Revoked => false,
        }
    }
}

/// How and when a token ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenEnd {
    /// It expired and was not revoked.
    Expired { at: Timestamp },
    /// It was revoked.
    Revoked { at: Timestamp },
}

impl TokenEnd {
    /// Returns how a token with these times had ended by `now`; `None` if it is live.
    fn of(
        revoked_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Self> {
        let expired = expires_at.filter(|at| *at <= now);
        revoked_at
            .map(|at| Self::Revoked { at })
            .or_else(|| expired.map(|at| Self::Expired { at }))
    }
}

/// Why a token cannot be rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRotatable {
    /// It has expired or was revoked, so there is nothing to replace.
    #[error("the token has expired")]
    Expired,
    /// It has been rotated before, whether or not the overlap has ended.
    #[error("the token has already been rotated to {successor}")]
    AlreadyRotated {
        /// The token that replaced it, which may itself have been revoked since.
        successor: TokenId,
    },
}

/// When a rotated token stops working.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PredecessorEnd {
    /// Immediately: it is revoked in the same step.
    Immediately,
    /// At this instant, or when it expires if that is earlier.
    After(Timestamp),
}

impl Token {
    /// Returns whether it belongs to a human or to an agent run.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.id.kind()
    }

    /// Returns the status at `now`: revoked if it was revoked, otherwise live while `now <
    /// expires_at`, otherwise expired.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Status {
        Status::of(self.revoked_at, self.expires_at, now)
    }

    /// Returns how the token had ended by `now`; `None` if it is live.
    pub(super) fn ended(&self, now: Timestamp) -> Option<TokenEnd> {
        TokenEnd::of(self.revoked_at, self.expires_at, now)
    }

    /// Returns the token as revoked at `now`, or `None` if it was revoked before: repeated
    /// revocations do not change it. An expired token can be revoked, which removes it from its
    /// owner's list.
    #[must_use]
    pub fn revoked(&self, now: Timestamp) -> Option<Self> {
        self.revoked_at.is_none().then(|| Self {
            revoked_at: Some(now),
            ..self.clone()
        })
    }

    /// Returns the token as revoked at `now` for `reason`, which its owner can see; `None` if it
    /// was revoked before.
    #[must_use]
    pub fn revoked_by(&self, reason: RevokedBy, now: Timestamp) -> Option<Self> {
        let mut revoked = self.revoked(now)?;
        revoked.details.revoked_by = Some(reason);
        Some(revoked)
    }

    /// Returns whether the token is live and expires soon: in the last tenth of its lifetime, and
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

    /// Returns whether the token was revoked and has no successor. A rotated token does not count
    /// as deleted: its owner is pointed to the successor.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.revoked_at.is_some() && self.successor.is_none()
    }

    /// Checks that the token can be rotated at `now`.
    pub(crate) fn check_rotatable(&self, now: Timestamp) -> Result<(), NotRotatable> {
        match self.successor {
            Some(successor) => Err(NotRotatable::AlreadyRotated { successor }),
            None if self.status(now) != Status::Live => Err(NotRotatable::Expired),
            None => Ok(()),
        }
    }

    /// Returns the token as replaced by `successor` at `now`.
    ///
    /// # Errors
    ///
    /// [`NotRotatable`] when it has expired or has a successor. Callers must exclude
    /// [deleted](Self::is_deleted) tokens first, which no longer exist for their owner.
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
            PredecessorEnd::Immediately => {
                rotated.revoked_at = Some(now);
                rotated.details.revoked_by = Some(RevokedBy::Rotation);
            }
            PredecessorEnd::After(at) => {
                rotated.expires_at = Some(self.expires_at.map_or(at, |own| own.min(at)));
            }
        }
        Ok(rotated)
    }

    /// Returns when the token ended or will end: when it was revoked, otherwise when it expires.
    /// `None` means that it does not expire.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.revoked_at.or(self.expires_at)
    }

    /// Returns the instant before which a token must have [ended](Self::end) to be purged at `now`.
    #[must_use]
    pub fn purge_horizon(now: Timestamp) -> Timestamp {
        now.saturating_add_seconds(-RETENTION_DAYS * 24 * 60 * 60)
    }
}

/// The result of a token lookup: the token with its digest and its current owner.
#[derive(Debug, Clone)]
pub struct TokenRecord {
    /// The token.
    pub token: Token,
    /// Its digest.
    pub digest: Digest,
    /// The owner as of the lookup.
    pub owner: Owner,
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
        // The lifetime, and how long before its end the token starts to expire soon, in hours.
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
    fn an_overlap_never_extends_a_lifetime() {
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
            rotated.rotated(now, PredecessorEnd::Immediately, successor),
            Err(NotRotatable::AlreadyRotated { successor })
        );
    }

    #[test]
    fn an_expired_token_cannot_be_rotated() {
        let now = fixtures::NOW;
        let mut token = fixtures::token(1, now);
        token.expires_at = Some(now);
        assert_eq!(
            token.rotated(now, PredecessorEnd::Immediately, fixtures::token(2, now).id),
            Err(NotRotatable::Expired)
        );
    }
}
