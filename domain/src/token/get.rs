use crate::access::{Principal, Requirement};

use super::{Token, TokenError, TokenId, TokenKind, Tokens};

impl Tokens {
    /// One personal access token of the user that `principal` acts as.
    ///
    /// # Errors
    ///
    /// [`TokenError::NotFound`] when it is unknown, deleted or someone else's, without telling
    /// which; [`TokenError::NotAuthorized`] unless a human's token asks; [`TokenError::Store`].
    pub async fn get(&self, principal: &Principal, id: TokenId) -> Result<Token, TokenError> {
        principal.authorize(Requirement::HUMAN)?;
        let found = self.find(principal, id).await?;
        found
            .filter(|token| token.revoked_at.is_none())
            .ok_or(TokenError::NotFound)
    }

    /// Returns a personal access token of the user that `principal` acts as, also one that was deleted
    /// and is still stored: what it was called is shown where something refers to it.
    ///
    /// # Errors
    ///
    /// [`TokenError::NotAuthorized`] unless a human asks; [`TokenError::Store`].
    pub async fn known(
        &self,
        principal: &Principal,
        id: TokenId,
    ) -> Result<Option<Token>, TokenError> {
        principal.authorize(Requirement::HUMAN)?;
        self.find(principal, id).await
    }

    /// Finds a token of the user that `principal` acts as, tombstones included.
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
