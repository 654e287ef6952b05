use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::id::{InvalidId, prefixed_id};
use crate::token::TokenId;
use crate::user::UserId;

prefixed_id! {
    /// The id of an audit event: `evt_` and a UUID.
    AuditEventId, "evt_"
}

/// One entry of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Names the entry. A store refuses a second one with the same id, and with it the change.
    pub id: AuditEventId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: AuditActor,
    /// What they did, and to what.
    pub action: AuditAction,
    /// The request in which it happened, if there was one.
    pub request_id: Option<RequestId>,
}

/// Who made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditActor {
    /// A user, through a token.
    Token {
        /// The user.
        user: UserId,
        /// The token that the request carried.
        token: TokenId,
    },
    /// Whoever has a shell on the server.
    Operator,
}

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// The first administrator and their first token were created.
    InstanceBootstrapped {
        /// The administrator.
        user: UserId,
        /// Their token.
        token: TokenId,
    },
    /// A token was issued.
    TokenIssued {
        /// The new token.
        token: TokenId,
    },
    /// A token was replaced by its successor.
    TokenRotated {
        /// The token that was replaced.
        token: TokenId,
        /// The new token.
        successor: TokenId,
    },
    /// A token was revoked.
    TokenRevoked {
        /// The token.
        token: TokenId,
    },
}

/// What an event is about, as an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A user.
    User(UserId),
    /// A token.
    Token(TokenId),
}

impl AuditAction {
    /// The name in stores and on the wire, as in `token.issued`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InstanceBootstrapped { .. } => "instance.bootstrapped",
            Self::TokenIssued { .. } => "token.issued",
            Self::TokenRotated { .. } => "token.rotated",
            Self::TokenRevoked { .. } => "token.revoked",
        }
    }

    /// What was changed.
    #[must_use]
    pub const fn subject(self) -> Subject {
        match self {
            Self::InstanceBootstrapped { user, .. } => Subject::User(user),
            Self::TokenIssued { token }
            | Self::TokenRotated { token, .. }
            | Self::TokenRevoked { token } => Subject::Token(token),
        }
    }

    /// What else came of it.
    #[must_use]
    pub const fn related(self) -> Option<Subject> {
        match self {
            Self::InstanceBootstrapped { token, .. } => Some(Subject::Token(token)),
            Self::TokenRotated { successor, .. } => Some(Subject::Token(successor)),
            Self::TokenIssued { .. } | Self::TokenRevoked { .. } => None,
        }
    }

    /// Puts an action together again from what a store kept of it; `None` when the parts do not
    /// belong together.
    #[must_use]
    pub fn from_parts(name: &str, subject: Subject, related: Option<Subject>) -> Option<Self> {
        match (name, subject, related) {
            ("instance.bootstrapped", Subject::User(user), Some(Subject::Token(token))) => {
                Some(Self::InstanceBootstrapped { user, token })
            }
            ("token.issued", Subject::Token(token), None) => Some(Self::TokenIssued { token }),
            ("token.rotated", Subject::Token(token), Some(Subject::Token(successor))) => {
                Some(Self::TokenRotated { token, successor })
            }
            ("token.revoked", Subject::Token(token), None) => Some(Self::TokenRevoked { token }),
            _ => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => fmt::Display::fmt(id, f),
            Self::Token(id) => fmt::Display::fmt(id, f),
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse()
            .map(Self::User)
            .or_else(|_| text.parse().map(Self::Token))
    }
}

/// Names one request through logs and trail: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

/// The text cannot be a request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a request id has 1 to 128 visible ASCII characters")]
pub struct InvalidRequestId;

impl RequestId {
    /// Checks a request id.
    ///
    /// # Errors
    ///
    /// [`InvalidRequestId`], so that no log line can be forged through it.
    pub fn parse(text: &str) -> Result<Self, InvalidRequestId> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.into())).ok_or(InvalidRequestId)
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the trail should know of the request behind a change. An embedding service without
/// requests passes the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// Names the request.
    pub request_id: Option<RequestId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    #[test]
    fn every_action_survives_being_taken_apart() {
        let user = fixtures::user(1).id;
        let (token, successor) = (
            fixtures::token(1, fixtures::NOW).id,
            fixtures::token(2, fixtures::NOW).id,
        );
        for action in [
            AuditAction::InstanceBootstrapped { user, token },
            AuditAction::TokenIssued { token },
            AuditAction::TokenRotated { token, successor },
            AuditAction::TokenRevoked { token },
        ] {
            let subject = action.subject().to_string().parse().unwrap();
            let related = action.related().map(|id| id.to_string().parse().unwrap());
            assert_eq!(
                AuditAction::from_parts(action.name(), subject, related),
                Some(action)
            );
        }
        assert_eq!(
            AuditAction::from_parts("token.issued", Subject::User(user), None),
            None
        );
    }

    #[test]
    fn a_request_id_cannot_forge_a_log_line() {
        assert!(RequestId::parse("0199f3a1-c6d0").is_ok());
        for text in ["", "a b", "a\nb", "é", &"x".repeat(129)] {
            assert_eq!(RequestId::parse(text), Err(InvalidRequestId), "{text:?}");
        }
    }
}
