use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::entropy::{Entropy, EntropyError};
use crate::vocabulary::vocabulary;

use super::{InvalidId, new_uuid, parse_uuid};

vocabulary! {
/// Whether a token belongs to a human or to an agent run.
#[derive(PartialOrd, Ord)]
TokenKind {
    /// A human's token: secrets `oi_pat_…`, ids `pat_…`.
    Personal = "personal",
    /// An agent run's token: secrets `oi_run_…`, ids `run_…`.
    AgentRun = "agent_run",
}}

impl TokenKind {
    /// Returns the prefix of the secrets of this kind. Changing it invalidates every existing
    /// token.
    #[must_use]
    pub const fn secret_prefix(self) -> &'static str {
        match self {
            Self::Personal => "oi_pat_",
            Self::AgentRun => "oi_run_",
        }
    }

    /// Returns the prefix of the token ids of this kind.
    #[must_use]
    pub const fn id_prefix(self) -> &'static str {
        match self {
            Self::Personal => "pat_",
            Self::AgentRun => "run_",
        }
    }
}

/// The id of a token: `pat_` or `run_`, depending on its kind, and a UUID. It is not a secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId {
    kind: TokenKind,
    uuid: Uuid,
}

impl TokenId {
    /// Generates a new id with the time `now`.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] when the source of entropy is unavailable.
    pub fn generate(
        kind: TokenKind,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, EntropyError> {
        new_uuid(now, entropy).map(|uuid| Self { kind, uuid })
    }

    /// Creates an id from its stored parts.
    #[must_use]
    pub const fn new(kind: TokenKind, uuid: Uuid) -> Self {
        Self { kind, uuid }
    }

    /// Returns the kind of the token.
    #[must_use]
    pub const fn kind(self) -> TokenKind {
        self.kind
    }

    /// Returns the UUID without its prefix, which is what stores persist. It is unique across all
    /// kinds.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.id_prefix(), self.uuid.simple())
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TokenId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        TokenKind::ALL
            .into_iter()
            .find_map(|kind| {
                parse_uuid(text, kind.id_prefix())
                    .ok()
                    .map(|uuid| Self { kind, uuid })
            })
            .ok_or(InvalidId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_determines_the_kind() {
        for (text, kind) in [
            ("pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2", TokenKind::Personal),
            ("run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2", TokenKind::AgentRun),
        ] {
            let id: TokenId = text.parse().unwrap();
            assert_eq!(id.kind(), kind);
            assert_eq!(id.to_string(), text);
        }
        assert!(
            "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
                .parse::<TokenId>()
                .is_err()
        );
    }
}
