use std::str::FromStr;
use std::sync::Arc;

use crate::id::{TokenId, WorkItemKey};
use crate::secret::{CONTAINS_SECRET, Secret};
use crate::stored_text::stored_text;

/// The properties of an agent run, which a token has if and only if its kind is
/// [`AgentRun`](crate::token::TokenKind::AgentRun).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRun {
    /// The agent that uses the token.
    pub agent: AgentId,
    /// The only work item that the run may change; `None` if it is not bound to one.
    pub work_item: Option<WorkItemKey>,
    /// The personal access token that started the run. The run ends no later than this token.
    pub issuer: TokenId,
}

/// The id of an agent: 1 to 64 ASCII letters, digits and `.` `_` `-` `:` `/` `@`.
///
/// The caller who starts a run chooses it. It identifies the holder of a claim and is not a secret.
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(Arc<str>);

/// The text is not a valid agent id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAgentId {
    /// Empty, too long, or with an invalid character.
    #[error(
        "must be 1 to {} characters: A-Z a-z 0-9 . _ - : / @",
        AgentId::MAX_CHARS
    )]
    Format,
    /// The secret of a token, which everyone who can read the id could use.
    #[error("{}", CONTAINS_SECRET)]
    Secret,
}

stored_text!(AgentId, "the id");

impl AgentId {
    /// The maximum length in characters.
    pub const MAX_CHARS: usize = 64;

    /// Validates an agent id. Nothing is trimmed, so that an id has one spelling.
    ///
    /// # Errors
    ///
    /// [`InvalidAgentId`] when it violates a rule.
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
    fn an_id_is_ascii_and_not_trimmed() {
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
