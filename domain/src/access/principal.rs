use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::credential::{
    AgentRun, Owner, Rejection, Role, Scope, Session, SessionRecord, Token, TokenRecord,
};
use crate::digest::Digest;
use crate::id::{SessionId, TokenId, TokenKind, UserId, WorkItemKey};

use super::{Denial, Requirement};

/// The authenticated caller of a request. Created only by
/// [`Tokens::verify`](crate::token::Tokens::verify),
/// [`Tokens::on_behalf_of`](crate::token::Tokens::on_behalf_of),
/// [`Sessions::verify`](crate::session::Sessions::verify), and by a verifier that asks another
/// server.
#[derive(Debug, Clone)]
pub struct Principal {
    credential: Credential,
}

/// The verified credential and its owner at the time of verification. Reference-counted, so that a
/// principal is cheap to clone.
#[derive(Debug, Clone)]
enum Credential {
    Token(Arc<TokenRecord>),
    Session(Arc<SessionRecord>),
    Remote(Arc<RemoteToken>),
    External(Arc<Owner>),
}

/// A token that the server which issued it accepts, as that server describes it to another service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteToken {
    /// The token's id.
    pub id: TokenId,
    /// Its owner: active, with the role that the effective scope requires.
    pub owner: Owner,
    /// The token's scope, limited to what the owner's role currently allows.
    pub effective_scope: Scope,
    /// When it expires; `None` means never.
    pub expires_at: Option<Timestamp>,
}

impl RemoteToken {
    /// Describes a token by what the server told about it.
    #[must_use]
    pub const fn new(
        id: TokenId,
        owner: UserId,
        effective_scope: Scope,
        expires_at: Option<Timestamp>,
    ) -> Self {
        Self {
            id,
            owner: Owner::new(
                owner,
                match effective_scope {
                    Scope::Admin => Role::Admin,
                    Scope::ReadWrite => Role::Member,
                },
            ),
            effective_scope,
            expires_at,
        }
    }
}

/// The id of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialId {
    /// A token.
    Token(TokenId),
    /// A browser session.
    Session(SessionId),
    /// The embedding service, which authenticated this user itself.
    External(UserId),
    /// The operator, who has the database itself. No request acts as the operator.
    Operator,
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(id) => fmt::Display::fmt(id, f),
            Self::Session(id) => fmt::Display::fmt(id, f),
            Self::External(user) => fmt::Display::fmt(user, f),
            Self::Operator => f.write_str("operator"),
        }
    }
}

impl Credential {
    fn id(&self) -> CredentialId {
        match self {
            Self::Token(record) => CredentialId::Token(record.token.id),
            Self::Session(record) => CredentialId::Session(record.session.id),
            Self::Remote(token) => CredentialId::Token(token.id),
            Self::External(owner) => CredentialId::External(owner.id),
        }
    }

    fn owner(&self) -> &Owner {
        match self {
            Self::Token(record) => &record.owner,
            Self::Session(record) => &record.owner,
            Self::Remote(token) => &token.owner,
            Self::External(owner) => owner,
        }
    }

    /// Returns the kind of token; a browser session and an external credential act as a personal
    /// one.
    fn kind(&self) -> TokenKind {
        match self {
            Self::Token(record) => record.token.kind(),
            Self::Session(_) | Self::External(_) => TokenKind::Personal,
            Self::Remote(token) => token.id.kind(),
        }
    }

    /// Returns the lesser of the token's scope and the highest scope of the owner's role. Only
    /// tokens have a scope of their own.
    fn effective_scope(&self) -> Scope {
        let allowed = self.owner().role.highest_scope();
        match self {
            Self::Token(record) => record.token.scope.min(allowed),
            Self::Session(_) | Self::External(_) => allowed,
            Self::Remote(token) => token.effective_scope,
        }
    }
}

