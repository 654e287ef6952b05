use crate::clock::Timestamp;
use crate::id::UserId;

use super::{Email, Owner, PasswordHash, PersonName, Profile, Role};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The email address, unique regardless of its spelling ([`Email::key`]).
    pub email: Email,
    /// The displayed name.
    pub name: PersonName,
    /// The role.
    pub role: Role,
    /// When the account was created.
    pub created_at: Timestamp,
    /// Since when the user is suspended; `None` if they are not. The credentials of suspended users
    /// are rejected.
    pub suspended_at: Option<Timestamp>,
}

impl User {
    /// Returns whether the user is not suspended.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.suspended_at.is_none()
    }

    /// Returns whether the user is an administrator and not suspended.
    #[must_use]
    pub fn is_active_admin(&self) -> bool {
        self.is_active() && self.role == Role::Admin
    }

    /// Returns the scripts that the user's address or name mixes if it could be mistaken for
    /// another one; empty otherwise.
    #[must_use]
    pub fn mixed_scripts(&self) -> Vec<&'static str> {
        let mut scripts = self.email.mixed_scripts();
        scripts.extend(crate::text::mixed_scripts(self.name.as_str()));
        scripts.sort_unstable();
        scripts.dedup();
        scripts
    }

    /// Returns the texts that the user's password must not be based on.
    pub(crate) fn own_words(&self) -> [&str; 2] {
        [self.name.as_str(), self.email.as_str()]
    }

    /// Returns the user as the owner of a token.
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

/// Returns whether an invite or link created by `created_by` is still valid: always if the operator
/// created it, otherwise only while the creator is an active administrator.
pub(crate) fn is_creator_valid(created_by: Option<UserId>, creator: Option<&User>) -> bool {
    created_by.is_none_or(|id| {
        creator.is_some_and(|creator| creator.id == id && creator.is_active_admin())
    })
}

/// A user and their password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The hash of the password; `None` if the user has none and can sign in only with a sign-in
    /// link.
    pub password: Option<PasswordHash>,
}
