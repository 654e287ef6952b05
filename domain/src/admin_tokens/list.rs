use std::collections::HashMap;

use crate::access::{Principal, Requirement};
use crate::store::Listing;
use crate::token::{Token, TokenId};
use crate::user::{MAX_PAGE, Owner};

use super::{AdminTokenError, AdminTokens, TokenFilter};

/// A token with its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedToken {
    /// The token.
    pub token: Token,
    /// Its owner as they are now.
    pub owner: Owner,
}

/// Some tokens, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPage {
    /// The tokens, the newest first.
    pub tokens: Listing<OwnedToken>,
    /// Pass it as `after` for the next page; `None` on the last.
    pub next: Option<TokenId>,
}

impl AdminTokens {
    /// Returns those of these tokens that are stored, agent runs and revoked ones included.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list).
    pub async fn tokens_by_id(
        &self,
        principal: &Principal,
        ids: Vec<TokenId>,
    ) -> Result<HashMap<TokenId, Token>, AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found = self.store.tokens_by_id(&ids).await?;
        let tokens = found.iter().map(|owned| owned.token.clone());
        Ok(tokens
            .filter(|token| ids.contains(&token.id))
            .map(|token| (token.id, token))
            .collect())
    }

    /// A page of the personal access tokens that the filter wants, of all users, beginning after
    /// `after`; `limit` is held within 1 to [`MAX_PAGE`].
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotAuthorized`] unless an administrator asks; [`AdminTokenError::Store`].
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &TokenFilter,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<TokenPage, AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = limit.clamp(1, MAX_PAGE);
        let now = self.clock.now();
        let mut tokens = self.store.tokens(filter, now, after, limit + 1).await?;
        let next = crate::page::cut(&mut tokens, limit, |owned| owned.token.id);
        Ok(TokenPage { tokens, next })
    }
}
