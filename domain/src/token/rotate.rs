use crate::access::{ActingRecord, ActorError};
use crate::clock::Timestamp;

use super::{
    CreateToken, EndedRuns, EndedToken, NotRotatable, PredecessorEnd, RateReached, RequestedExpiry,
    Status, Token, TokenCounts, TokenId,
};

/// The maximum time for which a rotated token stays live: 24 hours.
pub const MAX_OVERLAP_SECONDS: u32 = 24 * 60 * 60;

/// For how long a rotated token and its successor are both live, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overlap(u32);

/// The overlap is negative or longer than 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be from 0 to {MAX_OVERLAP_SECONDS} seconds (24 hours)")]
pub struct OverlapError;

impl Overlap {
    /// No overlap: the predecessor is revoked when the successor is created.
    pub const NONE: Self = Self(0);

    /// Creates an overlap of 0 to [`MAX_OVERLAP_SECONDS`] seconds.
    ///
    /// # Errors
    ///
    /// [`OverlapError`] when it is outside that range.
    pub fn from_seconds(seconds: i64) -> Result<Self, OverlapError> {
        u32::try_from(seconds)
            .ok()
            .filter(|seconds| *seconds <= MAX_OVERLAP_SECONDS)
            .map(Self)
            .ok_or(OverlapError)
    }

    /// Returns when a token that is rotated at `now` stops working.
    pub(super) fn end(self, now: Timestamp) -> PredecessorEnd {
        match self {
            Self::NONE => PredecessorEnd::Immediately,
            Self(seconds) => PredecessorEnd::After(now.saturating_add_seconds(seconds.into())),
        }
    }

    /// Returns the overlap in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

/// Options for rotating a token.
#[derive(Debug, Clone, Copy, Default)]
pub struct RotationOptions {
    /// When the successor expires. `None` keeps the predecessor's expiry, so that a rotation
    /// extends a lifetime only on request.
    pub expires: Option<RequestedExpiry>,
    /// For how long the predecessor stays live.
    pub overlap: Overlap,
}

/// The change that replaces a token by a successor with the same owner, name and scope.
#[derive(Debug, Clone)]
pub struct RotateToken {
    /// The token to replace. It must have the same owner as the successor.
    pub predecessor: TokenId,
    /// When the predecessor stops working.
    pub end: PredecessorEnd,
    /// The creation of the successor, including the acting credential.
    pub successor: CreateToken,
}

/// The outcome of a [`RotateToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RotateTokenOutcome {
    /// The successor was created, and the predecessor has ended or will end.
    Rotated,
    /// The owner has no such token, or no longer; nothing changed.
    NotFound,
    /// The predecessor exists but cannot be rotated; nothing changed.
    NotRotatable(NotRotatable),
    /// Both tokens would be live during the overlap, which exceeds the quota; nothing changed.
    QuotaReached,
    /// The owner has reached the maximum number of tokens created within 24 hours; nothing changed.
    RateReached(RateReached),
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl RotateToken {
    /// Decides the change, given what the store read inside the transaction: the acting
    /// credential's record, the predecessor, the number of the owner's tokens, and the unrevoked
    /// runs that were started with the predecessor. Those end with it, at the latest when the
    /// overlap ends.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        predecessor: Option<&Token>,
        counts: TokenCounts,
        runs: &[Token],
    ) -> Result<EndedToken, RotateTokenOutcome> {
        let CreateToken {
            actor: acting,
            token: successor,
            quota,
            rate,
            audit,
            ..
        } = &self.successor;
        acting
            .check(actor)
            .map_err(RotateTokenOutcome::NotAuthorized)?;
        let current = predecessor
            .filter(|token| token.id == self.predecessor && token.owner == successor.owner)
            .filter(|token| !token.is_deleted())
            .ok_or(RotateTokenOutcome::NotFound)?;
        let rotated = current
            .rotated(acting.now, self.end, successor.id)
            .map_err(RotateTokenOutcome::NotRotatable)?;
        let freed = u32::from(rotated.status(acting.now) != Status::Live);
        if counts.live.saturating_sub(freed) >= *quota {
            return Err(RotateTokenOutcome::QuotaReached);
        }
        rate.check(counts.nth_newest, acting.now)
            .map_err(RotateTokenOutcome::RateReached)?;
        let runs = match (rotated.status(acting.now), rotated.expires_at) {
            (Status::Live, Some(end)) => EndedRuns::not_after(rotated.id, end, runs),
            _ => EndedRuns::with_issuers([(rotated.id, audit)], runs),
        };
        Ok(EndedToken {
            token: rotated,
            runs,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_is_at_most_24_hours() {
        assert_eq!(Overlap::from_seconds(0), Ok(Overlap::NONE));
        assert!(Overlap::from_seconds(86_400).is_ok());
        for seconds in [-1, 86_401, i64::MAX, i64::MIN] {
            assert_eq!(Overlap::from_seconds(seconds), Err(OverlapError));
        }
    }
}
