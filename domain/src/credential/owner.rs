use std::sync::Arc;

use crate::email::Email;
use crate::id::UserId;
use crate::stored_text::stored_text;
use crate::vocabulary::vocabulary;

use super::Scope;

vocabulary! {
    /// A user's role, which limits the effective scope of their credentials.
    #[derive(PartialOrd, Ord)]
    Role, InvalidRole {
        /// Can use work items and create tokens.
        Member = "member",
        /// Can also administer the instance.
        Admin = "admin",
    }
}

impl Role {
    /// Returns the highest effective scope of a user with this role.
    #[must_use]
    pub const fn highest_scope(self) -> Scope {
        match self {
            Self::Member => Scope::ReadWrite,
            Self::Admin => Scope::Admin,
        }
    }
}

/// A user's name, with the same rules as a token's name. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PersonName(Arc<str>);

stored_text!(PersonName, "the name");

/// The owner of a token, as returned by a lookup. A service with users of its own puts one for each
/// of them: [`Tokens::put_owner`](crate::token::Tokens::put_owner).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The user's id.
    pub id: UserId,
    /// Whether the user is currently active, that is, not suspended.
    pub active: bool,
    /// The user's current role.
    pub role: Role,
    /// The displayed details, if the store has them.
    pub profile: Option<Profile>,
}

impl Owner {
    /// Returns an active owner without a profile.
    #[must_use]
    pub const fn new(id: UserId, role: Role) -> Self {
        Self {
            id,
            active: true,
            role,
            profile: None,
        }
    }

    /// Returns the owner with the details that are displayed.
    #[must_use]
    pub fn with_profile(self, email: Email, name: PersonName) -> Self {
        Self {
            profile: Some(Profile { email, name }),
            ..self
        }
    }

    /// Returns the owner as suspended: none of their tokens is accepted.
    #[must_use]
    pub fn suspended(self) -> Self {
        Self {
            active: false,
            ..self
        }
    }

    /// Returns the owner of tokens whose user was deleted: inactive and without a profile.
    #[must_use]
    pub const fn deleted(id: UserId) -> Self {
        Self {
            id,
            active: false,
            role: Role::Member,
            profile: None,
        }
    }
}

/// The displayed details of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The email address.
    pub email: Email,
    /// The name.
    pub name: PersonName,
}
