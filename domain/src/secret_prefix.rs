use std::fmt;

use crate::id::TokenKind;

/// The longest prefix, in characters. With 48 characters behind it, a secret has 55 bytes, the
/// maximum that SHA-256 hashes in a single block.
pub(crate) const MAX_PREFIX_CHARS: usize = 7;

/// The prefixes by which secrets can be told from other text, and those of humans from those of
/// agent runs. By default `oi_pat_` and `oi_run_`.
///
/// A service with users of its own can have prefixes of its own, for the tokens that it creates
/// ([`Tokens::with_prefixes`](crate::token::Tokens::with_prefixes) and
/// [`AgentRuns::with_prefixes`](crate::agent_run::AgentRuns::with_prefixes)) and for those that it
/// has verified elsewhere. The checksum of a secret covers its prefix, so a secret with other
/// prefixes is rejected like any malformed text, without asking a store. Ids are the same.
///
/// **Secret scanners** find secrets by their prefix. The rules that this project ships, `oi scan`
/// and the reports of leaked tokens know only the default prefixes: copy the rules and replace the
/// prefixes in their expressions. The use cases of accounts, which create a token for the first
/// administrator and for a claimed invite, have the default prefixes, too. Changing the prefixes
/// of a service invalidates its tokens.
///
/// ```
/// use openindex_domain::token::{SecretPrefixes, TokenKind};
///
/// let prefixes = SecretPrefixes::new("nts_", "ntsrun_").expect("valid prefixes");
/// assert_eq!(prefixes.of(TokenKind::AgentRun), "ntsrun_");
/// assert!(SecretPrefixes::new("notes_pat_", "notes_run_").is_err(), "too long");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretPrefixes {
    personal: Prefix,
    agent_run: Prefix,
}

/// The texts cannot be the prefixes of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSecretPrefixes {
    /// The prefix of this kind does not have the form of a prefix.
    #[error(
        "the prefix of {} tokens must be 2 to {MAX_PREFIX_CHARS} characters: A-Z a-z 0-9 _, \
         beginning with a letter and ending with _",
        .0.as_str()
    )]
    Form(TokenKind),
    /// One begins with the other, so the kind of a secret could not be told.
    #[error("neither prefix may begin with the other")]
    Ambiguous,
}

impl SecretPrefixes {
    /// The prefixes of OpenIndex: `oi_pat_` and `oi_run_`.
    pub const DEFAULT: Self = Self {
        personal: Prefix::known(*b"oi_pat_", 0xe787_14e6),
        agent_run: Prefix::known(*b"oi_run_", 0xe68c_2d1a),
    };

    /// Creates prefixes for the secrets of humans and of agent runs. Each has 2 to 7 ASCII letters,
    /// digits and underscores, begins with a letter and ends with an underscore.
    ///
    /// # Errors
    ///
    /// [`InvalidSecretPrefixes`] when one violates these rules, or begins with the other.
    pub fn new(personal: &str, agent_run: &str) -> Result<Self, InvalidSecretPrefixes> {
        let read = |text, kind| Prefix::parse(text).ok_or(InvalidSecretPrefixes::Form(kind));
        let prefixes = Self {
            personal: read(personal, TokenKind::Personal)?,
            agent_run: read(agent_run, TokenKind::AgentRun)?,
        };
        if personal.starts_with(agent_run) || agent_run.starts_with(personal) {
            return Err(InvalidSecretPrefixes::Ambiguous);
        }
        Ok(prefixes)
    }

    /// Returns the prefix of secrets of this kind.
    #[must_use]
    pub fn of(&self, kind: TokenKind) -> &str {
        // Every constructor accepts only ASCII.
        std::str::from_utf8(self.get(kind).as_bytes()).unwrap_or_default()
    }

    /// Returns the kind that the beginning of a presented text claims, whatever follows; `None` if
    /// it begins with neither prefix.
    #[must_use]
    pub fn kind_of(&self, presented: &str) -> Option<TokenKind> {
        TokenKind::ALL
            .into_iter()
            .find(|kind| presented.as_bytes().starts_with(self.get(*kind).as_bytes()))
    }

    pub(crate) const fn get(&self, kind: TokenKind) -> &Prefix {
        match kind {
            TokenKind::Personal => &self.personal,
            TokenKind::AgentRun => &self.agent_run,
        }
    }
}

impl Default for SecretPrefixes {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Debug for SecretPrefixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [personal, agent_run] = TokenKind::ALL.map(|kind| self.of(kind));
        write!(f, "SecretPrefixes({personal}, {agent_run})")
    }
}

/// One prefix, and its CRC-32, with which the checksum of every secret begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix {
    chars: [u8; MAX_PREFIX_CHARS],
    len: usize,
    crc: u32,
}

impl Prefix {
    const fn known(chars: [u8; MAX_PREFIX_CHARS], crc: u32) -> Self {
        Self {
            chars,
            len: MAX_PREFIX_CHARS,
            crc,
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_prefix = (2..=MAX_PREFIX_CHARS).contains(&bytes.len())
            && bytes[0].is_ascii_alphabetic()
            && bytes.ends_with(b"_")
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || *b == b'_');
        if !is_prefix {
            return None;
        }
        let mut chars = [0; MAX_PREFIX_CHARS];
        chars[..bytes.len()].copy_from_slice(bytes);
        Some(Self {
            chars,
            len: bytes.len(),
            crc: crc32fast::hash(bytes),
        })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.chars[..self.len]
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Returns the CRC-32 of the prefix and the random bytes, big-endian.
    pub(crate) fn checksum(&self, random: &[u8]) -> [u8; 4] {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.crc);
        hasher.update(random);
        hasher.finalize().to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_prefixes_are_valid_and_those_of_the_kinds() {
        let [personal, agent_run] = TokenKind::ALL.map(TokenKind::secret_prefix);
        assert_eq!(
            SecretPrefixes::new(personal, agent_run),
            Ok(SecretPrefixes::DEFAULT)
        );
    }

    #[test]
    fn a_prefix_is_short_and_ends_with_an_underscore() {
        for text in ["a_", "nts_", "A1_b_", "abcdef_"] {
            let prefixes = SecretPrefixes::new(text, "oi_run_").expect(text);
            assert_eq!(prefixes.of(TokenKind::Personal), text);
            assert_eq!(prefixes.kind_of(text), Some(TokenKind::Personal));
        }
        for text in [
            "", "_", "a", "nts", "abcdefg_", "1a_", "_a_", "a-b_", "a b_", "é_", "a\n_",
        ] {
            for (prefixes, kind) in [
                (SecretPrefixes::new(text, "oi_run_"), TokenKind::Personal),
                (SecretPrefixes::new("oi_pat_", text), TokenKind::AgentRun),
            ] {
                assert_eq!(prefixes, Err(InvalidSecretPrefixes::Form(kind)), "{text:?}");
            }
        }
        let error = SecretPrefixes::new("notes_pat_", "oi_run_").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the prefix of personal tokens must be 2 to 7 characters: A-Z a-z 0-9 _, beginning \
             with a letter and ending with _"
        );
    }

    #[test]
    fn the_kind_of_a_secret_can_be_told() {
        for (personal, agent_run) in [("a_", "a_"), ("a_", "a_b_"), ("a_b_", "a_")] {
            assert_eq!(
                SecretPrefixes::new(personal, agent_run),
                Err(InvalidSecretPrefixes::Ambiguous)
            );
        }
    }
}
