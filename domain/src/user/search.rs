use std::fmt;
use std::str::FromStr;

use crate::clock::Timestamp;
use crate::page::{cursor_name, name_of_cursor};
use crate::store::Listing;
use crate::text;
use crate::token::InvalidName;
use crate::vocabulary::vocabulary;

use super::{User, UserId};

/// A part of a user's name or email address to search for, ignoring case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSearch {
    text: String,
    spellings: Vec<String>,
}

impl UserSearch {
    /// Trims and validates a part of a name or an address: 1 to 100 characters.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] when the text contains something that no name contains, so that secrets are
    /// not searched for.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = crate::token::check_name(text)?;
        let lower = text::fold(&text);
        let titled = lower.split_inclusive(' ').map(|word| {
            let mut chars = word.chars();
            let first = chars.next().into_iter().flat_map(char::to_uppercase);
            first.chain(chars).collect::<String>()
        });
        let spellings = [text.clone(), text.to_uppercase(), titled.collect(), lower];
        let mut spellings: Vec<_> = spellings.map(|text| text.to_ascii_lowercase()).into();
        // The key by which addresses are compared.
        spellings.push(text::key(&text));
        spellings.sort();
        spellings.dedup();
        Ok(Self { text, spellings })
    }

    /// Returns the text as entered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the spellings that stores search for, with ASCII letters in lower case, which is the
    /// only case folding that all databases have in common.
    #[must_use]
    pub fn spellings(&self) -> &[String] {
        &self.spellings
    }

    /// Returns whether a spelling occurs in the name, the address or its [key](super::Email::key),
    /// with ASCII letters in lower case. This defines what a store's query must return.
    #[must_use]
    pub fn matches(&self, user: &User) -> bool {
        let texts = [
            user.name.as_str().to_ascii_lowercase(),
            user.email.as_str().to_ascii_lowercase(),
            user.email.key(),
        ];
        let mut texts = texts.iter();
        texts.any(|text| self.spellings.iter().any(|part| text.contains(part)))
    }
}

vocabulary! {
    /// The order of a list of users. Ties are broken by id.
    #[derive(Default)]
    UserSort {
        /// In the order in which they joined.
        #[default]
        Joined = "joined",
        /// The most recently joined first.
        Newest = "newest",
        /// By name from A to Z, ignoring the case of ASCII letters.
        Name = "name",
        /// Most recently seen first; users who were never seen come last.
        LastSeen = "last_seen",
        /// Users who were never seen first, then the least recently seen.
        LeastSeen = "least_seen",
    }
}

impl UserSort {
    /// Returns whether the greatest key and id come first.
    #[must_use]
    pub const fn is_descending(self) -> bool {
        matches!(self, Self::Newest | Self::LastSeen)
    }
}

/// Which users to list, and in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserQuery {
    /// Only users whose names or addresses contain this.
    pub search: Option<UserSearch>,
    /// The order.
    pub sort: UserSort,
}

/// A user as shown in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUser {
    /// The user.
    pub user: User,
    /// The number of their live personal access tokens.
    pub live_tokens: u64,
    /// The latest of: a request in a browser session that has not ended, a use of a personal access
    /// token that was not purged, and an action in the audit log. `None` means never.
    pub last_seen_at: Option<Timestamp>,
}

/// A user's value in the column that a list is ordered by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserKey {
    /// No column: the list is ordered by id.
    Id,
    /// The name, with ASCII letters in lower case.
    Name(String),
    /// When the user was last seen; `None` means never.
    LastSeen(Option<Timestamp>),
}

/// The position of a user in a list. It contains the sort key as of when the page was read, so that
/// the next page starts there even if the user changed or was deleted since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCursor {
    /// The order of the list.
    pub sort: UserSort,
    /// The sort key.
    pub key: UserKey,
    /// The user.
    pub id: UserId,
}

/// The text is not a cursor of a list of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid cursor")]
pub struct InvalidUserCursor;

impl UserCursor {
    /// Returns the position of a user in a list of this order.
    #[must_use]
    pub fn of(listed: &ListedUser, sort: UserSort) -> Self {
        let key = match sort {
            UserSort::Joined | UserSort::Newest => UserKey::Id,
            UserSort::Name => UserKey::Name(listed.user.name.as_str().to_ascii_lowercase()),
            UserSort::LastSeen | UserSort::LeastSeen => UserKey::LastSeen(listed.last_seen_at),
        };
        let id = listed.user.id;
        Self { sort, key, id }
    }