impl TokenRecord {
    /// Returns the principal that the token authenticates at `now`.
    ///
    /// # Errors
    ///
    /// [`Rejection`] when the token is not accepted.
    pub(crate) fn authenticate(self: Arc<Self>, now: Timestamp) -> Result<Principal, Rejection> {
        match self.rejection(now) {
            Some(rejection) => Err(rejection),
            None => Ok(Principal {
                credential: Credential::Token(self),
            }),
        }
    }
}

impl SessionRecord {
    /// Returns the principal that the session authenticates at `now`, or `None` when it has expired
    /// or its user is suspended.
    pub(crate) fn authenticate(self: Arc<Self>, now: Timestamp) -> Option<Principal> {
        let good = !self.session.is_over(now) && self.owner.active;
        good.then_some(Principal {
            credential: Credential::Session(self),
        })
    }
}

impl Owner {
    /// Returns the principal of an owner that the embedding service has authenticated.
    ///
    /// # Errors
    ///
    /// [`Rejection::OwnerSuspended`] when the owner is not active.
    pub(crate) fn authenticate(self) -> Result<Principal, Rejection> {
        if !self.active {
            return Err(Rejection::OwnerSuspended);
        }
        Ok(Principal {
            credential: Credential::External(Arc::new(self)),
        })
    }
}

impl Principal {
    /// Returns the principal of a token that another server has just accepted. A change that it
    /// makes through use cases of this process is rejected, unless the token is in their store.
    #[must_use]
    pub fn of_remote(token: RemoteToken) -> Self {
        Self {
            credential: Credential::Remote(Arc::new(token)),
        }
    }

    /// Returns the id of the token it acts with; `None` for any other credential.
    #[must_use]
    pub fn token_id(&self) -> Option<TokenId> {
        match self.credential.id() {
            CredentialId::Token(id) => Some(id),
            CredentialId::Session(_) | CredentialId::External(_) | CredentialId::Operator => None,
        }
    }

