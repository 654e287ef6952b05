use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::clock::Timestamp;
use crate::page::{cursor_name, name_of_cursor};
use crate::vocabulary::vocabulary;

use super::{Status, Token, TokenId, TokenName};

/// Which of a user's tokens to list, and in which order. A token must match every field that is
/// set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only tokens with this status; `None` means live and expired ones.
    pub status: Option<Status>,
    /// Only tokens with exactly this name, which several tokens can have.
    pub name: Option<TokenName>,
    /// Only tokens whose names contain this.
    pub search: Option<Search>,
    /// The order.
    pub sort: Sort,
}

/// A part of a name to search for, ignoring case, composition and compatibility forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(String);

#[cfg(feature = "text")]
impl Search {
    /// Trims and folds a part of a name.
    ///
    /// # Errors
    ///
    /// [`InvalidName`](super::InvalidName) when the text contains something that no name contains,
    /// so that secrets are not searched for.
    pub fn parse(text: &str) -> Result<Self, super::InvalidName> {
        super::check_name(text).map(|text| Self(crate::text::key(&text)))
    }

    /// Returns whether the name contains it.
    #[must_use]
    pub fn is_in(&self, name: &TokenName) -> bool {
        name.folded().contains(self.as_str())
    }
}

impl Search {
    /// Returns the folded text, to be searched for in [`TokenName::folded`].
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

vocabulary! {
    /// The order of a list of tokens. Ties are broken by id, newest first.
    #[derive(Default)]
    Sort {
        /// Newest first.
        #[default]
        Newest = "newest",
        /// By name from A to Z, ignoring the case of ASCII letters.
        Name = "name",
        /// Earliest expiry first; tokens that do not expire come last.
        Expiry = "expiry",
        /// Most recently used first; tokens that were never used come last.
        LastUsed = "last_used",
    }
}

/// A token's value in the column that a list is ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
    /// No column: the list is ordered by id.
    Newest,
    /// The name, with ASCII letters in lower case.
    Name(String),
    /// When it expires; `None` means never.
    Expiry(Option<Timestamp>),
    /// When it was last used; `None` means never.
    LastUsed(Option<Timestamp>),
}

impl SortKey {
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.cmp(b),
            (Self::Expiry(a), Self::Expiry(b)) => (a.is_none(), a).cmp(&(b.is_none(), b)),
            (Self::LastUsed(a), Self::LastUsed(b)) => b.cmp(a),
            _ => Ordering::Equal,
        }
    }
}

/// The position of a token in a list. It contains the sort key as of when the page was read, so
/// that the next page starts there even if the token changed or was deleted since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCursor {
    /// The sort key.
    pub key: SortKey,
    /// The token.
    pub id: TokenId,
}

/// The text is not a cursor of a list of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid cursor")]
pub struct InvalidListCursor;

impl ListCursor {
    /// Returns the position of a token in a list of this order.
    #[must_use]
    pub fn of(token: &Token, sort: Sort) -> Self {
        let key = match sort {
            Sort::Newest => SortKey::Newest,
            Sort::Name => SortKey::Name(token.name.as_str().to_ascii_lowercase()),
            Sort::Expiry => SortKey::Expiry(token.expires_at),
            Sort::LastUsed => SortKey::LastUsed(token.last_used_at),
        };
        Self { key, id: token.id }
    }

    /// Returns the order of the list that the cursor belongs to.
    #[must_use]
    pub const fn sort(&self) -> Sort {
        match self.key {
            SortKey::Newest => Sort::Newest,
            SortKey::Name(_) => Sort::Name,
            SortKey::Expiry(_) => Sort::Expiry,
            SortKey::LastUsed(_) => Sort::LastUsed,
        }
    }

    /// Compares the positions of two tokens in one list.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        self.key
            .order(&other.key)
            .then_with(|| other.id.cmp(&self.id))
    }
}

/// The id, followed by the order and the sort key unless the list is ordered by id.
impl fmt::Display for ListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant =
            |at: &Option<Timestamp>| at.map_or_else(String::new, |at| at.unix_millis().to_string());
        let key = match &self.key {
            SortKey::Newest => return self.id.fmt(f),
            SortKey::Name(name) => cursor_name(name),
            SortKey::Expiry(at) | SortKey::LastUsed(at) => instant(at),
        };
        write!(f, "{}.{}.{key}", self.id, self.sort().as_str())
    }
}

impl FromStr for ListCursor {
    type Err = InvalidListCursor;

