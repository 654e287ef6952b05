use std::collections::HashMap;

use crate::access::{Principal, Requirement};
use crate::page::PageSize;
use crate::store::Listing;
use crate::token::{Token, TokenId};
use crate::user::Owner;

use super::{AdminTokenError, AdminTokens, TokenFilter};

/// A token and its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedToken {
    /// The token.
    pub token: Token,
    /// The current owner.
    pub owner: Owner,
}

/// A page of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPage {
    /// The tokens, newest first.
    pub tokens: Listing<OwnedToken>,
    /// Pass it as `after` for the next page; `None` on the last page.
    pub next: Option<TokenId>,
}

impl AdminTokens {
    /// Returns the stored tokens with these ids, including agent runs and revoked tokens.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
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

    /// Returns a page of the personal access tokens that match the filter, of all users, starting
    /// after `after`. `limit` is clamped to 1 to [`MAX_PAGE`](crate::page::MAX_PAGE).
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotAuthorized`] unless `principal` is an administrator;
    /// [`AdminTokenError::Store`] when the store fails.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &TokenFilter,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<TokenPage, AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = PageSize::clamp(limit);
        let now = self.clock.now();
        let mut tokens = self
            .store
            .tokens(filter, now, after, limit.rows_to_read())
            .await?;
        let next = limit.truncate(&mut tokens, |owned| owned.token.id);
        Ok(TokenPage { tokens, next })
    }
}
