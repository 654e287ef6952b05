use crate::audit::{AuditActor, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::entropy::EntropyError;
use crate::opaque::OpaqueSecret;
use crate::session::{
    ClientName, Session, SessionAction, SessionId, SignInError, SignedIn, StartSession,
    StartSessionOutcome,
};
use crate::user::{Email, Password, UserId};

use super::Sessions;

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
                signed_in.actor(),
                SessionAction::SIGNED_IN,
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
            SessionAction::SIGN_IN_REJECTED,
            SessionAction::SIGN_IN_REJECTED_REPEATEDLY,
        );
        if let Some(action) = recorded.action(each, last) {
            let event = self.event(AuditActor::Anonymous, action, subject, context, now)?;
            self.ports.audit.append(event).await?;
        }
        Ok(())
    }
}
