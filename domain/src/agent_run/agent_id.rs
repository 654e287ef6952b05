use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::token::{CONTAINS_SECRET, Secret};

/// What an automated worker is called: 1 to 64 ASCII letters, digits and `.` `_` `-` `:` `/` `@`.
///
/// Whoever starts a run chooses it. It says who holds a work item, and is no secret. Cheap to
/// clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(Arc<str>);

/// The text cannot name an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAgentId {
    /// Too long, empty, or with another character.
    #[error(
        "must be 1 to {} of the characters A-Z a-z 0-9 . _ - : / @",
        AgentId::MAX_CHARS
    )]
    Format,
    /// A token's secret, which everyone who reads the text could use.
    #[error("{}", CONTAINS_SECRET)]
    Secret,
}

impl AgentId {
    /// The most characters it may have.
    pub const MAX_CHARS: usize = 64;

    /// Checks an agent's id; nothing is trimmed, so that an id has one spelling.
    ///
    /// # Errors
    ///
    /// [`InvalidAgentId`].
    pub fn parse(text: &str) -> Result<Self, InvalidAgentId> {
        if Secret::is_in(text) {
            return Err(InvalidAgentId::Secret);
        }
        let fits = (1..=Self::MAX_CHARS).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-:/@".contains(&b));
        fits.then(|| Self(text.into()))
            .ok_or(InvalidAgentId::Format)
    }

    /// Takes what is stored. The rule of `parse` is for input: a rule that is stricter today damages
    /// nothing that was written under an earlier one.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self(text.into())
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AgentId {
    type Err = InvalidAgentId;

    fn from_str(text: &str) -> Result<Self, InvalidAgentId> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_plain_and_taken_as_it_is() {
        for text in ["a", "builder-7", "team/ci:nightly@eu_1.2", &"x".repeat(64)] {
            assert_eq!(AgentId::parse(text).unwrap().as_str(), text);
        }
        for text in ["", " a", "a b", "a\n", "é", "<b>", &"x".repeat(65)] {
            assert_eq!(
                AgentId::parse(text),
                Err(InvalidAgentId::Format),
                "{text:?}"
            );
        }
    }
}
