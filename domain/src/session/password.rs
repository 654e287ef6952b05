use crate::access::{ActingRecord, Actor, ActorError, CredentialId};
use crate::audit::AuditEvent;
use crate::user::{Account, PasswordHash, UserId};

use super::SessionSelection;

/// The change that sets a user's password, ends their other sessions and deletes their open sign-in
/// links, because a link could be used to change the password back.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    /// The acting credential: a session of that user.
    pub actor: Actor,
    /// The password hash that was verified; `None` if the user had no password.
    pub verified: Option<PasswordHash>,
    /// The hash of the new password.
    pub hash: PasswordHash,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`ChangePassword`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum ChangePasswordOutcome {
    /// The password was changed.
    Changed,
    /// A concurrent change has set another password; nothing changed.
    Conflict,
    /// The acting session has ended; nothing changed.
    NotAuthorized(ActorError),
}

impl ChangePassword {
    /// Decides the change, given the acting session's record and its user's account as read inside
    /// the transaction. Returns which of the user's sessions to end; the store also deletes their
    /// unused sign-in links.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        account: Option<&Account>,
    ) -> Result<SessionSelection, ChangePasswordOutcome> {
        self.actor
            .check(actor)
            .map_err(ChangePasswordOutcome::NotAuthorized)?;
        let CredentialId::Session(own) = self.actor.credential else {
            return Err(ChangePasswordOutcome::NotAuthorized(
                ActorError::SessionEnded,
            ));
        };
        account
            .filter(|account| account.password == self.verified)
            .map(|_| SessionSelection::AllBut(own))
            .ok_or(ChangePasswordOutcome::Conflict)
    }
}

/// The change that removes a user's password, so that only a sign-in link lets them sign in.
#[derive(Debug, Clone)]
pub struct RemovePassword {
    /// The acting credential.
    pub actor: Actor,
    /// The user.
    pub user: UserId,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`RemovePassword`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RemovePasswordOutcome {
    /// The password was removed.
    Removed,
    /// The user does not exist or has no password; nothing changed.
    NotFound,
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl RemovePassword {
    /// Decides the change, given the acting credential's record and the account that the store read
    /// inside the transaction.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        account: Option<&Account>,
    ) -> Result<(), RemovePasswordOutcome> {
        self.actor
            .check(actor)
            .map_err(RemovePasswordOutcome::NotAuthorized)?;
        account
            .filter(|account| account.user.id == self.user && account.password.is_some())
            .map(drop)
            .ok_or(RemovePasswordOutcome::NotFound)
    }
}
