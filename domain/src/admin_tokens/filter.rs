use crate::clock::Timestamp;
use crate::token::{Scope, Search, Status, Token, TokenId};
use crate::user::UserId;

/// A filter of tokens. A token must match every field that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenFilter {
    /// Only the token with this id.
    pub token: Option<TokenId>,
    /// Only tokens of this user.
    pub owner: Option<UserId>,
    /// Only tokens whose names contain this.
    pub search: Option<Search>,
    /// Only tokens with this scope.
    pub scope: Option<Scope>,
    /// Only tokens with this status; `None` means live and expired ones.
    pub status: Option<Status>,
    /// Only tokens not used at this instant or later. A token that was never used counts as used at
    /// its creation.
    pub unused_since: Option<Timestamp>,
    /// Only tokens created before this instant.
    pub created_before: Option<Timestamp>,
    /// Only tokens that expire before this instant.
    pub expiring_before: Option<Timestamp>,
}

impl TokenFilter {
    /// Returns whether the token matches at `now`. This defines what a store's query must return.
    #[must_use]
    pub fn matches(&self, token: &Token, now: Timestamp) -> bool {
        let status = token.status(now);
        let last_used = token.last_used_at.unwrap_or(token.created_at);
        self.token.is_none_or(|id| token.id == id)
            && self.owner.is_none_or(|owner| token.owner == owner)
            && self
                .search
                .as_ref()
                .is_none_or(|search| search.is_in(&token.name))
            && self.scope.is_none_or(|scope| token.scope == scope)
            && self
                .status
                .map_or(status != Status::Revoked, |expected| status == expected)
            && self.unused_since.is_none_or(|since| last_used < since)
            && self
                .created_before
                .is_none_or(|before| token.created_at < before)
            && self
                .expiring_before
                .is_none_or(|before| token.expires_at.is_some_and(|at| at < before))
    }

    /// Returns whether no field is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