    fn from_str(text: &str) -> Result<Self, InvalidListCursor> {
        let mut parts = text.splitn(3, '.');
        let id = parts.next().and_then(|id| id.parse().ok());
        let key = match (parts.next().map(Sort::parse), parts.next()) {
            (None, _) => Some(SortKey::Newest),
            (Some(Some(Sort::Name)), Some(key)) => name_of_cursor(key).map(SortKey::Name),
            (Some(Some(Sort::Expiry)), Some(key)) => instant(key).map(SortKey::Expiry),
            (Some(Some(Sort::LastUsed)), Some(key)) => instant(key).map(SortKey::LastUsed),
            _ => None,
        };
        match (id, key) {
            (Some(id), Some(key)) => Ok(Self { key, id }),
            _ => Err(InvalidListCursor),
        }
    }
}

/// Parses milliseconds since the epoch. Blank is `Some(None)`, which means never.
#[expect(
    clippy::option_option,
    reason = "invalid, never and an instant are three cases"
)]
fn instant(text: &str) -> Option<Option<Timestamp>> {
    if text.is_empty() {
        return Some(None);
    }
    let at = text.parse().ok().and_then(Timestamp::from_unix_millis)?;
    Some(Some(at))
}

/// Which page to return, relative to a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seek {
    /// The page that starts after this token.
    After(ListCursor),
    /// The page that ends before this token.
    Before(ListCursor),
}

impl Seek {
    /// Returns the token that the page is relative to.
    #[must_use]
    pub const fn cursor(&self) -> &ListCursor {
        match self {
            Self::After(cursor) | Self::Before(cursor) => cursor,
        }
    }
}

#[cfg(feature = "text")]
impl ListFilter {
    /// Returns whether the token matches at `now`. This defines what a store's query must return.
    #[must_use]
    pub fn matches(&self, token: &Token, now: Timestamp) -> bool {
        let status = token.status(now);
        self.status
            .map_or(status != Status::Revoked, |expected| expected == status)
            && self.name.as_ref().is_none_or(|name| *name == token.name)
            && self
                .search
                .as_ref()
                .is_none_or(|search| search.is_in(&token.name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::fixtures::{self, NOW};
    use crate::token::InvalidName;

    fn search(text: &str) -> Search {
        Search::parse(text).expect("a part of a name")
    }

    #[test]
    fn a_part_of_a_name_is_found_in_any_case_or_composition() {
        let mut token = fixtures::token(1, NOW);
        token.name = TokenName::parse("Über-Straße E\u{301}TAT").expect("a name");
        for (text, is_found) in [
            ("über", true),
            ("ÜBER", true),
            ("U\u{308}BER-str", true),
            ("étAt", true),
            (" straße ", true),
            ("ｕ", false),
            ("état über", false),
            ("%", false),
            ("_", false),
        ] {
            let filter = ListFilter {
                search: Some(search(text)),
                ..ListFilter::default()
            };
            assert_eq!(filter.matches(&token, NOW), is_found, "{text}");
        }
        assert_eq!(Search::parse("  "), Err(InvalidName::Blank));
        assert_eq!(
            Search::parse(&"x".repeat(101)),
            Err(InvalidName::TooLong(101))
        );
    }

    #[test]
    fn tokens_that_never_expire_or_were_never_used_come_last() {
        let at = |millis| Timestamp::from_unix_millis(millis);
        let expiries = [at(1), at(2), None].map(SortKey::Expiry);
        let uses = [at(2), at(1), None].map(SortKey::LastUsed);
        for keys in [expiries, uses] {
            assert!(keys.is_sorted_by(|a, b| a.order(b).is_lt()), "{keys:?}");
        }
    }

    #[test]
    fn other_text_is_not_a_cursor() {
        let id = fixtures::token(1, NOW).id;
        for text in [
            String::new(),
            "pat_1".to_owned(),
            format!("{id}."),
            format!("{id}.newest."),
            format!("{id}.name"),
            format!("{id}.name.!"),
            format!("{id}.name.YQBi"),
            format!("{id}.expiry.x"),
            format!("{id}.last_used.-1"),
            format!("{id}.owner.1"),
        ] {
            assert_eq!(text.parse::<ListCursor>(), Err(InvalidListCursor), "{text}");
        }
    }

    proptest! {
        #[test]
        fn cursors_round_trip(
            name in "[^\\x00\\n]{1,40}", millis in proptest::option::of(0..=253_402_300_799_999_i64)
        ) {
            let mut token = fixtures::token(1, NOW);
            token.name = TokenName::from_stored(&name);
            token.expires_at = millis.and_then(Timestamp::from_unix_millis);
            token.last_used_at = token.expires_at;
            for sort in Sort::ALL {
                let cursor = ListCursor::of(&token, sort);
                prop_assert_eq!(cursor.to_string().parse(), Ok(cursor.clone()));
                prop_assert_eq!(cursor.sort(), sort);
            }
        }
    }
}
