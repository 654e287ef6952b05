use crate::access::{ActingRecord, Actor, ActorError, CredentialId, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::user::{Account, Password, PasswordHash, WeakPassword};

use super::{SessionError, SessionSelection, Sessions};

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

impl Sessions {
    /// Changes the password of the signed-in user and ends their other browser sessions. Tokens are
    /// not affected.
    ///
    /// # Errors
    ///
    /// - [`SessionError::SessionRequired`] for a token.
    /// - [`SessionError::WrongPassword`] when the current password does not match; attempts are
    ///   rate-limited like sign-ins ([`SessionError::RateLimited`]).
    /// - [`SessionError::WeakPassword`] when the new one is too easy to guess, or the current one.
    /// - [`SessionError::NotAuthorized`] when the session has ended in the meantime.
    /// - [`SessionError::Hash`], [`SessionError::Entropy`] and [`SessionError::Store`] when a port
    ///   fails.
    pub async fn change_password(
        &self,
        principal: &Principal,
        current: &Password,
        new: &Password,
        context: &RequestContext,
    ) -> Result<(), SessionError> {
        if principal.session().is_none() {
            return Err(SessionError::SessionRequired);
        }
        let now = self.ports.clock.now();
        let user = principal.user_id();
        let email = principal.owner().profile.as_ref().map(|own| &own.email);
        let email = email.ok_or(SessionError::NotFound)?;
        self.ports
            .rate_limits
            .own_password(user, context.client_address, now)
            .await?;
        let account = self.ports.users.account(&email.key()).await?;
        let account = account.ok_or(SessionError::NotFound)?;
        let hash = account.password.as_ref();
        if !self.ports.hasher.verify(current, hash).await? {
            return Err(SessionError::WrongPassword);
        }
        self.ports.rate_limits.reset_own_password(user).await?;
        // Not in constant time: the caller knows both.
        if new.expose() == current.expose() {
            return Err(WeakPassword::Current.into());
        }
        new.check_new(&account.user.own_words())?;
        let change = ChangePassword {
            actor: Actor::of(principal, Requirement::HUMAN, now),
            verified: account.password,
            hash: self.ports.hasher.hash(new).await?,
            audit: self.event(
                principal.audit_actor(),
                AuditAction::PasswordChanged,
                Subject::User(user),
                context,
                now,
            )?,
        };
        match self.ports.store.change_password(change).await? {
            ChangePasswordOutcome::Changed => Ok(()),
            ChangePasswordOutcome::Conflict => Err(SessionError::WrongPassword),
            ChangePasswordOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }
}
