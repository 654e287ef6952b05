use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use crate::access::{CredentialId, Principal};
use crate::clock::Timestamp;
use crate::email::Email;
use crate::entropy::{Entropy, EntropyError};
use crate::id::{AuditEventId, FormId, SessionId, Subject, TokenId, UserId, derived};

use super::AuditAction;

impl AuditEventId {
    /// Derives the id of one event of a change that records several, one per affected thing. Equal
    /// inputs yield equal ids, different inputs different ones. A store that finds out the number
    /// of events only inside its transaction needs no source of entropy for their ids.
    #[must_use]
    pub fn derive(self, of: Uuid) -> Self {
        Self::from_uuid(derived(self.uuid(), &[of.as_bytes()]))
    }
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// The event's id. A store rejects a second event with the same id, together with its change.
    pub id: AuditEventId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: AuditActor,
    /// What was done.
    pub action: AuditAction,
    /// What it was done to.
    pub subject: Subject,
    /// What else was involved, such as the successor of a rotated token or the user who claimed an
    /// invite; see [`AuditAction`].
    pub related: Option<Subject>,
    /// The old and new address; set only if a user's address was changed.
    pub email_change: Option<EmailChange>,
    /// The request that made the change.
    pub context: RequestContext,
}

/// The change of a user's email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailChange {
    /// The previous address.
    pub from: Email,
    /// The new address.
    pub to: Email,
}

impl AuditEvent {
    /// Returns the user who acted: the actor's user, or the related user of an action such as
    /// claiming an invite, who had no credential before. `None` for the operator and other
    /// anonymous clients.
    #[must_use]
    pub fn acting_user(&self) -> Option<UserId> {
        match (self.actor.user(), self.related) {
            (None, Some(Subject::User(user))) if self.action.is_by_related_user() => Some(user),
            (user, _) => user,
        }
    }

    /// Returns the event of one more thing that the recorded change affects.
    pub(crate) fn derived(&self, action: AuditAction, subject: Subject, related: Subject) -> Self {
        Self {
            id: self.id.derive(subject.uuid()),
            action,
            subject,
            related: Some(related),
            ..self.clone()
        }
    }

    /// Returns everything that the event mentions: the actor's user and credential, the subject and
    /// the related subject.
    pub fn mentions(&self) -> impl Iterator<Item = Subject> {
        let credential = match self.actor {
            AuditActor::Token { token, .. } => Some(Subject::Token(token)),
            AuditActor::Session { session, .. } => Some(Subject::Session(session)),
            AuditActor::External { .. } | AuditActor::Operator | AuditActor::Anonymous => None,
        };
        let actor = self.actor.user().map(Subject::User);
        let mentioned = [actor, credential, Some(self.subject), self.related];
        mentioned.into_iter().flatten()
    }

    /// Returns whether the user is the actor, the subject or the related user.
    #[must_use]
    pub fn involves(&self, user: UserId) -> bool {
        let is_user = |subject| subject == Subject::User(user);
        self.actor.user() == Some(user)
            || is_user(self.subject)
            || self.related.is_some_and(is_user)
    }

    /// Removes what `user`, whom the event concerns, must not see: another user's request id and
    /// client address, and the reporter of a leaked token, so that reporting has no drawbacks.
    /// Failed sign-ins are left intact, so that the user can judge them.
    pub(crate) fn redact_for(&mut self, user: UserId) {
        let is_shown_to = match self.actor.user() {
            Some(actor) => actor == user,
            None => !self.action.hides_anonymous(),
        };
        if !is_shown_to {
            self.context = RequestContext::default();
        }
    }

    /// Creates the event of a change made at `now`.
    pub(crate) fn new(
        actor: AuditActor,
        action: AuditAction,
        subject: Subject,
        context: &RequestContext,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, EntropyError> {
        Ok(Self {
            id: AuditEventId::generate(now, entropy)?,
            at: now,
            actor,
            action,
            subject,
            related: None,
            email_change: None,
            context: RequestContext {
                form: None,
                ..context.clone()
            },
        })
    }
}

/// Who made a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditActor {
    /// A user with a token.
    Token {
        /// The user.
        user: UserId,
        /// The token that authenticated the request.
        token: TokenId,
    },
    /// A user with a browser session.
    Session {
        /// The user.
        user: UserId,
        /// The session that authenticated the request.
        session: SessionId,
    },
    /// A user that the embedding service authenticated itself.
    External {
        /// The user.
        user: UserId,
    },
    /// The operator: anyone with a shell on the server, or the embedding service.
    Operator,
    /// A client that presented no credential, or an invalid one.
    Anonymous,
}

impl AuditActor {
    /// Returns the user; `None` for the operator and anonymous clients.
    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::Token { user, .. } | Self::Session { user, .. } | Self::External { user } => {
                Some(user)
            }
            Self::Operator | Self::Anonymous => None,
        }
    }

    /// Returns the name of the kind that stores and the API use.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::Session { .. } => "session",
            Self::External { .. } => "external",
            Self::Operator => "operator",
            Self::Anonymous => "anonymous",
        }
    }
}

