use crate::access::{Principal, Requirement};
use crate::audit::RequestContext;
use crate::token::{TokenId, TokenKind};

use super::{Inventory, InventoryError, TokenFilter};

impl Inventory {
    /// Revokes one personal access token, whoever owns it; it may be the acting one.
    ///
    /// # Errors
    ///
    /// [`InventoryError::NotFound`] when there is none, or it is revoked;
    /// [`InventoryError::Refused`] unless an administrator asks; [`InventoryError::Store`].
    pub async fn revoke(
        &self,
        principal: &Principal,
        id: TokenId,
        context: &RequestContext,
    ) -> Result<(), InventoryError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        if id.kind() != TokenKind::Personal {
            return Err(InventoryError::NotFound);
        }
        let filter = TokenFilter {
            token: Some(id),
            ..TokenFilter::default()
        };
        let change = self.revocation(principal, filter, context)?;
        let revoked = self.revoke_all(change).await?;
        if revoked.count() == 0 {
            return Err(InventoryError::NotFound);
        }
        Ok(())
    }
}
