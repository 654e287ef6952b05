use crate::access::{Principal, Requirement};
use crate::clock::Timestamp;
use crate::store::Listing;

use super::{Status, Token, TokenError, TokenId, TokenName, Tokens};

/// The maximum number of tokens on one page, and how many a page has unless asked otherwise.
pub const MAX_TOKEN_PAGE: u32 = 1_000;

/// Which of a user's tokens to list: those that match everything that is given. Revoked tokens are
/// not listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// With this status; without it, live and expired ones.
    pub status: Option<ListedStatus>,
    /// With exactly this name, which several can have.
    pub name: Option<TokenName>,
}

/// The status of a token on its owner's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedStatus {
    /// Accepted.
    Live,
    /// Expired, and neither deleted nor purged.
    Expired,
}

impl ListedStatus {
    /// Reads `live` or `expired`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Live, Self::Expired]
            .into_iter()
            .find(|status| status.as_str() == text)
    }

    /// Returns the name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => Status::Live.as_str(),
            Self::Expired => Status::Expired.as_str(),
        }
    }
}

impl ListFilter {
    /// Returns whether it matches this token at `now`; what a store's query means.
    #[must_use]
    pub fn matches(&self, token: &Token, now: Timestamp) -> bool {
        let status = match token.status(now) {
            Status::Live => ListedStatus::Live,
            Status::Expired => ListedStatus::Expired,
            Status::Revoked => return false,
        };
        self.status.is_none_or(|wanted| wanted == status)
            && self.name.as_ref().is_none_or(|name| *name == token.name)
    }
}

/// Some of a user's tokens, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// The tokens, the newest first.
    pub tokens: Listing<Token>,
    /// Pass it as `after` for the next page; `None` on the last.
    pub next: Option<TokenId>,
}

impl Tokens {
    /// Returns a page of the tokens that match the filter, of the user that `principal` acts as,
    /// the newest first, beginning after `after`. `limit` is held within 1 to [`MAX_TOKEN_PAGE`].
    /// A token that is created or deleted between two pages shifts none of the others.
    ///
    /// # Errors
    ///
    /// [`TokenError::Refused`] unless a human asks; [`TokenError::Store`].
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &ListFilter,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<ListPage, TokenError> {
        principal.authorize(Requirement::HUMAN)?;
        let limit = limit.clamp(1, MAX_TOKEN_PAGE);
        let (owner, now) = (principal.user_id(), self.clock.now());
        let found = self.store.list(owner, filter, now, after, limit + 1);
        let mut tokens = found.await?;
        let next = crate::page::cut(&mut tokens, limit, |token| token.id);
        Ok(ListPage { tokens, next })
    }
}
