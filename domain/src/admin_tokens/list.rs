use crate::store::Listing;
use crate::token::{Token, TokenId};
use crate::user::Owner;

/// A token and its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedToken {
    /// The token.
    pub token: Token,
    /// The current owner.
    pub owner: Owner,
}

/// A page of tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenPage {
    /// The tokens, newest first.
    pub tokens: Listing<OwnedToken>,
    /// Pass it as `after` for the next page; `None` on the last page.
    pub next: Option<TokenId>,
}
