use crate::access::{Principal, Requirement};
use crate::audit::RequestContext;
use crate::token::{TokenId, TokenKind};

use super::{AdminTokenError, AdminTokens, TokenFilter};

impl AdminTokens {
    /// Revokes one personal access token of any user, which may be the acting token.
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotFound`] when there is none or it was revoked before;
    /// [`AdminTokenError::NotAuthorized`] unless `principal` is an administrator;
    /// [`AdminTokenError::Store`] when the store fails.
    pub async fn revoke(
        &self,
        principal: &Principal,
        id: TokenId,
        context: &RequestContext,
    ) -> Result<(), AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        if id.kind() != TokenKind::Personal {
            return Err(AdminTokenError::NotFound);
        }
        let filter = TokenFilter {
            token: Some(id),
            ..TokenFilter::default()
        };
        let change = self.revocation(principal, filter, context)?;
        let revoked = self.revoke_all(change).await?;
        if revoked.count() == 0 {
            return Err(AdminTokenError::NotFound);
        }
        Ok(())
    }
}
