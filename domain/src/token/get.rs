use crate::access::{Principal, Requirement};

use super::{Token, TokenError, TokenId, TokenKind, Tokens};

impl Tokens {
    /// One personal access token of the user that `principal` acts as.
    ///
    /// # Errors
    ///
    /// [`TokenError::NotFound`] when it is unknown, deleted or someone else's, without telling
    /// which; [`TokenError::Refused`] unless a human's token asks; [`TokenError::Store`].
    pub async fn get(&self, principal: &Principal, id: TokenId) -> Result<Token, TokenError> {
        principal.authorize(Requirement::HUMAN)?;
        if id.kind() != TokenKind::Personal {
            return Err(TokenError::NotFound);
        }
        self.store
            .get(principal.user_id(), id)
            .await?
            .ok_or(TokenError::NotFound)
    }
}
