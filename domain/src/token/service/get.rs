use crate::access::{Principal, Requirement};
use crate::token::{Token, TokenError, TokenId, TokenKind};

use super::Tokens;

impl Tokens {
    /// Returns a personal access token of the user that `principal` acts as.
    ///
    /// # Errors
    ///
    /// - [`TokenError::NotFound`] when it is unknown, deleted or belongs to someone else; the error
    ///   does not say which.
    /// - [`TokenError::NotAuthorized`] unless `principal` is a human.
    /// - [`TokenError::Store`] when the store fails.
    pub async fn get(&self, principal: &Principal, id: TokenId) -> Result<Token, TokenError> {
        principal.authorize(Requirement::HUMAN)?;
        let found = self.find(principal, id).await?;
        found
            .filter(|token| token.revoked_at.is_none())
            .ok_or(TokenError::NotFound)
    }

    /// Returns a personal access token of the user that `principal` acts as, including a deleted
    /// one that is still stored, so that pages which refer to it can show its name. Returns `None`
    /// when there is none.
    ///
    /// # Errors
    ///
    /// [`TokenError::NotAuthorized`] unless `principal` is a human; [`TokenError::Store`] when the
    /// store fails.
    pub async fn get_including_revoked(
        &self,
        principal: &Principal,
        id: TokenId,
    ) -> Result<Option<Token>, TokenError> {
        principal.authorize(Requirement::HUMAN)?;
        self.find(principal, id).await
    }

    /// Returns a token of the user that `principal` acts as, including a revoked one.
    pub(super) async fn find(
        &self,
        principal: &Principal,
        id: TokenId,
    ) -> Result<Option<Token>, TokenError> {
        if id.kind() != TokenKind::Personal {
            return Ok(None);
        }
        Ok(self.store.get(principal.user_id(), id).await?)
    }
}
