use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::prefixed_id;
use crate::token::{InvalidName, Scope};

use super::{Email, PasswordHash};

prefixed_id! {
    /// The id of a user: `usr_` and a UUID.
    UserId, "usr_"
}

/// What a user may be allowed at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Works with the instance.
    Member,
    /// Administers it as well.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 2] = [Self::Member, Self::Admin];

    /// The highest scope that a token of such a user has in effect.
    #[must_use]
    pub const fn highest_scope(self) -> Scope {
        match self {
            Self::Member => Scope::ReadWrite,
            Self::Admin => Scope::Admin,
        }
    }

    /// The name in stores and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// Reads what [`Role::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// What a person is called: the same rule as for a token's name. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PersonName(Arc<str>);

impl PersonName {
    /// Trims and checks a name: 1 to 100 characters, no control characters.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        crate::token::check_name(text).map(|name| Self(name.into()))
    }

    /// Takes what is stored. The rule of `parse` is for input: a rule that is stricter today damages
    /// nothing that was written under an earlier one.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user of our own table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Names them.
    pub id: UserId,
    /// Unique, whatever its spelling ([`Email::key`]).
    pub email: Email,
    /// What they are called.
    pub name: PersonName,
    /// What they may do at most.
    pub role: Role,
    /// When they joined.
    pub created_at: Timestamp,
    /// Since when they are suspended; none of their tokens is accepted meanwhile.
    pub suspended_at: Option<Timestamp>,
}

impl User {
    /// Whether they may act at all.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.suspended_at.is_none()
    }

    /// Whether they can administer the instance now.
    #[must_use]
    pub fn is_active_admin(&self) -> bool {
        self.is_active() && self.role == Role::Admin
    }

    /// The scripts that their address or their name mixes, where it could pass for another one;
    /// empty where neither does.
    #[must_use]
    pub fn mixed_scripts(&self) -> Vec<&'static str> {
        let mut scripts = self.email.mixed_scripts();
        scripts.extend(crate::text::mixed_scripts(self.name.as_str()));
        scripts.sort_unstable();
        scripts.dedup();
        scripts
    }

    /// What their password must not be made of.
    pub(crate) fn own_words(&self) -> [&str; 2] {
        [self.name.as_str(), self.email.as_str()]
    }

    /// The user as the owner of a token.
    #[must_use]
    pub fn as_owner(&self) -> Owner {
        Owner {
            id: self.id,
            active: self.is_active(),
            role: self.role,
            profile: Some(Profile {
                email: self.email.clone(),
                name: self.name.clone(),
            }),
        }
    }
}

/// Whether what `created_by` made, an invite or a link, still counts: the operator's always does,
/// anybody else's only while they are an active administrator.
pub(crate) fn is_vouched(created_by: Option<UserId>, creator: Option<&User>) -> bool {
    created_by.is_none_or(|id| {
        creator.is_some_and(|creator| creator.id == id && creator.is_active_admin())
    })
}

/// A user with what they sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The hash of their password; `None` when they have none, and sign in by a one-time link.
    pub password: Option<PasswordHash>,
}

/// The owner of a token as a lookup answers them: an id and a standing. An embedding service with
/// users of its own fills in just that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Names them.
    pub id: UserId,
    /// Whether they may act at all, now.
    pub active: bool,
    /// What they may do at most, now.
    pub role: Role,
    /// How to show them, where the store knows.
    pub profile: Option<Profile>,
}

impl Owner {
    /// The owner of tokens whose user was deleted: never active, and nameless.
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

/// How to show a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Their address.
    pub email: Email,
    /// What they are called.
    pub name: PersonName,
}
