use crate::access::{Principal, Requirement};
use crate::store::Listing;

use super::{Token, TokenError, Tokens};

impl Tokens {
    /// All tokens of the user that `principal` acts as, live and expired, the newest first.
    ///
    /// # Errors
    ///
    /// [`TokenError::Refused`] unless a human's token asks; [`TokenError::Store`].
    pub async fn list(&self, principal: &Principal) -> Result<Listing<Token>, TokenError> {
        principal.authorize(Requirement::HUMAN)?;
        Ok(self.store.list(principal.user_id()).await?)
    }
}
