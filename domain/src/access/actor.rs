use std::sync::Arc;

use crate::clock::Timestamp;
use crate::credential::{Owner, Rejection, SessionRecord, TokenRecord};
use crate::form::SentForm;
use crate::id::{FormId, Subject, UserId};

use super::{CredentialId, Denial, Principal, Requirement};

/// The acting credential of a change. The store checks it again inside the transaction of the
/// change, so that a request verified before a revocation cannot write after it.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The credential that was verified.
    pub credential: CredentialId,
    /// What the change requires of it.
    pub requirement: Requirement,
    /// The time of the request.
    pub now: Timestamp,
    /// The form with which the change was submitted, which the store records in the same
    /// transaction; `None` when there was none.
    pub form: Option<SentForm>,
}

/// The record of the acting credential, read again inside the transaction.
#[derive(Debug, Clone)]
pub enum ActingRecord {
    /// A token and its owner.
    Token(Arc<TokenRecord>),
    /// A browser session and its user.
    Session(Arc<SessionRecord>),
    /// An owner that the embedding service authenticated.
    External(Owner),
    /// That of an owner without an account, for a change that stores which user made it.
    WithoutAccount(Box<Self>),
    /// [`Actor::form`] was used before, by any credential, and created this.
    FormUsed(Subject),
}

/// The acting credential was invalidated between its verification and the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActorError {
    /// The token is no longer accepted.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The browser session has ended.
    #[error("the browser session has ended")]
    SessionEnded,
    /// The credential is accepted, but no longer permitted to make this change.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The form was already used.
    #[error("this form was already submitted and created {0}")]
    FormUsed(Subject),
}

impl From<TokenRecord> for ActingRecord {
    fn from(record: TokenRecord) -> Self {
        Self::Token(Arc::new(record))
    }
}

impl From<SessionRecord> for ActingRecord {
    fn from(record: SessionRecord) -> Self {
        Self::Session(Arc::new(record))
    }
}

impl ActingRecord {
    /// Returns the credential's user; `None` for [`FormUsed`](Self::FormUsed).
    #[must_use]
    pub fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Token(record) => Some(&record.owner),
            Self::Session(record) => Some(&record.owner),
            Self::External(owner) => Some(owner),
            Self::WithoutAccount(record) => record.owner(),
            Self::FormUsed(_) => None,
        }
    }

    /// Returns the record for a change that stores which user made it, such as an invite's creator.
    /// Such a change is denied to an owner without an account, since it refers to a user.
    #[must_use]
    pub fn as_author(self, has_account: bool) -> Self {
        if has_account {
            self
        } else {
            Self::WithoutAccount(Box::new(self))
        }
    }

    fn principal(&self, now: Timestamp) -> Result<Principal, ActorError> {
        match self {
            Self::Token(record) => Ok(record.clone().authenticate(now)?),
            Self::Session(record) => record
                .clone()
                .authenticate(now)
                .ok_or(ActorError::SessionEnded),
            Self::External(owner) => Ok(owner.clone().authenticate()?),
            Self::WithoutAccount(record) => {
                record.principal(now)?;
                Err(Denial::AccountRequired.into())
            }
            Self::FormUsed(created) => Err(ActorError::FormUsed(*created)),
        }
    }
}

impl Actor {
    /// Returns the operator at `now`, who may make every change: no credential is checked.
    pub(crate) const fn operator(now: Timestamp) -> Self {
        Self {
            credential: CredentialId::Operator,
            requirement: Requirement::HUMAN_ADMIN,
            now,
            form: None,
        }
    }

    pub(crate) fn of(principal: &Principal, requirement: Requirement, now: Timestamp) -> Self {
        Self {
            credential: principal.credential_id(),
            requirement,
            now,
            form: None,
        }
    }

    /// Sets the form with which the user submitted the change that creates `created`.
    pub(crate) fn with_form(self, form: Option<FormId>, by: UserId, created: Subject) -> Self {
        Self {
            form: form.map(|form| SentForm::new(form, by, created)),
            ..self
        }
    }

    /// Checks that the acting credential may make the change, given its record as read in the same
    /// transaction (`None` if it no longer exists).
    ///
    /// # Errors
    ///
    /// [`ActorError`]; the store must then write nothing and return it.
    pub fn check(&self, current: Option<&ActingRecord>) -> Result<(), ActorError> {
        let gone = match self.credential {
            CredentialId::Operator => return Ok(()),
            CredentialId::Token(_) | CredentialId::External(_) => {
                ActorError::Rejected(Rejection::Unknown)
            }
            CredentialId::Session(_) => ActorError::SessionEnded,
        };
        let principal = current.ok_or(gone)?.principal(self.now)?;
        if principal.credential_id() != self.credential {
            return Err(gone);
        }
        Ok(principal.authorize(self.requirement)?)
    }
}
