use std::sync::Arc;

use crate::audit::Subject;
use crate::clock::Timestamp;
use crate::form::{FormId, SentForm};
use crate::session::SessionRecord;
use crate::token::{Rejection, TokenRecord};
use crate::user::{Owner, UserId};

use super::{CredentialId, Denial, Principal, Requirement};

/// The credential behind a change. A store asks it, inside the transaction of the change, whether
/// it is still good: a request that was verified before a revocation must not write after it.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The credential that the request was verified with.
    pub credential: CredentialId,
    /// What the change needs of it.
    pub requirement: Requirement,
    /// The time of the request.
    pub now: Timestamp,
    /// The form that the change was sent with, which is good once; `None` when there was none. A
    /// store records it in the transaction of the change.
    pub form: Option<SentForm>,
}

/// The acting credential's record, as a store reads it again inside a change.
#[derive(Debug, Clone)]
pub enum ActingRecord {
    /// A token with its owner.
    Token(Arc<TokenRecord>),
    /// A browser session with its user.
    Session(Arc<SessionRecord>),
    /// Whatever acts, [`Actor::form`] was used before, and created this.
    FormUsed(Subject),
}

/// The acting credential ceased to be good between its verification and the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActorError {
    /// The token is not accepted any more.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The browser session is over.
    #[error("the browser session is over")]
    SessionEnded,
    /// It is accepted, but may not do this any more.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The form was used before.
    #[error("this form was sent before, and created {0}")]
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
    /// Returns the user behind the credential; `None` where it was not read.
    #[must_use]
    pub fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Token(record) => Some(&record.owner),
            Self::Session(record) => Some(&record.owner),
            Self::FormUsed(_) => None,
        }
    }

    fn principal(&self, now: Timestamp) -> Result<Principal, ActorError> {
        match self {
            Self::Token(record) => Ok(record.clone().admit(now)?),
            Self::Session(record) => record.clone().admit(now).ok_or(ActorError::SessionEnded),
            Self::FormUsed(made) => Err(ActorError::FormUsed(*made)),
        }
    }
}

impl Actor {
    pub(crate) fn of(principal: &Principal, requirement: Requirement, now: Timestamp) -> Self {
        Self {
            credential: principal.credential_id(),
            requirement,
            now,
            form: None,
        }
    }

    /// The same, sent with this form to create `made`.
    pub(crate) fn with_form(self, form: Option<FormId>, by: UserId, made: Subject) -> Self {
        Self {
            form: form.map(|form| SentForm::new(form, by, made)),
            ..self
        }
    }

    /// Whether the acting credential may make the change, given its record as read in the same
    /// transaction (`None`: it is gone).
    ///
    /// # Errors
    ///
    /// [`ActorError`]; the store then writes nothing and answers with it.
    pub fn check(&self, current: Option<&ActingRecord>) -> Result<(), ActorError> {
        let gone = match self.credential {
            CredentialId::Token(_) => ActorError::Rejected(Rejection::Unknown),
            CredentialId::Session(_) => ActorError::SessionEnded,
        };
        let principal = current.ok_or(gone)?.principal(self.now)?;
        if principal.credential_id() != self.credential {
            return Err(gone);
        }
        Ok(principal.authorize(self.requirement)?)
    }
}
