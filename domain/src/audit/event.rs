use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::agent_run::WorkItemKey;
use crate::clock::Timestamp;
use crate::entropy::{Entropy, EntropyError};
use crate::form::FormId;
use crate::id::{InvalidId, derived, prefixed_id};
use crate::invite::InviteId;
use crate::session::SessionId;
use crate::token::TokenId;
use crate::user::{Email, UserId};

prefixed_id! {
    /// The id of an audit event: `evt_` and a UUID.
    AuditEventId, "evt_"
}

impl AuditEventId {
    /// The id of the event about one of several things that one change did: the same for the same
    /// two ids, and another for any others. A store that finds out inside its transaction how many
    /// events there are makes their ids without entropy of its own.
    #[must_use]
    pub fn derive(self, of: Uuid) -> Self {
        Self::from_uuid(derived(self.uuid(), &[of.as_bytes()]))
    }
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
    /// What they did.
    pub action: AuditAction,
    /// To what.
    pub subject: Subject,
    /// What else came of it: the successor of a rotated token, the user who claimed an invite.
    pub related: Option<Subject>,
    /// The former and the new address, of [`AuditAction::UserEmailChanged`] alone.
    pub email_change: Option<EmailChange>,
    /// The request in which it happened.
    pub context: RequestContext,
}

/// An entry of the trail as it is stored, where it is none that this version writes: an action of a
/// newer version, for one. It is shown as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawEvent {
    /// Its id.
    pub id: String,
    /// Its time.
    pub at: String,
    /// The kind of its actor.
    pub actor: String,
    /// The actor's user.
    pub actor_user: Option<String>,
    /// The token or session that the actor used.
    pub actor_credential: Option<String>,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else came of it.
    pub related: Option<String>,
    /// Names the request.
    pub request_id: Option<String>,
    /// Where the request came from.
    pub client_address: Option<String>,
}

/// What a user's address was, and what it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailChange {
    /// The former address.
    pub from: Email,
    /// The new one.
    pub to: Email,
}

impl AuditEvent {
    /// Returns whether the user did this, or it was done to them.
    #[must_use]
    pub fn involves(&self, user: UserId) -> bool {
        let is_user = |subject| subject == Subject::User(user);
        self.actor.user() == Some(user)
            || is_user(self.subject)
            || self.related.is_some_and(is_user)
    }

    /// Leaves out what is not for this user, whom the event concerns: in which request another user
    /// acted, and from where. Nor is it told of the reporter of a leaked token, so that nothing keeps
    /// one from reporting. Of a sign-in that failed it is told, for the user to judge it.
    pub(crate) fn keep_for(&mut self, user: UserId) {
        let is_told = match self.actor.user() {
            Some(actor) => actor == user,
            None => self.action != AuditAction::TokenReportedLeaked,
        };
        if !is_told {
            self.context = RequestContext::default();
        }
    }

    /// The event that goes with a change at `now`.
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
    /// A user, through a token.
    Token {
        /// The user.
        user: UserId,
        /// The token that the request carried.
        token: TokenId,
    },
    /// A user, through a browser session.
    Session {
        /// The user.
        user: UserId,
        /// The session.
        session: SessionId,
    },
    /// Whoever has a shell on the server.
    Operator,
    /// Somebody who showed no credential, or a wrong one.
    Anonymous,
}

impl AuditActor {
    /// The user, where it is one.
    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::Token { user, .. } | Self::Session { user, .. } => Some(user),
            Self::Operator | Self::Anonymous => None,
        }
    }

    /// The name of its kind in stores and on the wire.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::Session { .. } => "session",
            Self::Operator => "operator",
            Self::Anonymous => "anonymous",
        }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AuditAction {
            $($(#[$doc])* $name,)+
        }

        impl AuditAction {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in stores and on the wire, as in `token.created`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

actions! {
    /// The first administrator and their first token were created. Subject: the user; related: the
    /// token.
    InstanceBootstrapped = "instance.bootstrapped",
    /// A token was issued.
    TokenCreated = "token.created",
    /// A token was replaced. Related: its successor.
    TokenRotated = "token.rotated",
    /// A token was revoked.
    TokenRevoked = "token.revoked",
    /// A token was reported as leaked and revoked.
    TokenReportedLeaked = "token.reported_leaked",
    /// An agent run began. Subject: its token; related: the work item that it is bound to.
    AgentRunStarted = "agent_run.started",
    /// An agent run was ended. Related: what it ended with, when it did not by itself.
    AgentRunEnded = "agent_run.ended",
    /// A work item came into being.
    WorkItemCreated = "work_item.created",
    /// A work item was changed.
    WorkItemUpdated = "work_item.updated",
    /// Somebody took a work item on.
    WorkItemClaimed = "work_item.claimed",
    /// A work item was given back.
    WorkItemReleased = "work_item.released",
    /// A work item was done.
    WorkItemCompleted = "work_item.completed",
    /// A work item was deleted.
    WorkItemDeleted = "work_item.deleted",
    /// Somebody was invited. Subject: the invite; related: the open one that it replaced.
    InviteCreated = "invite.created",
    /// An invite was withdrawn.
    InviteWithdrawn = "invite.withdrawn",
    /// An invite was claimed. Related: the new user.
    InviteClaimed = "invite.claimed",
    /// A user dismissed what they were told of leaked tokens.
    NoticesDismissed = "notices.dismissed",
    /// A user was suspended; their sessions ended and their sign-in links are void.
    UserSuspended = "user.suspended",
    /// A user is active again.
    UserUnsuspended = "user.unsuspended",
    /// A user was deleted, with everything of theirs. Their id stays in the trail.
    UserDeleted = "user.deleted",
    /// A user was given another address; the event holds both.
    UserEmailChanged = "user.email_changed",
    /// A user changed their name.
    UserNameChanged = "user.name_changed",
    /// A user became an administrator.
    UserPromoted = "user.promoted",
    /// A user ceased to be an administrator.
    UserDemoted = "user.demoted",
    /// A user changed their password; their other sessions ended.
    PasswordChanged = "password.changed",
    /// A one-time sign-in link was made for a user.
    SignInLinkCreated = "sign_in_link.created",
    /// A one-time sign-in link was used: a new password, and all earlier sessions ended.
    SignInLinkUsed = "sign_in_link.used",
    /// A user signed in.
    SignedIn = "session.started",
    /// A wrong password was given for a user, or a right one for a suspended user, or any for an
    /// unknown account.
    SignInRejected = "sign_in.rejected",
    /// The same for the tenth time from one network address within 15 minutes; further ones are not
    /// recorded until those are over.
    SignInRejectedRepeatedly = "sign_in.rejected_repeatedly",
    /// A session was ended by its user. Subject: the session.
    SignedOut = "session.ended",
    /// Several of a user's sessions were ended by them.
    SessionsEnded = "sessions.ended",
    /// A route of the administration was denied to a user.
    AdminDenied = "admin.denied",
    /// The same for the tenth time to one user within 15 minutes; further ones are not recorded until
    /// those are over.
    AdminDeniedRepeatedly = "admin.denied_repeatedly",
}

impl AuditAction {
    /// What ends a token or an agent run, as its subject.
    pub const ENDINGS: &'static [Self] = &[
        Self::TokenRotated,
        Self::TokenRevoked,
        Self::TokenReportedLeaked,
        Self::AgentRunEnded,
    ];

    /// Reads what [`AuditAction::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.as_str() == text)
    }
}

/// What an event is about, as an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A user.
    User(UserId),
    /// A token.
    Token(TokenId),
    /// A browser session.
    Session(SessionId),
    /// An invite.
    Invite(InviteId),
    /// A work item.
    WorkItem(WorkItemKey),
    /// An account that does not exist. Which address was given is not told: a password may have been
    /// typed there.
    UnknownAccount,
}

