use crate::audit::{AuditAction, AuditActor, AuditEvent, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::entropy::EntropyError;
use crate::opaque::OpaqueSecret;
use crate::rate_limit::RateLimited;
use crate::store::StoreError;
use crate::user::{Account, Email, HashError, Password, PasswordHash, UserId};

use super::{ClientName, Session, SessionId, Sessions};

/// A new session and its secret, which exists only here and in the browser's cookie.
#[derive(Debug)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// The value of the cookie.
    pub secret: OpaqueSecret,
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown address, no password, or wrong password; the error does not say which.
    #[error("incorrect email address or password")]
    Rejected,
    /// The password is correct, but the account is suspended.
    #[error("the account is suspended")]
    Suspended,
    /// Too many attempts for this account or from this address.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// The password could not be compared.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No secret could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

crate::rate_limit::from_attempt_error!(SignInError);

/// The change that starts a session after a sign-in with a password.
#[derive(Debug, Clone)]
pub struct StartSession {
    /// The new session.
    pub session: Session,
    /// The digest of the session's secret.
    pub digest: Digest,
    /// The password hash that was verified; if the stored one differs, the password has changed
    /// since.
    pub verified: PasswordHash,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`StartSession`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum StartSessionOutcome {
    /// The session was started.
    Started,
    /// The user was suspended or their password changed in the meantime; nothing changed.
    Rejected,
}

impl StartSession {
    /// Decides the change, given the account as read inside the transaction.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(&self, account: Option<&Account>) -> Result<(), StartSessionOutcome> {
        account
            .filter(|account| account.user.id == self.session.user)
            .filter(|account| account.user.is_active())
            .filter(|account| account.password.as_ref() == Some(&self.verified))
            .map(|_| ())
            .ok_or(StartSessionOutcome::Rejected)
    }
}

impl Sessions {
    /// Signs a user in with their password and starts a session.
    ///
    /// Known and unknown addresses cost the same work and return the same error. Failures are
    /// counted per account (all spellings of its address together) and per client address, across
    /// all replicas.
    ///
    /// # Errors
    ///
    /// [`SignInError`], whose variants name the conditions.
    pub async fn sign_in(
        &self,
        email: &Email,
        password: &Password,
        client: ClientName,
        context: &RequestContext,
    ) -> Result<SignedIn, SignInError> {
        let now = self.ports.clock.now();
        // Counted before the password is compared, so that parallel guesses cannot outrun the
        // count.
        self.ports
            .rate_limits
            .sign_in(email, context.client_address, now)
            .await?;
        let account = self.ports.users.account(&email.key()).await?;
        let hash = account
            .as_ref()
            .and_then(|account| account.password.as_ref());
        let right = self.ports.hasher.verify(password, hash).await?;
        let subject = account.as_ref().map_or(Subject::UnknownAccount, |account| {
            Subject::User(account.user.id)
        });
        let Some((account, verified)) = account
            .filter(|_| right)
            .and_then(|account| account.password.clone().map(|hash| (account, hash)))
        else {
            self.note_failure(subject, context, now).await?;
            return Err(SignInError::Rejected);
        };
        self.ports.rate_limits.reset_account(email).await?;
        if !account.user.is_active() {
            self.note_failure(subject, context, now).await?;
            return Err(SignInError::Suspended);
        }
        let signed_in = self.mint(account.user.id, client, context, now)?;
        let change = StartSession {
            digest: signed_in.secret.digest(),
            verified,
            audit: self.event(
                AuditActor::Session {
                    user: account.user.id,
                    session: signed_in.session.id,
                },
                AuditAction::SignedIn,
                Subject::User(account.user.id),
                context,
                now,
            )?,
            session: signed_in.session.clone(),
        };
        match self.ports.store.start_session(change).await? {
            StartSessionOutcome::Started => Ok(signed_in),
            StartSessionOutcome::Rejected => Err(SignInError::Rejected),
        }
    }

    /// Creates a session and its secret. Nothing is stored yet.
    pub(crate) fn mint(
        &self,
        user: UserId,
        client: ClientName,
        context: &RequestContext,
        now: Timestamp,
    ) -> Result<SignedIn, EntropyError> {
        Ok(SignedIn {
            session: Session {
                id: SessionId::generate(now, &*self.ports.entropy)?,
                user,
                created_at: now,
                last_seen_at: now,
                client,
                client_address: context.client_address,
            },
            secret: OpaqueSecret::generate(&*self.ports.entropy)?,
        })
    }

    /// Records a failed sign-in in the audit log, for unknown accounts too: if only known accounts
    /// caused a write, the response time would reveal which accounts exist. The number of events
    /// per network address is limited.
    async fn note_failure(
        &self,
        subject: Subject,
        context: &RequestContext,
        now: Timestamp,
    ) -> Result<(), SignInError> {
        let address = context.client_address;
        let recorded = self.ports.rate_limits.failed_sign_in(address, now).await?;
        let (each, last) = (
            AuditAction::SignInRejected,
            AuditAction::SignInRejectedRepeatedly,
        );
        if let Some(action) = recorded.action(each, last) {
            let event = self.event(AuditActor::Anonymous, action, subject, context, now)?;
            self.ports.audit.append(event).await?;
        }
        Ok(())
    }
}
