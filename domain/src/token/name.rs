use std::fmt;
use std::sync::Arc;

use crate::agent_run::AgentId;
use crate::text::{self, InvalidLine};

use super::CONTAINS_SECRET;

/// What a token is called by its owner: 1 to 100 characters after trimming, in NFC, no control
/// characters, nothing else that cannot be seen, and no token's secret.
///
/// Two tokens may share a name. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenName(Arc<str>);

/// The text cannot name a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing, or only white space.
    #[error("must not be blank")]
    Blank,
    /// More than 100 characters.
    #[error("must not be longer than {} characters", TokenName::MAX_CHARS)]
    TooLong,
    /// A line break, an escape, or another control character.
    #[error("must not contain control characters")]
    Control,
    /// A token's secret, which everyone who reads the text could use.
    #[error("{}", CONTAINS_SECRET)]
    Secret,
    /// A character that cannot be seen where nothing around it needs it, or that is unassigned or for
    /// private use.
    #[error("{}", text::unseen(*.0))]
    Unseen(u32),
}

impl TokenName {
    /// The most characters (Unicode scalar values) a name may have.
    pub const MAX_CHARS: usize = 100;

    /// Trims and checks a name.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        check_name(text).map(|name| Self(name.into()))
    }

    /// The name of the token of an agent's run: the agent's.
    #[must_use]
    pub fn of_agent(agent: &AgentId) -> Self {
        // Whatever names an agent can name a token: it is shorter, and plain.
        Self(agent.as_str().into())
    }

    /// Takes what is stored. The rule of `parse` is for input: a rule that is stricter today damages
    /// nothing that was written under an earlier one.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the name as a [`Search`](super::Search) looks through it: case, composition and
    /// compatibility forms folded.
    #[must_use]
    pub fn folded(&self) -> String {
        text::key(&self.0)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The rule for every name that a user chooses: of a token, of themselves.
pub(crate) fn check_name(text: &str) -> Result<String, InvalidName> {
    text::line(text, TokenName::MAX_CHARS).map_err(|error| match error {
        InvalidLine::Blank => InvalidName::Blank,
        InvalidLine::TooLong => InvalidName::TooLong,
        InvalidLine::Control => InvalidName::Control,
        InvalidLine::Unseen(c) => InvalidName::Unseen(c),
        InvalidLine::Secret => InvalidName::Secret,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_trimmed_and_bounded() {
        assert_eq!(
            TokenName::parse("  deploy bot ").unwrap().as_str(),
            "deploy bot"
        );
        assert_eq!(TokenName::parse(" \u{3000} "), Err(InvalidName::Blank));
        assert_eq!(TokenName::parse(""), Err(InvalidName::Blank));
        assert!(TokenName::parse(&"界".repeat(100)).is_ok());
        assert_eq!(
            TokenName::parse(&"x".repeat(101)),
            Err(InvalidName::TooLong)
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
