use crate::clock::Timestamp;
use crate::token::{Scope, Search, Status, Token, TokenId};
use crate::user::UserId;

/// Which tokens are wanted; each that is given narrows it down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenFilter {
    /// This one.
    pub token: Option<TokenId>,
    /// Of this user.
    pub owner: Option<UserId>,
    /// With this in their names.
    pub search: Option<Search>,
    /// With this scope.
    pub scope: Option<Scope>,
    /// Where they stand; without it, live and expired ones.
    pub status: Option<Status>,
    /// Not used at this instant or later. One that was never used counts from its creation.
    pub unused_since: Option<Timestamp>,
    /// Ending by themselves before this instant.
    pub expiring_before: Option<Timestamp>,
}

impl TokenFilter {
    /// Whether it wants this token at `now`; what a store's query means.
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
                .map_or(status != Status::Revoked, |wanted| status == wanted)
            && self.unused_since.is_none_or(|since| last_used < since)
            && self
                .expiring_before
                .is_none_or(|before| token.expires_at.is_some_and(|at| at < before))
    }

    /// Whether it narrows anything down at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