    /// Compares the positions of two users in one list.
    #[must_use]
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        let order = (&self.key, self.id).cmp(&(&other.key, other.id));
        if self.sort.is_descending() {
            order.reverse()
        } else {
            order
        }
    }
}

/// The id, followed by the order and the sort key unless the list is in the order of joining.
impl fmt::Display for UserCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match &self.key {
            UserKey::Id if self.sort == UserSort::Joined => return self.id.fmt(f),
            UserKey::Id | UserKey::LastSeen(None) => String::new(),
            UserKey::Name(name) => cursor_name(name),
            UserKey::LastSeen(Some(at)) => at.unix_millis().to_string(),
        };
        write!(f, "{}.{}.{key}", self.id, self.sort.as_str())
    }
}

impl FromStr for UserCursor {
    type Err = InvalidUserCursor;

    fn from_str(text: &str) -> Result<Self, InvalidUserCursor> {
        let mut parts = text.splitn(3, '.');
        let id = parts.next().and_then(|id| id.parse().ok());
        let id = id.ok_or(InvalidUserCursor)?;
        let sort = match parts.next() {
            None => UserSort::Joined,
            Some(sort) => UserSort::parse(sort).ok_or(InvalidUserCursor)?,
        };
        let key = match (sort, parts.next().unwrap_or_default()) {
            (UserSort::Joined | UserSort::Newest, "") => Some(UserKey::Id),
            (UserSort::Joined | UserSort::Newest, _) => None,
            (UserSort::Name, key) => name_of_cursor(key).map(UserKey::Name),
            (UserSort::LastSeen | UserSort::LeastSeen, "") => Some(UserKey::LastSeen(None)),
            (UserSort::LastSeen | UserSort::LeastSeen, key) => {
                let at = key.parse().ok().and_then(Timestamp::from_unix_millis);
                at.map(|at| UserKey::LastSeen(Some(at)))
            }
        };
        let key = key.ok_or(InvalidUserCursor)?;
        Ok(Self { sort, key, id })
    }
}

/// Which page to return, relative to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserSeek {
    /// The page that starts after this user.
    After(UserCursor),
    /// The page that ends before this user.
    Before(UserCursor),
}

impl UserSeek {
    /// Returns the user that the page is relative to.
    #[must_use]
    pub const fn cursor(&self) -> &UserCursor {
        match self {
            Self::After(cursor) | Self::Before(cursor) => cursor,
        }
    }
}

/// A page of users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundUsers {
    /// The users, in the order of the list.
    pub users: Listing<ListedUser>,
    /// Pass it as [`UserSeek::Before`] for the previous page; `None` on the first page.
    pub previous: Option<UserCursor>,
    /// Pass it as [`UserSeek::After`] for the next page; `None` on the last page.
    pub next: Option<UserCursor>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures;

    #[test]
    fn cursors_round_trip_and_other_text_is_rejected() {
        let listed = ListedUser {
            user: fixtures::user(1),
            live_tokens: 0,
            last_seen_at: Some(fixtures::NOW),
        };
        for sort in UserSort::ALL {
            for last_seen_at in [None, listed.last_seen_at] {
                let listed = ListedUser {
                    last_seen_at,
                    ..listed.clone()
                };
                let cursor = UserCursor::of(&listed, sort);
                assert_eq!(cursor.to_string().parse(), Ok(cursor), "{sort:?}");
            }
        }
        let id = listed.user.id;
        for text in [
            String::new(),
            "usr_1".to_owned(),
            format!("{id}.age.1"),
            format!("{id}.newest.1"),
            format!("{id}.name.%"),
            format!("{id}.name.YQBi"),
            format!("{id}.last_seen.x"),
        ] {
            assert_eq!(text.parse::<UserCursor>(), Err(InvalidUserCursor), "{text}");
        }
    }

    #[test]
    fn a_search_finds_a_part_in_any_case() {
        let mut user = fixtures::user(1);
        user.name = crate::user::PersonName::from_stored("Özge Müller");
        user.email = crate::user::Email::parse("Oezge@Bücher.example").expect("an address");
        for part in [
            "özge", "ÖZGE M", "müll", "MÜLLER", "ge mü", "oezge@", "BÜCHER", "xn--",
        ] {
            let search = UserSearch::parse(part).expect("a search");
            assert!(search.matches(&user), "{part}");
        }
        for part in ["%", "_", "ozge", "müllerin"] {
            let search = UserSearch::parse(part).expect("a search");
            assert!(!search.matches(&user), "{part}");
        }
        assert!(UserSearch::parse(" ").is_err());
        let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
        assert!(UserSearch::parse(secret).is_err());
    }
}
