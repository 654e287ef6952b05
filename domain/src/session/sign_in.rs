use crate::audit::{AuditAction, AuditActor, AuditEvent, RequestContext, Subject};
use crate::entropy::EntropyError;
use crate::opaque::OpaqueSecret;
use crate::rate_limit::RateLimited;
use crate::store::StoreError;
use crate::token::Digest;
use crate::user::{Account, Email, HashError, Password, PasswordHash, UserId};

use super::{ClientName, Session, SessionId, Sessions};

/// A new session and its secret, which exists here and in the browser's cookie.
#[derive(Debug)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// What the cookie is to hold.
    pub secret: OpaqueSecret,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown address, wrong password, no password: nobody is told which.
    #[error("the email address or the password is wrong")]
    Rejected,
    /// The password is right, and the account is suspended.
    #[error("the account is suspended")]
    Suspended,
    /// Too many failures for this account or from this address.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// Passwords cannot be checked now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No secret could be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

crate::rate_limit::from_attempt_error!(SignInError);

/// The change: somebody signed in with a password.
#[derive(Debug, Clone)]
pub struct StartSession {
    /// The new session.
    pub session: Session,
    /// The digest of its secret.
    pub digest: Digest,
    /// The password hash that was verified; another one means that the password was changed.
    pub verified: PasswordHash,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of a [`StartSession`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum StartSessionOutcome {
    /// The session is there.
    Started,
    /// The user was suspended meanwhile, or their password changed; nothing changed.
    Rejected,
}

impl StartSession {
    /// Decides, from the account as read inside the transaction.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
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
    /// Signs somebody in with their password, as a new session.
    ///
    /// Known and unknown addresses take the same work and get the same answer. Failures count for
    /// the account, whatever the spelling of its address, and for the client's address, over all
    /// replicas.
    ///
    /// # Errors
    ///
    /// [`SignInError`].
    pub async fn sign_in(
        &self,
        email: &Email,
        password: &Password,
        client: ClientName,
        context: &RequestContext,
    ) -> Result<SignedIn, SignInError> {
        let now = self.clock.now();
        // Counted before the password is looked at: parallel guesses cannot outrun the count.
        self.rate_limits
            .sign_in(email, context.client_address, now)
            .await?;
        let account = self.users.account(&email.key()).await?;
        let hash = account
            .as_ref()
            .and_then(|account| account.password.as_ref());
        let right = self.hasher.verify(password, hash).await?;
        let subject = account.as_ref().map_or(Subject::UnknownAccount, |account| {
            Subject::User(account.user.id)
        });
        let Some((account, verified)) = account
            .filter(|_| right)
            .and_then(|account| account.password.clone().map(|hash| (account, hash)))
        else {
            self.note_failure(subject, context).await?;
            return Err(SignInError::Rejected);
        };
        self.rate_limits.forgive_account(email).await?;
        if !account.user.is_active() {
            self.note_failure(subject, context).await?;
            return Err(SignInError::Suspended);
        }
        let signed_in = self.mint(account.user.id, client, context)?;
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
            )?,
            session: signed_in.session.clone(),
        };
        match self.store.start_session(change).await? {
            StartSessionOutcome::Started => Ok(signed_in),
            StartSessionOutcome::Rejected => Err(SignInError::Rejected),
        }
    }

    /// A new session with its secret, not yet in any store.
    pub(crate) fn mint(
        &self,
        user: UserId,
        client: ClientName,
        context: &RequestContext,
    ) -> Result<SignedIn, EntropyError> {
        let now = self.clock.now();
        Ok(SignedIn {
            session: Session {
                id: SessionId::generate(now, &*self.entropy)?,
                user,
                created_at: now,
                last_seen_at: now,
                client,
                client_address: context.client_address,
            },
            secret: OpaqueSecret::generate(&*self.entropy)?,
        })
    }

    /// Audits a failure, for an unknown account as for a known one: another write, or none, would
    /// tell by its time which accounts exist. Of one network address, a few are recorded.
    async fn note_failure(
        &self,
        subject: Subject,
        context: &RequestContext,
    ) -> Result<(), SignInError> {
        let (address, now) = (context.client_address, self.clock.now());
        let recorded = self.rate_limits.failed_sign_in(address, now).await?;
        let (each, last) = (
            AuditAction::SignInRejected,
            AuditAction::SignInRejectedRepeatedly,
        );
        if let Some(action) = recorded.action(each, last) {
            let event = self.event(AuditActor::Anonymous, action, subject, context)?;
            self.audit.append(event).await?;
        }
        Ok(())
    }
}
