use crate::access::{Principal, Requirement};
use crate::audit::{RequestContext, Subject};
use crate::change::begin;
use crate::session::{ChangePassword, ChangePasswordOutcome, SessionAction};
use crate::user::{Password, WeakPassword};

use super::{SessionError, Sessions};

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
        let hash = self.ports.hasher.hash(new).await?;
        let (actor, audit) = begin::<SessionError>(
            principal,
            Requirement::HUMAN,
            (SessionAction::PASSWORD_CHANGED, Subject::User(user)),
            context,
            now,
            &*self.ports.entropy,
        )?;
        let change = ChangePassword {
            actor,
            verified: account.password,
            hash,
            audit,
        };
        match self.ports.store.change_password(change).await? {
            ChangePasswordOutcome::Changed => Ok(()),
            ChangePasswordOutcome::Conflict => Err(SessionError::WrongPassword),
            ChangePasswordOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }
}
