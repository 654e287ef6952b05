use crate::access::{Principal, Requirement};
use crate::audit::RequestContext;
use crate::token::{TokenId, TokenKind};

use super::{AdminTokenError, AdminTokens, TokenFilter};

impl AdminTokens {
    /// Revokes one personal access token, whoever owns it; it may be the acting one.
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotFound`] when there is none, or it is revoked;
    /// [`AdminTokenError::NotAuthorized`] unless an administrator asks; [`AdminTokenError::Store`].
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
