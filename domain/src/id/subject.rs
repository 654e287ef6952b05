use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::{InvalidId, InviteId, SessionId, TokenId, UserId, WorkItemKey};

/// What an audit event is about or a form creates, as an id.
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
    /// An account that does not exist. The entered address is not recorded, because it may be a
    /// password typed into the wrong field.
    UnknownAccount,
}

impl Subject {
    const UNKNOWN_ACCOUNT: &'static str = "unknown";

    /// Returns the UUID that identifies the subject among others of its type, for
    /// [`AuditEventId::derive`](super::AuditEventId::derive). Work items and unknown accounts have
    /// none, and no ids are derived for them.
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

impl From<WorkItemKey> for Subject {
    fn from(key: WorkItemKey) -> Self {
        Self::WorkItem(key)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    #[test]
    fn subjects_round_trip() {
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
}
