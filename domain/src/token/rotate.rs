use crate::access::{Actor, Principal, Requirement};
use crate::audit::{AuditAction, RequestContext, Subject};

use super::{
    CreateToken, PredecessorEnd, RequestedExpiry, RotateToken, RotateTokenOutcome, Token,
    TokenError, TokenId, TokenWithSecret, Tokens,
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

impl Tokens {
    /// Returns the token if it can be rotated now.
    ///
    /// # Errors
    ///
    /// As for [`rotate`](Self::rotate), except for the options, the quota and the rate.
    pub async fn rotatable(&self, principal: &Principal, id: TokenId) -> Result<Token, TokenError> {
        principal.authorize(Requirement::HUMAN)?;
        let found = self.find(principal, id).await?;
        let token = found
            .filter(|token| !token.is_deleted())
            .ok_or(TokenError::NotFound)?;
        token.check_rotatable(self.clock.now())?;
        Ok(token)
    }

    /// Replaces a live personal access token by a new one with the same name and scope, and ends
    /// the old one, either immediately or after an overlap, in one atomic step. A token can be
    /// rotated once.
    ///
    /// # Errors
    ///
    /// - [`TokenError::NotAuthorized`] unless `principal` is a human whose effective scope contains
    ///   the token's.
    /// - [`TokenError::NotFound`] as for [`get`](Self::get).
    /// - [`TokenError::NotRotatable`] when it has expired or was rotated before, even if it has
    ///   been revoked since and is still stored.
    /// - [`TokenError::Expiry`] when the new expiry is not in the future.
    /// - [`TokenError::QuotaReached`] when both tokens would be live and that exceeds the quota;
    ///   [`TokenError::RateReached`] when the user has reached the creation rate.
    /// - [`TokenError::Entropy`] and [`TokenError::Store`] when a port fails.
    pub async fn rotate(
        &self,
        principal: &Principal,
        id: TokenId,
        request: RotationOptions,
        context: &RequestContext,
    ) -> Result<TokenWithSecret, TokenError> {
        // A token's name and scope never change, so they can be read before the transaction.
        let predecessor = self.rotatable(principal, id).await?;
        let requirement = Requirement::human_with(predecessor.scope);
        principal.authorize(requirement)?;
        let now = self.clock.now();
        let expires = match request.expires {
            None => predecessor.expires_at.into(),
            Some(expires) => expires.resolve(now)?,
        };
        let issued = TokenWithSecret::mint(
            predecessor.owner,
            predecessor.name,
            predecessor.scope,
            expires,
            now,
            context.client_address,
            &*self.entropy,
        )?;
        let mut audit = self.audit(principal, context, now, AuditAction::TokenRotated, id)?;
        audit.related = Some(Subject::Token(issued.token.id));
        let change = RotateToken {
            predecessor: id,
            end: match request.overlap {
                Overlap::NONE => PredecessorEnd::Immediately,
                Overlap(seconds) => {
                    PredecessorEnd::After(now.saturating_add_seconds(seconds.into()))
                }
            },
            successor: CreateToken {
                actor: Actor::of(principal, requirement, now),
                token: issued.token.clone(),
                digest: issued.secret.digest(),
                quota: self.quota,
                rate: self.rate,
                audit,
            },
        };
        match self.store.rotate_token(change).await? {
            RotateTokenOutcome::Rotated => Ok(issued),
            RotateTokenOutcome::NotFound => Err(TokenError::NotFound),
            RotateTokenOutcome::NotRotatable(reason) => Err(reason.into()),
            RotateTokenOutcome::QuotaReached => Err(TokenError::QuotaReached { quota: self.quota }),
            RotateTokenOutcome::RateReached(reached) => Err(reached.into()),
            RotateTokenOutcome::NotAuthorized(error) => Err(error.into()),
        }
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
