use openindex_domain::clock::Timestamp;
use openindex_domain::token::{RevokedBy, Scope, Status, Token};

use super::{Moment, Shown};

/// A label with a color.
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

    /// Returns the badge of an agent run, which its owner sees as ended whatever revoked it.
    pub(in crate::web) const fn of_run(status: Status) -> Self {
        match status {
            Status::Live => Self::new("Active", "good"),
            Status::Expired => Self::new("Expired", "calm"),
            Status::Revoked => Self::new("Ended", "calm"),
        }
    }
}

/// Returns the value and label of each status to filter tokens by.
pub(in crate::web) fn status_options() -> impl Iterator<Item = (&'static str, &'static str)> {
    Status::ALL.into_iter().map(|status| {
        let label = match status {
            Status::Live => "Active",
            Status::Expired => "Expired",
            Status::Revoked => "Deleted and revoked",
        };
        (status.as_str(), label)
    })
}

/// The scope of a token.
pub(in crate::web) struct ScopeView {
    pub(in crate::web) label: &'static str,
    pub(in crate::web) is_admin: bool,
    /// The owner's role no longer allows it.
    pub(in crate::web) is_limited: bool,
}

/// A token in a list.
pub(in crate::web) struct TokenView {
    pub(in crate::web) id: String,
    pub(in crate::web) name: Shown,
    /// The last four characters of the secret, to tell tokens with the same name apart.
    pub(in crate::web) last_four: Option<String>,
    pub(in crate::web) scope: ScopeView,
    /// The status, or why it was revoked if that is known.
    pub(in crate::web) status: Badge,
    pub(in crate::web) created: Moment,
    pub(in crate::web) expires: Option<Moment>,
    pub(in crate::web) expires_soon: bool,
    pub(in crate::web) last_used: Option<Moment>,
    pub(in crate::web) revoked: Option<Moment>,
    /// The ID of the token that replaced it; `None` if it was not rotated.
    pub(in crate::web) successor: Option<String>,
    pub(in crate::web) can_be_rotated: bool,
    pub(in crate::web) is_revoked: bool,
}

impl TokenView {
    /// Returns a token as shown to an administrator.
    pub(in crate::web) fn of_any(token: &Token, allowed: Scope, now: Timestamp) -> Self {
        let mut view = Self::of(token, allowed, now);
        let is_deleted = token.details.revoked_by == Some(RevokedBy::Owner);
        if view.is_revoked && is_deleted && token.run.is_none() {
            view.status.label = "Deleted by the owner";
        }
        view
    }

    /// Returns a token as shown to its owner. `allowed` is the highest scope of the owner's role.
    pub(in crate::web) fn of(token: &Token, allowed: Scope, now: Timestamp) -> Self {
        let status = token.status(now);
        let badge = match status {
            Status::Revoked if token.run.is_some() => Badge::of_run(status),
            Status::Revoked => Badge::new(
                match token.details.revoked_by {
                    Some(RevokedBy::Owner) => "Deleted by you",
                    Some(RevokedBy::Administrator) => "Revoked by an administrator",
                    Some(RevokedBy::Rotation) => "Rotated",
                    Some(RevokedBy::Leak) => "Reported as leaked",
                    None => "Revoked",
                },
                "bad",
            ),
            Status::Expired => Badge::new("Expired", "calm"),
            Status::Live if token.successor.is_some() => Badge::new("Rotated", "warn"),
            Status::Live if token.expires_soon(now) => Badge::new("Expires soon", "warn"),
            Status::Live => Badge::new("Active", "good"),
        };
        Self {
            id: token.id.to_string(),
            name: Shown::of(token.name.as_str()),
            last_four: token.details.last_four.map(|end| end.to_string()),
            scope: ScopeView {
                label: scope_name(token.scope),
                is_admin: token.scope == Scope::Admin,
                is_limited: token.scope > allowed,
            },
            status: badge,
            created: Moment::new(token.created_at, now),
            expires: token.expires_at.map(|at| Moment::end(at, now)),
            expires_soon: token.expires_soon(now),
            last_used: token.last_used_at.map(|at| Moment::new(at, now)),
            revoked: token.revoked_at.map(|at| Moment::new(at, now)),
            successor: token.successor.map(|id| id.to_string()),
            can_be_rotated: status == Status::Live
                && token.successor.is_none()
                && token.scope <= allowed,
            is_revoked: status == Status::Revoked,
        }
    }
}

/// Returns the label of a scope.
pub(in crate::web) const fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::ReadWrite => "Read and write",
        Scope::Admin => "Admin",
    }
}