    /// Returns when its token expires; `None` if never, and for any other credential.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match &self.credential {
            Credential::Token(record) => record.token.expires_at,
            Credential::Remote(token) => token.expires_at,
            Credential::Session(_) | Credential::External(_) => None,
        }
    }

    /// Returns the id of the user it acts as.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.owner().id
    }

    /// Returns the id of the credential it acts with.
    #[must_use]
    pub fn credential_id(&self) -> CredentialId {
        self.credential.id()
    }

    /// Returns the token it acts with; `None` for a token that another server verified, and for
    /// any other credential.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        match &self.credential {
            Credential::Token(record) => Some(&record.token),
            Credential::Session(_) | Credential::Remote(_) | Credential::External(_) => None,
        }
    }

    /// Returns the digest of the token; `None` for any other credential.
    pub(crate) fn token_digest(&self) -> Option<Digest> {
        match &self.credential {
            Credential::Token(record) => Some(record.digest),
            Credential::Session(_) | Credential::Remote(_) | Credential::External(_) => None,
        }
    }

    /// Returns the digest of the browser session; `None` for any other credential.
    pub(crate) fn session_digest(&self) -> Option<Digest> {
        match &self.credential {
            Credential::Token(_) | Credential::Remote(_) | Credential::External(_) => None,
            Credential::Session(record) => Some(record.digest),
        }
    }

    /// Returns the agent run it acts for; `None` for a human's credential.
    #[must_use]
    pub fn run(&self) -> Option<&AgentRun> {
        self.token().and_then(|token| token.run.as_ref())
    }

    /// Checks that this principal may change the given work item; `None` stands for a new item. A
    /// run that is bound to a work item may change only that item. The binding never changes, so it
    /// is not checked again inside the transaction.
    ///
    /// # Errors
    ///
    /// [`Denial::BoundToWorkItem`] when the run is bound to another item.
    pub fn authorize_work_item_change(&self, item: Option<WorkItemKey>) -> Result<(), Denial> {
        match self.run().and_then(|run| run.work_item) {
            Some(bound_to) if item != Some(bound_to) => Err(Denial::BoundToWorkItem { bound_to }),
            _ => Ok(()),
        }
    }

    /// Returns the browser session it acts with; `None` for any other credential.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match &self.credential {
            Credential::Token(_) | Credential::Remote(_) | Credential::External(_) => None,
            Credential::Session(record) => Some(&record.session),
        }
    }

    /// Returns what the principal may currently do: for a token, the lesser of its scope and the
    /// highest scope of the owner's role; for any other credential, the latter.
    #[must_use]
    pub fn effective_scope(&self) -> Scope {
        self.credential.effective_scope()
    }

    /// Returns the owner as of the verification of the credential.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        self.credential.owner()
    }

    /// Checks that this principal meets `requirement`.
    ///
    /// # Errors
    ///
    /// [`Denial`]; over HTTP a 403 (RFC 6750 §3.1 `insufficient_scope`).
    pub fn authorize(&self, requirement: Requirement) -> Result<(), Denial> {
        let kind = self.credential.kind();
        if requirement.kind.is_some_and(|required| required != kind) {
            return Err(match kind {
                TokenKind::AgentRun => Denial::HumanTokenRequired,
                TokenKind::Personal => Denial::AgentRunTokenRequired,
            });
        }
        if !self.effective_scope().contains(requirement.scope) {
            return Err(Denial::InsufficientScope {
                required: requirement.scope,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Role;
    use crate::testing::fixtures;

    fn principal(kind: TokenKind, scope: Scope, role: Role) -> Principal {
        let mut token = fixtures::token(1, fixtures::NOW);
        token.id = TokenId::new(kind, token.id.uuid());
        token.scope = scope;
        let mut owner = fixtures::owner(1);
        owner.role = role;
        let digest = fixtures::digest(1);
        let record = TokenRecord {
            token,
            digest,
            owner,
        };
        Principal {
            credential: Credential::Token(Arc::new(record)),
        }
    }

    #[test]
    fn the_effective_scope_is_the_lesser_of_token_and_role() {
        use Scope::{Admin, ReadWrite};
        for (scope, role, effective) in [
            (ReadWrite, Role::Member, ReadWrite),
            (ReadWrite, Role::Admin, ReadWrite),
            (Admin, Role::Member, ReadWrite),
            (Admin, Role::Admin, Admin),
        ] {
            let principal = principal(TokenKind::Personal, scope, role);
            assert_eq!(principal.effective_scope(), effective);
        }
    }

    #[test]
    fn an_agent_run_is_denied_where_a_human_is_required() {
        let run = principal(TokenKind::AgentRun, Scope::Admin, Role::Admin);
        assert_eq!(run.authorize(Requirement::ANY_TOKEN), Ok(()));
        for requirement in [Requirement::HUMAN, Requirement::HUMAN_ADMIN] {
            assert_eq!(run.authorize(requirement), Err(Denial::HumanTokenRequired));
        }
    }

    #[test]
    fn a_browser_session_has_the_permissions_of_its_user() {
        for role in Role::ALL {
            let mut owner = fixtures::owner(1);
            owner.role = role;
            let record = SessionRecord {
                session: fixtures::session(1),
                digest: fixtures::digest(1),
                owner,
            };
            let principal = Principal {
                credential: Credential::Session(Arc::new(record)),
            };
            assert_eq!(principal.effective_scope(), role.highest_scope());
            assert_eq!(principal.authorize(Requirement::HUMAN), Ok(()));
        }
    }

    #[test]
    fn administration_requires_the_effective_scope_admin() {
        let denied = Err(Denial::InsufficientScope {
            required: Scope::Admin,
        });
        for (scope, role, result) in [
            (Scope::Admin, Role::Admin, Ok(())),
            (Scope::Admin, Role::Member, denied),
            (Scope::ReadWrite, Role::Admin, denied),
        ] {
            let principal = principal(TokenKind::Personal, scope, role);
            assert_eq!(principal.authorize(Requirement::HUMAN_ADMIN), result);
            assert_eq!(principal.authorize(Requirement::HUMAN), Ok(()));
        }
    }
}
