use crate::access::{ActingRecord, Actor, ActorError, CredentialId, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::user::{Account, Password, PasswordHash};

use super::{Ended, SessionError, Sessions};

/// The change: a user has another password, their other sessions end, and their open sign-in links
/// are void: whoever holds one would otherwise change it back.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    /// Who does it: a session of that user.
    pub actor: Actor,
    /// The password hash that was verified, `None` where there was no password.
    pub verified: Option<PasswordHash>,
    /// The new one.
    pub hash: PasswordHash,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of a [`ChangePassword`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum ChangePasswordOutcome {
    /// It is changed.
    Changed,
    /// It was changed meanwhile by somebody else; nothing changed.
    Conflict,
    /// The acting session is over; nothing changed.
    NotAuthorized(ActorError),
}

impl ChangePassword {
    /// Decides, from what the store read inside the transaction: the acting session's record and
    /// its user's account. Answers which of the user's sessions end with it; their open sign-in
    /// links are void as well.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        account: Option<&Account>,
    ) -> Result<Ended, ChangePasswordOutcome> {
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
            .map(|_| Ended::AllBut(own))
            .ok_or(ChangePasswordOutcome::Conflict)
    }
}

impl Sessions {
    /// Changes the password of whoever is signed in, and ends their other browser sessions. Tokens
    /// are left alone.
    ///
    /// # Errors
    ///
    /// [`SessionError`]: a session is required, the current password must be right (it is throttled
    /// as a sign-in is), the new one must not be weak.
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
        let now = self.clock.now();
        let user = principal.user_id();
        let email = principal.owner().profile.as_ref().map(|own| &own.email);
        let email = email.ok_or(SessionError::NotFound)?;
        self.rate_limits
            .own_password(user, context.client_address, now)
            .await?;
        let account = self.users.account(&email.key()).await?;
        let account = account.ok_or(SessionError::NotFound)?;
        let hash = account.password.as_ref();
        if !self.hasher.verify(current, hash).await? {
            return Err(SessionError::WrongPassword);
        }
        self.rate_limits.forgive_own_password(user).await?;
        new.check_new(&account.user.own_words())?;
        let change = ChangePassword {
            actor: Actor::of(principal, Requirement::HUMAN, now),
            verified: account.password,
            hash: self.hasher.hash(new).await?,
            audit: self.event(
                principal.audit_actor(),
                AuditAction::PasswordChanged,
                Subject::User(user),
                context,
            )?,
        };
        match self.store.change_password(change).await? {
            ChangePasswordOutcome::Changed => Ok(()),
            ChangePasswordOutcome::Conflict => Err(SessionError::WrongPassword),
            ChangePasswordOutcome::NotAuthorized(refusal) => Err(refusal.into()),
        }
    }
}
