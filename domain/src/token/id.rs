use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::entropy::{Entropy, EntropyError};
use crate::id::{InvalidId, new_uuid, parse_uuid};

/// Whose token it is: a human's, or one workflow agent run's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// Owned by a human; `oi_pat_…`, id `pat_…`.
    Personal,
    /// Issued for one workflow agent run; `oi_run_…`, id `run_…`.
    AgentRun,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Personal, Self::AgentRun];

    /// What a secret of this kind begins with. Changing it revokes every token there is.
    #[must_use]
    pub const fn secret_prefix(self) -> &'static str {
        match self {
            Self::Personal => "oi_pat_",
            Self::AgentRun => "oi_run_",
        }
    }

    /// What the id of a token of this kind begins with.
    #[must_use]
    pub const fn id_prefix(self) -> &'static str {
        match self {
            Self::Personal => "pat_",
            Self::AgentRun => "run_",
        }
    }

    /// The name in stores and on the wire: `personal` or `agent_run`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::AgentRun => "agent_run",
        }
    }

    /// Reads what [`TokenKind::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The id of a token: `pat_` or `run_`, by its kind, and a UUID. It names a token and is no
/// secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId {
    kind: TokenKind,
    uuid: Uuid,
}

impl TokenId {
    /// A new id for a token that is issued at `now`.
    ///
    /// # Errors
    ///
    /// When the source of entropy is unavailable.
    pub fn generate(
        kind: TokenKind,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, EntropyError> {
        new_uuid(now, entropy).map(|uuid| Self { kind, uuid })
    }

    /// The id around what a store kept.
    #[must_use]
    pub const fn new(kind: TokenKind, uuid: Uuid) -> Self {
        Self { kind, uuid }
    }

    /// The kind of the token it names.
    #[must_use]
    pub const fn kind(self) -> TokenKind {
        self.kind
    }

    /// The UUID without its prefix, as a store keeps it. Unique over all kinds.
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
    fn the_prefix_tells_the_kind() {
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
