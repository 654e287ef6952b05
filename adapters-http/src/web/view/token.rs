use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Scope, Status, Token};

use super::{Moment, Shown};

/// A token that ends within this time is worth a look: 7 days.
const SOON_SECONDS: i64 = 7 * 24 * 60 * 60;

/// A word with a color.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct Badge {
    pub(in crate::web) label: &'static str,
    /// `good`, `warn`, `bad` or `calm`: a class of the style sheet.
    pub(in crate::web) tone: &'static str,
}

impl Badge {
    pub(in crate::web) const fn new(label: &'static str, tone: &'static str) -> Self {
        Self { label, tone }
    }
}

/// What a token was issued for.
pub(in crate::web) struct ScopeView {
    pub(in crate::web) label: &'static str,
    pub(in crate::web) is_admin: bool,
    /// It is more than the owner's role allows now.
    pub(in crate::web) is_limited: bool,
}

/// A token in a list.
pub(in crate::web) struct TokenView {
    pub(in crate::web) id: String,
    pub(in crate::web) name: Shown,
    pub(in crate::web) scope: ScopeView,
    pub(in crate::web) status: Badge,
    pub(in crate::web) created: Moment,
    pub(in crate::web) expires: Option<Moment>,
    pub(in crate::web) last_used: Option<Moment>,
    pub(in crate::web) can_be_rotated: bool,
    pub(in crate::web) is_revoked: bool,
}

impl TokenView {
    /// `allowed` is the highest scope of the owner's role.
    pub(in crate::web) fn of(token: &Token, allowed: Scope, now: Timestamp) -> Self {
        let status = token.status(now);
        let soon = now.saturating_add_seconds(SOON_SECONDS);
        let badge = match status {
            Status::Revoked => Badge::new("Revoked", "bad"),
            Status::Expired => Badge::new("Expired", "calm"),
            Status::Live if token.successor.is_some() => Badge::new("Replaced", "warn"),
            Status::Live if token.expires_at.is_some_and(|at| at < soon) => {
                Badge::new("Expires soon", "warn")
            }
            Status::Live => Badge::new("Live", "good"),
        };
        Self {
            id: token.id.to_string(),
            name: Shown::of(token.name.as_str()),
            scope: ScopeView {
                label: scope_name(token.scope),
                is_admin: token.scope == Scope::Admin,
                is_limited: token.scope > allowed,
            },
            status: badge,
            created: Moment::new(token.created_at, now),
            expires: token.expires_at.map(|at| Moment::new(at, now)),
            last_used: token.last_used_at.map(|at| Moment::new(at, now)),
            can_be_rotated: status == Status::Live
                && token.successor.is_none()
                && token.scope <= allowed,
            is_revoked: status == Status::Revoked,
        }
    }
}

/// A scope in a person's words.
pub(in crate::web) const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::ReadWrite => "Read and write",
        Scope::Admin => "Admin",
    }
}
