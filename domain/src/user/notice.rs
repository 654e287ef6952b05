use std::cmp::Reverse;
use std::net::IpAddr;

use crate::access::{ActingRecord, Actor, ActorError};
use crate::audit::{AuditEvent, AuditEventId};
use crate::clock::Timestamp;
use crate::session::SignInLinkId;
use crate::token::{TokenId, TokenName};

use super::UserId;

/// A message to a user, shown from their next sign-in until they dismiss it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub about: NoticeAbout,
    /// When it happened.
    pub at: Timestamp,
}

/// The event that a [`Notice`] reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeAbout {
    /// One of the user's tokens was reported as leaked and revoked.
    LeakedToken {
        /// The token.
        token: TokenId,
        /// The name that the owner gave it.
        name: TokenName,
    },
    /// A sign-in link was used: it set a new password and ended the browser sessions.
    UsedLink {
        /// The link.
        link: SignInLinkId,
        /// The client address of the request; `None` if unknown.
        from: Option<IpAddr>,
    },
    /// An administrator revoked tokens of the user in one step.
    RevokedTokens {
        /// The audit event of the revocation, or of one of them.
        event: AuditEventId,
        /// The number of tokens that stopped working.
        count: u64,
    },
    /// An administrator lifted the suspension of the user.
    Unsuspended {
        /// The audit event.
        event: AuditEventId,
    },
}

impl NoticeAbout {
    /// Returns the prefixed id of what the notice is about. A user has at most one notice for each.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::LeakedToken { token, .. } => token.to_string(),
            Self::UsedLink { link, .. } => link.to_string(),
            Self::RevokedTokens { event, .. } | Self::Unsuspended { event } => event.to_string(),
        }
    }
}

/// What a store saves besides the id.
impl NoticeAbout {
    /// Returns the name of the leaked token; empty for other notices.
    #[must_use]
    pub fn token_name(&self) -> &str {
        match self {
            Self::LeakedToken { name, .. } => name.as_str(),
            Self::UsedLink { .. } | Self::RevokedTokens { .. } | Self::Unsuspended { .. } => "",
        }
    }

    /// Returns where the link was used from, if known; `None` for other notices.
    #[must_use]
    pub const fn client_address(&self) -> Option<IpAddr> {
        match self {
            Self::UsedLink { from, .. } => *from,
            Self::LeakedToken { .. } | Self::RevokedTokens { .. } | Self::Unsuspended { .. } => {
                None
            }
        }
    }

    /// Returns the number of revoked tokens; `None` for other notices.
    #[must_use]
    pub const fn revoked(&self) -> Option<u64> {
        match self {
            Self::RevokedTokens { count, .. } => Some(*count),
            Self::LeakedToken { .. } | Self::UsedLink { .. } | Self::Unsuspended { .. } => None,
        }
    }
}

impl Notice {
    /// Returns whether the notice is shown to a caller who signed in at `signed_in_at`; `None`
    /// stands for a caller without a browser session. In the session that a sign-in link started,
    /// the notice about that link is neither shown nor dismissed, so that the next session shows
    /// it.
    #[must_use]
    pub fn is_shown_to(&self, signed_in_at: Option<Timestamp>) -> bool {
        match self.about {
            NoticeAbout::LeakedToken { .. }
            | NoticeAbout::RevokedTokens { .. }
            | NoticeAbout::Unsuspended { .. } => true,
            NoticeAbout::UsedLink { .. } => signed_in_at.is_none_or(|begun| self.at < begun),
        }
    }

    /// Sorts notices, newest first.
    pub fn sort(notices: &mut [Self]) {
        notices.sort_by_cached_key(|notice| Reverse((notice.at, notice.about.id())));
    }
}

/// The change that dismisses a user's notices.
#[derive(Debug, Clone)]
pub struct DismissNotices {
    /// The acting credential, which must be the user's.
    pub actor: Actor,
    /// The user whose notices are dismissed.
    pub user: UserId,
    /// Only notices up to this instant (inclusive) are dismissed.
    pub up_to: Timestamp,
    /// When the acting browser session began; see [`Notice::is_shown_to`].
    pub signed_in_at: Option<Timestamp>,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`DismissNotices`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum DismissNoticesOutcome {
    /// The number of dismissed notices; if 0, no event was written.
    Dismissed(u64),
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl DismissNotices {
    /// Returns whether the change dismisses this notice of the user.
    #[must_use]
    pub fn covers(&self, notice: &Notice) -> bool {
        notice.at <= self.up_to && notice.is_shown_to(self.signed_in_at)
    }

    /// Decides the change, given the acting credential's record as read inside the transaction.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(&self, actor: Option<&ActingRecord>) -> Result<(), DismissNoticesOutcome> {
        self.actor
            .check(actor)
            .map_err(DismissNoticesOutcome::NotAuthorized)
    }
}
