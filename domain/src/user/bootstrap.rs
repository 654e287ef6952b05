use crate::audit::{AuditActor, AuditEvent, RequestContext, Subject};
use crate::entropy::EntropyError;
use crate::store::StoreError;
use crate::token::{Expiry, NewToken, Scope, SecretPrefixes, TokenName, TokenWithSecret};
use crate::user::InstanceAction;

use super::{
    CreateFirstAdmin, CreateFirstAdminOutcome, Email, PersonName, Role, User, UserId, Users,
};

/// The first administrator and their first token.
#[derive(Debug)]
#[non_exhaustive]
pub struct Bootstrapped {
    /// The administrator.
    pub user: User,
    /// The administrator's token, with the scope `admin`, and its secret.
    pub issued: TokenWithSecret,
}

/// Why a bootstrap failed.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// There are users already, who can invite others.
    #[error("the instance already has users")]
    InstanceHasUsers,
    /// No secret could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Users {
    /// Creates the first administrator with an `admin` token without expiry, on an instance that
    /// has no users. For the operator's shell: any caller controls the instance.
    ///
    /// # Errors
    ///
    /// [`BootstrapError::InstanceHasUsers`] when there are users; of concurrent calls, exactly one
    /// succeeds. [`BootstrapError::Entropy`] and [`BootstrapError::Store`] when a port fails.
    pub async fn bootstrap(
        &self,
        email: Email,
        name: PersonName,
        token_name: TokenName,
    ) -> Result<Bootstrapped, BootstrapError> {
        let now = self.clock.now();
        let entropy = &*self.entropy;
        let user = User {
            id: UserId::generate(now, entropy)?,
            email,
            name,
            role: Role::Admin,
            created_at: now,
            suspended_at: None,
        };
        let never = Expiry::Never;
        let wanted = NewToken::new(token_name, Scope::Admin, never);
        let prefixes = SecretPrefixes::DEFAULT;
        let issued = TokenWithSecret::mint(user.id, wanted, never, now, None, prefixes, entropy)?;
        let mut audit = AuditEvent::new(
            AuditActor::Operator,
            InstanceAction::BOOTSTRAPPED,
            Subject::User(user.id),
            &RequestContext::default(),
            now,
            entropy,
        )?;
        audit.related = Some(Subject::Token(issued.token.id));
        let change = CreateFirstAdmin {
            user: user.clone(),
            token: issued.token.clone(),
            digest: issued.secret.digest(),
            audit,
        };
        match self.store.create_first_admin(change).await? {
            CreateFirstAdminOutcome::Created => Ok(Bootstrapped { user, issued }),
            CreateFirstAdminOutcome::InstanceHasUsers => Err(BootstrapError::InstanceHasUsers),
        }
    }
}
