//! Assignees on the command line.

use std::str::FromStr;

use openindex_adapters_http::wire::UserRef;

/// A user by ID, or the caller.
pub(super) fn assignee(text: &str) -> Result<UserRef, &'static str> {
    let invalid = "must be a user ID (usr_ and 32 hexadecimal digits) or me";
    match text {
        "me" => Ok(UserRef::Me),
        id => id.parse().map(UserRef::Id).map_err(|_| invalid),
    }
}

/// A change of the assignee; `None` unassigns the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AssigneeChange(pub(super) Option<UserRef>);

impl FromStr for AssigneeChange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = "must be a user ID (usr_ and 32 hexadecimal digits), me or none";
        match text {
            "none" => Ok(Self(None)),
            text => assignee(text)
                .map(|user| Self(Some(user)))
                .map_err(|_| invalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignee_is_an_id_or_me_and_none_only_in_a_change() {
        let id = "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
        assert!(matches!(assignee(id), Ok(UserRef::Id(_))));
        assert_eq!(assignee("me"), Ok(UserRef::Me));
        assert_eq!("me".parse(), Ok(AssigneeChange(Some(UserRef::Me))));
        assert_eq!("none".parse(), Ok(AssigneeChange(None)));
        for text in ["", "none", "Me", "ada@example.com", "run_1"] {
            let invalid = "must be a user ID (usr_ and 32 hexadecimal digits) or me";
            assert_eq!(assignee(text), Err(invalid), "{text}");
        }
        let invalid = "nobody".parse::<AssigneeChange>();
        let message = "must be a user ID (usr_ and 32 hexadecimal digits), me or none";
        assert_eq!(invalid, Err(message));
    }
}
