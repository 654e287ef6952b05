//! Assignees on the command line.

use std::str::FromStr;

use openindex_adapters_http::wire::UserRef;
use openindex_domain::user::UserId;

/// A user by ID, or the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assignee {
    Id(UserId),
    Me,
}

/// The text is neither a user ID nor `me`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a user ID (usr_ and 32 hexadecimal digits) or me")]
pub(super) struct InvalidAssignee;

impl FromStr for Assignee {
    type Err = InvalidAssignee;

    fn from_str(text: &str) -> Result<Self, InvalidAssignee> {
        if text == "me" {
            return Ok(Self::Me);
        }
        text.parse().map(Self::Id).map_err(|_| InvalidAssignee)
    }
}

impl From<Assignee> for UserRef {
    fn from(assignee: Assignee) -> Self {
        match assignee {
            Assignee::Id(id) => Self::Id(id),
            Assignee::Me => Self::Me,
        }
    }
}

/// A change of the assignee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AssigneeChange {
    Assign(Assignee),
    Unassign,
}

/// The text is neither a user ID, nor `me`, nor `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a user ID (usr_ and 32 hexadecimal digits), me or none")]
pub(super) struct InvalidAssigneeChange;

impl FromStr for AssigneeChange {
    type Err = InvalidAssigneeChange;

    fn from_str(text: &str) -> Result<Self, InvalidAssigneeChange> {
        if text == "none" {
            return Ok(Self::Unassign);
        }
        let assignee = text.parse().map_err(|_| InvalidAssigneeChange)?;
        Ok(Self::Assign(assignee))
    }
}

impl AssigneeChange {
    /// Returns the new assignee; `None` to unassign the item.
    pub(super) fn assignee(self) -> Option<UserRef> {
        match self {
            Self::Unassign => None,
            Self::Assign(assignee) => Some(assignee.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignee_is_an_id_or_me_and_none_only_in_a_change() {
        let id = "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
        assert!(matches!(id.parse(), Ok(Assignee::Id(_))));
        assert_eq!("me".parse(), Ok(Assignee::Me));
        assert_eq!("me".parse(), Ok(AssigneeChange::Assign(Assignee::Me)));
        assert_eq!("none".parse(), Ok(AssigneeChange::Unassign));
        for text in ["", "none", "Me", "ada@example.com", "run_1"] {
            assert_eq!(text.parse::<Assignee>(), Err(InvalidAssignee), "{text}");
        }
        let invalid = "nobody".parse::<AssigneeChange>();
        assert_eq!(invalid, Err(InvalidAssigneeChange));
    }
}
