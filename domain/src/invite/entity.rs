use crate::clock::Timestamp;
use crate::id::prefixed_id;
use crate::user::{Email, Role, User, UserId};

/// An invite can be claimed for this time: 7 days.
pub const INVITE_LIFETIME_SECONDS: i64 = 7 * 24 * 60 * 60;

prefixed_id! {
    /// The id of an invite: `inv_` and a UUID. It names the invite and is no secret.
    InviteId, "inv_"
}

/// Whom an invite is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InviteKind {
    /// Whoever claims a new instance: they say their address themselves and become its first
    /// administrator. It can be claimed only while there is no user.
    FirstAdmin,
    /// Somebody with this address, who gets this role.
    Person {
        /// Their address.
        email: Email,
        /// What they will be allowed at most.
        role: Role,
    },
}

/// An invite. It can be claimed once, before it expires. Neither its secret nor its digest is part
/// of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// Names it.
    pub id: InviteId,
    /// Whom it is for.
    pub kind: InviteKind,
    /// Who invited; `None` is the operator.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// It can be claimed before this instant.
    pub expires_at: Timestamp,
    /// When it was claimed, and by whom.
    pub claimed: Option<(Timestamp, UserId)>,
    /// When it was withdrawn.
    pub withdrawn_at: Option<Timestamp>,
}

/// Where an invite stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InviteStatus {
    /// It can be claimed.
    Open,
    /// Somebody claimed it.
    Claimed,
    /// It was withdrawn.
    Withdrawn,
    /// Its time is up.
    Expired,
}

impl InviteStatus {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Claimed => "claimed",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
}

impl Invite {
    /// Where it stands at `now`: checked when it is used, so that no job has to run in time.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> InviteStatus {
        if self.claimed.is_some() {
            InviteStatus::Claimed
        } else if self.withdrawn_at.is_some() {
            InviteStatus::Withdrawn
        } else if now >= self.expires_at {
            InviteStatus::Expired
        } else {
            InviteStatus::Open
        }
    }

    /// The invited address, where it is known.
    #[must_use]
    pub const fn email(&self) -> Option<&Email> {
        match &self.kind {
            InviteKind::FirstAdmin => None,
            InviteKind::Person { email, .. } => Some(email),
        }
    }

    /// Whether both are for the same address, or both for the first administrator.
    #[must_use]
    pub fn is_for_the_same(&self, other: &Self) -> bool {
        self.email().map(Email::key) == other.email().map(Email::key)
    }

    /// Whether it ends when `user` is deleted: they made it, or it is for their address.
    #[must_use]
    pub fn ends_with(&self, user: &User) -> bool {
        self.created_by == Some(user.id) || self.email().map(Email::key) == Some(user.email.key())
    }

    /// What its claimant will be allowed at most.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self.kind {
            InviteKind::FirstAdmin => Role::Admin,
            InviteKind::Person { role, .. } => role,
        }
    }
}
