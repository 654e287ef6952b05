use crate::access::{Actor, Principal, Requirement};
use crate::audit::RequestContext;
use crate::token::{RevokeToken, RevokeTokenOutcome, TokenAction, TokenError, TokenId, TokenKind};

use super::Tokens;

impl Tokens {
    /// Revokes a personal access token of the user that `principal` acts as, which may be the
    /// acting token. Once this returns, no verification that starts later accepts the token.
    ///
    /// # Errors
    ///
    /// - [`TokenError::NotFound`] when it is unknown, already deleted or belongs to someone else;
    ///   the error does not say which.
    /// - [`TokenError::NotAuthorized`] unless `principal` is a human, or when the acting credential
    ///   was itself revoked in the meantime.
    /// - [`TokenError::Store`] when the store fails.
    pub async fn revoke(
        &self,
        principal: &Principal,
        id: TokenId,
        context: &RequestContext,
    ) -> Result<(), TokenError> {
        let requirement = Requirement::HUMAN;
        principal.authorize(requirement)?;
        if id.kind() != TokenKind::Personal {
            return Err(TokenError::NotFound);
        }
        let now = self.clock.now();
        let change = RevokeToken {
            actor: Actor::of(principal, requirement, now),
            owner: principal.user_id(),
            token: id,
            audit: self.audit(principal, context, now, TokenAction::REVOKED, id)?,
        };
        match self.store.revoke_token(change).await? {
            RevokeTokenOutcome::Revoked => Ok(()),
            RevokeTokenOutcome::NotFound => Err(TokenError::NotFound),
            RevokeTokenOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }
}