impl Subject {
    const UNKNOWN_ACCOUNT: &'static str = "unknown";

    /// What tells it from others of its type, for [`AuditEventId::derive`]. Work items and unknown
    /// accounts have no UUID, and no event is derived of one.
    pub(crate) fn uuid(self) -> Uuid {
        match self {
            Self::User(id) => id.uuid(),
            Self::Token(id) => id.uuid(),
            Self::Session(id) => id.uuid(),
            Self::Invite(id) => id.uuid(),
            Self::WorkItem(_) | Self::UnknownAccount => Uuid::nil(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => fmt::Display::fmt(id, f),
            Self::Token(id) => fmt::Display::fmt(id, f),
            Self::Session(id) => fmt::Display::fmt(id, f),
            Self::Invite(id) => fmt::Display::fmt(id, f),
            Self::WorkItem(key) => fmt::Display::fmt(key, f),
            Self::UnknownAccount => f.write_str(Self::UNKNOWN_ACCOUNT),
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text == Self::UNKNOWN_ACCOUNT {
            return Ok(Self::UnknownAccount);
        }
        text.parse()
            .map(Self::User)
            .or_else(|_| text.parse().map(Self::Token))
            .or_else(|_| text.parse().map(Self::Session))
            .or_else(|_| text.parse().map(Self::Invite))
            .or_else(|InvalidId| text.parse().map(Self::WorkItem).map_err(|_| InvalidId))
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

    /// Returns the id that a client or proxy gave its request: a UUID in any spelling (RFC 9562 §4)
    /// or a trace id of 32 hexadecimal digits, as 32 lower-case digits. `None` for anything else: a
    /// password, token or cookie in the wrong header must reach neither log nor trail.
    #[must_use]
    pub fn of_client(text: &str) -> Option<Self> {
        let is_spelled = matches!(text.len(), 32 | 36);
        let uuid = Uuid::try_parse(text).ok().filter(|_| is_spelled)?;
        // Nil is what a client sends that has none (W3C Trace Context §3.2.2.3).
        (!uuid.is_nil()).then(|| Self(uuid.simple().to_string().into()))
    }

    /// Returns the trace id of a `traceparent` header (W3C Trace Context §3.2); `None` when it is
    /// malformed.
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
            // Version 00 has four parts; later ones may have more.
            && (version != "00" || parts.next().is_none())
            && is_lower_hex(trace, 32)
            && is_lower_hex(parent, 16)
            && parent.bytes().any(|b| b != b'0')
            && is_lower_hex(flags, 2);
        is_valid.then(|| Self::of_client(trace)).flatten()
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
    /// Where it came from.
    pub client_address: Option<IpAddr>,
    /// The form that it sent, where a page gave it one. It creates once; no trail holds it.
    pub form: Option<FormId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    #[test]
    fn every_action_and_subject_can_be_read_back() {
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.as_str()), Some(*action));
        }
        assert_eq!(AuditAction::parse("token"), None);
        let subjects = [
            Subject::User(fixtures::user(1).id),
            Subject::Token(fixtures::token(1, fixtures::NOW).id),
            Subject::Session(fixtures::session(1).id),
            Subject::Invite(fixtures::invite(1).id),
            Subject::WorkItem(fixtures::work_item(1).key),
            Subject::UnknownAccount,
        ];
        for subject in subjects {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        assert!("evt_x".parse::<Subject>().is_err());
    }

    #[test]
    fn a_client_names_its_request_by_a_uuid_or_a_trace_id_and_by_nothing_else() {
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
    fn a_trace_id_is_taken_from_a_valid_traceparent_alone() {
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
