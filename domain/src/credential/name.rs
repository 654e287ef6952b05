use std::sync::Arc;

use crate::stored_text::stored_text;

use super::AgentId;

/// A token's name: 1 to 100 characters after trimming, in NFC, without control characters, hidden
/// characters or a token's secret.
///
/// Names are not unique. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenName(Arc<str>);

stored_text!(TokenName, "the name");

impl TokenName {
    /// The maximum length in characters (Unicode scalar values).
    pub const MAX_CHARS: usize = 100;

    /// Returns the name of the token of an agent's run, which is the agent's id.
    #[must_use]
    pub fn of_agent(agent: &AgentId) -> Self {
        // Every valid agent id is a valid name: it is shorter, and in ASCII.
        Self(agent.as_str().into())
    }
}
