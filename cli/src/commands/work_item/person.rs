//! How a person to assign work to is named.

use std::str::FromStr;

use openindex_adapters_http::wire::UserRef;
use openindex_domain::user::UserId;

/// A person, by their id or as whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    Id(UserId),
    Me,
}

/// The text names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("name a user by their id (usr_ and 32 hexadecimal digits), or yourself by me")]
pub(super) struct InvalidPerson;

impl FromStr for Person {
    type Err = InvalidPerson;

    fn from_str(text: &str) -> Result<Self, InvalidPerson> {
        if text == "me" {
            return Ok(Self::Me);
        }
        text.parse().map(Self::Id).map_err(|_| InvalidPerson)
    }
}

impl From<Person> for UserRef {
    fn from(person: Person) -> Self {
        match person {
            Person::Id(id) => Self::Id(id),
            Person::Me => Self::Me,
        }
    }
}

/// A person, or nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assignee {
    Person(Person),
    Nobody,
}

/// The text says neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "name a user by their id (usr_ and 32 hexadecimal digits), yourself by me, or nobody by none"
)]
pub(super) struct InvalidAssignee;

impl FromStr for Assignee {
    type Err = InvalidAssignee;

    fn from_str(text: &str) -> Result<Self, InvalidAssignee> {
        if text == "none" {
            return Ok(Self::Nobody);
        }
        text.parse().map(Self::Person).map_err(|_| InvalidAssignee)
    }
}

impl Assignee {
    /// As a change of an item says it.
    pub(super) fn wanted(self) -> Option<UserRef> {
        match self {
            Self::Nobody => None,
            Self::Person(person) => Some(person.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_an_id_or_oneself_and_can_be_nobody_where_that_is_a_change() {
        let id = "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
        assert!(matches!(id.parse(), Ok(Person::Id(_))));
        assert_eq!("me".parse(), Ok(Person::Me));
        assert_eq!("me".parse(), Ok(Assignee::Person(Person::Me)));
        assert_eq!("none".parse(), Ok(Assignee::Nobody));
        for text in ["", "none", "Me", "ada@example.com", "run_1"] {
            assert_eq!(text.parse::<Person>(), Err(InvalidPerson), "{text}");
        }
        assert_eq!("nobody".parse::<Assignee>(), Err(InvalidAssignee));
    }
}
