use std::fmt;

use crate::vocabulary::vocabulary;

/// What was done. Each module declares its actions, such as
/// [`TokenAction`](crate::token::TokenAction), together with what the audit log has to know about
/// them; [`registry`](crate::registry) joins them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuditAction {
    name: &'static str,
    ends_token: bool,
    hides_anonymous: bool,
    is_by_related_user: bool,
}

impl AuditAction {
    /// Creates an action with the name that stores and the API use.
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            ends_token: false,
            hides_anonymous: false,
            is_by_related_user: false,
        }
    }

    /// The action ends the token or agent run that is its subject.
    pub(crate) const fn ending_token(self) -> Self {
        Self {
            ends_token: true,
            ..self
        }
    }

    /// The user whom the action concerns must not see the request of an anonymous client.
    pub(crate) const fn hiding_anonymous(self) -> Self {
        Self {
            hides_anonymous: true,
            ..self
        }
    }

    /// A client without a credential acts as the related user, who is new.
    pub(crate) const fn by_related_user(self) -> Self {
        Self {
            is_by_related_user: true,
            ..self
        }
    }

    /// Returns the name that stores and the API use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// Returns whether the action ends the token or agent run that is its subject.
    #[must_use]
    pub const fn ends_token(self) -> bool {
        self.ends_token
    }

    pub(super) const fn hides_anonymous(self) -> bool {
        self.hides_anonymous
    }

    pub(super) const fn is_by_related_user(self) -> bool {
        self.is_by_related_user
    }
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

vocabulary! {
    /// What happens to administrative requests.
    AdminAction: AuditAction {
        /// An administrative request of a user was denied.
        DENIED = "admin.denied",
        /// The tenth denied administrative request of one user within 15 minutes; further ones in
        /// that window are not recorded.
        DENIED_REPEATEDLY = "admin.denied_repeatedly",
    }
}
