use crate::secret::CONTAINS_SECRET;
use crate::text::{self, InvalidLine};

use super::{PersonName, TokenName};

/// The text is not a valid token name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Empty, or only white space.
    #[error("must not be blank")]
    Blank,
    /// More than 100 characters; how many.
    #[error(
        "must not be longer than {} characters (got {})",
        TokenName::MAX_CHARS,
        .0
    )]
    TooLong(usize),
    /// A line break, an escape or another control character.
    #[error("must not contain control characters")]
    Control,
    /// The secret of a token, which everyone who can read the name could use.
    #[error("{}", CONTAINS_SECRET)]
    Secret,
    /// A hidden, unassigned or private-use character, as its code point.
    #[error("{}", text::forbidden_character(*.0))]
    ForbiddenCharacter(u32),
}

impl TokenName {
    /// Trims, validates and normalizes a name.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] when it violates a rule.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        check_name(text).map(|name| Self::from_stored(&name))
    }

    /// Returns the name in the form that a [`Search`](crate::token::Search) is matched against:
    /// case, composition and compatibility forms are folded.
    #[must_use]
    pub fn folded(&self) -> String {
        text::key(self.as_str())
    }
}

impl PersonName {
    /// Trims, validates and normalizes a name of 1 to 100 characters.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] when it violates a rule.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        check_name(text).map(|name| Self::from_stored(&name))
    }
}

/// Validates a name that a user chooses, for a token or for themselves.
pub(crate) fn check_name(text: &str) -> Result<String, InvalidName> {
    text::line(text, TokenName::MAX_CHARS).map_err(|error| match error {
        InvalidLine::Blank => InvalidName::Blank,
        InvalidLine::TooLong(chars) => InvalidName::TooLong(chars),
        InvalidLine::Control => InvalidName::Control,
        InvalidLine::ForbiddenCharacter(c) => InvalidName::ForbiddenCharacter(c),
        InvalidLine::Secret => InvalidName::Secret,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_trimmed_and_limited() {
        assert_eq!(
            TokenName::parse("  deploy bot ").unwrap().as_str(),
            "deploy bot"
        );
        assert_eq!(TokenName::parse(" \u{3000} "), Err(InvalidName::Blank));
        assert_eq!(TokenName::parse(""), Err(InvalidName::Blank));
        assert!(TokenName::parse(&"界".repeat(100)).is_ok());
        assert_eq!(
            TokenName::parse(&"x".repeat(101)),
            Err(InvalidName::TooLong(101))
        );
        for text in ["a\u{1b}[31mb", "a\nb", "a\0", "\u{85}a"] {
            assert_eq!(
                TokenName::parse(text),
                Err(InvalidName::Control),
                "{text:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn an_accepted_name_is_accepted_again_unchanged(text in ".{0,120}") {
            if let Ok(name) = TokenName::parse(&text) {
                prop_assert_eq!(TokenName::parse(name.as_str()), Ok(name.clone()));
                prop_assert!((1..=100).contains(&name.as_str().chars().count()));
                prop_assert!(!name.as_str().chars().any(char::is_control));
            }
        }
    }
}
