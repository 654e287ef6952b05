use crate::access::{Actor, Principal, Requirement};
use crate::audit::{RequestContext, Subject};
use crate::token::{
    CreateToken, NewToken, RotateToken, RotateTokenOutcome, RotationOptions, Token, TokenAction,
    TokenError, TokenId, TokenWithSecret,
};

use super::Tokens;

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
        let (owner, from) = (predecessor.owner, context.client_address);
        // The successor has every property of its predecessor.
        let same = NewToken {
            name: predecessor.name,
            scope: predecessor.scope,
            expires: expires.into(),
        };
        let (prefixes, entropy) = (self.prefixes, &*self.entropy);
        let issued = TokenWithSecret::mint(owner, same, expires, now, from, prefixes, entropy)?;
        let mut audit = self.audit(principal, context, now, TokenAction::ROTATED, id)?;
        audit.related = Some(Subject::Token(issued.token.id));
        let change = RotateToken {
            predecessor: id,
            end: request.overlap.end(now),
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
