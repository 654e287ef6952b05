use crate::clock::Timestamp;
use crate::id::{InviteId, UserId};

use super::{Email, Role, User};

/// The lifetime of an invite: 7 days.
pub const INVITE_LIFETIME_SECONDS: i64 = 7 * 24 * 60 * 60;

/// The recipient of an invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InviteKind {
    /// The first administrator of a new instance, who enters their own address. It can be claimed
    /// only while there are no users.
    FirstAdmin,
    /// The person with this address.
    Person {
        /// Their email address.
        email: Email,
        /// The role of the new user.
        role: Role,
    },
}

/// An invite, without its secret and digest. It can be claimed once, before it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// The invite's id.
    pub id: InviteId,
    /// Its recipient.
    pub kind: InviteKind,
    /// The administrator who created it; `None` means the operator.
    pub created_by: Option<UserId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires (exclusive).
    pub expires_at: Timestamp,
    /// When it was claimed, and the user created by that; `None` while it was not.
    pub claimed: Option<(Timestamp, UserId)>,
    /// When it was withdrawn; `None` while it was not.
    pub withdrawn_at: Option<Timestamp>,
    /// The later invite for the same address whose creation withdrew it, if that was the reason.
    pub replaced_by: Option<InviteId>,
}

/// The status of an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InviteStatus {
    /// It can be claimed.
    Open,
    /// It was claimed.
    Claimed,
    /// It was withdrawn.
    Withdrawn,
    /// It was replaced by a later one.
    Replaced,
    /// It has expired.
    Expired,
}

impl InviteStatus {
    /// Returns the name that the API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Claimed => "claimed",
            Self::Withdrawn => "withdrawn",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
        }
    }
}

impl Invite {
    /// Returns the status at `now`. It is computed on use, so no job has to run in time.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> InviteStatus {
        if self.claimed.is_some() {
            InviteStatus::Claimed
        } else if self.replaced_by.is_some() {
            InviteStatus::Replaced
        } else if self.withdrawn_at.is_some() {
            InviteStatus::Withdrawn
        } else if now >= self.expires_at {
            InviteStatus::Expired
        } else {
            InviteStatus::Open
        }
    }

    /// Returns the invited address; `None` for the first administrator.
    #[must_use]
    pub const fn email(&self) -> Option<&Email> {
        match &self.kind {
            InviteKind::FirstAdmin => None,
            InviteKind::Person { email, .. } => Some(email),
        }
    }

    /// Returns whether both invites are for the same address, or both for the first administrator.
    #[must_use]
    pub fn has_same_recipient(&self, other: &Self) -> bool {
        self.email().map(Email::key) == other.email().map(Email::key)
    }

    /// Returns whether the invite ends when `user` is deleted: they created it, or it is for their
    /// address.
    #[must_use]
    pub fn ends_with(&self, user: &User) -> bool {
        self.created_by == Some(user.id) || self.email().map(Email::key) == Some(user.email.key())
    }

    /// Returns the role of the user it creates.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self.kind {
            InviteKind::FirstAdmin => Role::Admin,
            InviteKind::Person { role, .. } => role,
        }
    }
}