impl Principal {
    /// Returns the actor that audit events record for this principal.
    pub(crate) fn audit_actor(&self) -> AuditActor {
        let user = self.user_id();
        match self.credential_id() {
            CredentialId::Token(token) => AuditActor::Token { user, token },
            CredentialId::Session(session) => AuditActor::Session { user, session },
            CredentialId::External(user) => AuditActor::External { user },
            CredentialId::Operator => AuditActor::Operator,
        }
    }
}

/// The id of a request in logs and audit events: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

/// The text is not a valid request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 visible ASCII characters")]
pub struct InvalidRequestId;

impl RequestId {
    /// Validates a request id.
    ///
    /// # Errors
    ///
    /// [`InvalidRequestId`] for invalid text, so that no log line can be forged through it.
    pub fn parse(text: &str) -> Result<Self, InvalidRequestId> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.into())).ok_or(InvalidRequestId)
    }

    /// Returns the request id that a client or proxy sent: a UUID in any spelling (RFC 9562 §4) or
    /// a trace id of 32 hexadecimal digits, normalized to 32 lower-case digits. `None` for anything
    /// else, so that a password, token or cookie in the wrong header reaches neither the logs nor
    /// the audit log.
    #[must_use]
    pub fn of_client(text: &str) -> Option<Self> {
        let is_spelled = matches!(text.len(), 32 | 36);
        let uuid = Uuid::try_parse(text).ok().filter(|_| is_spelled)?;
        // Clients without an id send the nil UUID (W3C Trace Context §3.2.2.3).
        (!uuid.is_nil()).then(|| Self(uuid.simple().to_string().into()))
    }

    /// Returns the trace id of a `traceparent` header (W3C Trace Context §3.2); `None` if the
    /// header is malformed.
    #[must_use]
    pub fn of_trace(traceparent: &str) -> Option<Self> {
        let is_lower_hex = |text: &str, length: usize| {
            text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let mut parts = traceparent.split('-');
        let (version, trace) = (parts.next()?, parts.next()?);
        let (parent, flags) = (parts.next()?, parts.next()?);
        let is_valid = is_lower_hex(version, 2)
            && version != "ff"
            // Version 00 has exactly four parts; later versions may have more.
            && (version != "00" || parts.next().is_none())
            && is_lower_hex(trace, 32)
            && is_lower_hex(parent, 16)
            && parent.bytes().any(|b| b != b'0')
            && is_lower_hex(flags, 2);
        is_valid.then(|| Self::of_client(trace)).flatten()
    }

    /// Returns the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The details of a request that an audit event records. Embedding services without requests pass
/// the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// The id of the request.
    pub request_id: Option<RequestId>,
    /// The client address of the request.
    pub client_address: Option<IpAddr>,
    /// The form that was submitted, if any. It can create something once, and is not part of the
    /// audit event.
    pub form: Option<FormId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_request_id_is_a_uuid_or_a_trace_id() {
        let canonical = "0af7651916cd43dd8448eb211c80319c";
        for text in [
            canonical,
            "0AF7651916CD43DD8448EB211C80319C",
            "0af76519-16cd-43dd-8448-eb211c80319c",
            "0AF76519-16CD-43DD-8448-EB211C80319C",
        ] {
            let id = RequestId::of_client(text).expect(text);
            assert_eq!(id.as_str(), canonical);
        }
        let secret = crate::OpaqueSecret::generate(&crate::testing::SeededEntropy::new(1));
        let secret = secret.expect("a secret");
        for text in [
            "",
            "req-7",
            "oi_pat_jZHvxRBv86",
            secret.expose(),
            &format!("session={}", secret.expose()),
            "00000000000000000000000000000000",
            "0af7651916cd43dd8448eb211c80319",
            "0af7651916cd43dd8448eb211c80319cc",
            "0af7651916cd43dd8448eb211c80319g",
            " 0af7651916cd43dd8448eb211c80319c",
            "{0af76519-16cd-43dd-8448-eb211c80319c}",
            "urn:uuid:0af76519-16cd-43dd-8448-eb211c80319c",
            "0af7-651916cd43dd8448eb211c80319c---",
            "0af7651916cd43dd8448eb211c80319c, 0af7651916cd43dd8448eb211c80319c",
        ] {
            assert_eq!(RequestId::of_client(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_trace_id_is_read_only_from_a_valid_traceparent() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        for valid in [
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more",
        ] {
            let id = RequestId::of_trace(valid).expect(valid);
            assert_eq!(id.as_str(), trace);
        }
        for text in [
            "",
            trace,
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-oi_pat_51916cd43dd8448eb211c8031-b7ad6b7169203331-01",
        ] {
            assert_eq!(RequestId::of_trace(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_request_id_cannot_forge_a_log_line() {
        assert!(RequestId::parse("0199f3a1-c6d0").is_ok());
        for text in ["", "a b", "a\nb", "é", &"x".repeat(129)] {
            assert_eq!(RequestId::parse(text), Err(InvalidRequestId), "{text:?}");
        }
    }
}
