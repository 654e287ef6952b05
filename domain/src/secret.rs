//! The secrets of tokens: format, generation and checks.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroizing, optimization_barrier};

use crate::digest::Digest;
use crate::entropy::{Entropy, EntropyError};
use crate::id::TokenKind;

/// The number of random bytes in a secret: 256 bits.
const RANDOM_BYTES: usize = 32;
/// The random bytes and their CRC-32.
const PAYLOAD_BYTES: usize = RANDOM_BYTES + 4;
/// The length of 36 bytes in base64url (RFC 4648 §5), which needs no padding.
const BODY_CHARS: usize = 48;
/// The length of both prefixes; changing it changes the length of every secret.
const PREFIX_CHARS: usize = 7;
/// CRC-32 of the prefixes, which are the same in every secret.
const PERSONAL_PREFIX_CRC: u32 = 0xe787_14e6;
const AGENT_RUN_PREFIX_CRC: u32 = 0xe68c_2d1a;
/// The length of every secret. 55 bytes are the maximum that SHA-256 hashes in a single block.
const SECRET_CHARS: usize = PREFIX_CHARS + BODY_CHARS;

/// The plaintext of a token: `oi_pat_` or `oi_run_` and 48 base64url characters, which encode 32
/// random bytes and the big-endian CRC-32 of the prefix and those bytes.
///
/// It is generated once, shown once and never stored. The memory is zeroed on drop; there is no
/// `Clone`, no `Display` and no serialization, and `Debug` is redacted. [`Secret::expose`] is the
/// only way to read it, so that every exposure can be found by searching for that name.
pub struct Secret {
    kind: TokenKind,
    text: Zeroizing<[u8; SECRET_CHARS]>,
}

/// The presented text cannot be a secret, so no store lookup is needed. The error reveals neither
/// the text nor the expected checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedSecret {
    /// Does not begin with `oi_pat_` or `oi_run_`.
    #[error("a token begins with oi_pat_ or oi_run_")]
    Prefix,
    /// Is not 55 characters long: truncated, or with something appended.
    #[error("a token has exactly 55 characters")]
    Length,
    /// Contains a character that no secret contains.
    #[error("a token contains only letters, digits and underscores")]
    Alphabet,
    /// The checksum does not match: at least one character is wrong.
    #[error("the checksum does not match; at least one character is mistyped")]
    Checksum,
}

impl Secret {
    /// The length of every secret, in characters.
    pub const CHARS: usize = SECRET_CHARS;

    /// Generates a new secret.
    ///
    /// Draws again while the text contains `-`, so that a double-click selects all of it and
    /// `\boi_(pat|run)_[A-Za-z0-9_]{48}\b` matches it. About half of the draws pass, and at least
    /// 254 bits of entropy remain.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] when the source of entropy is unavailable.
    pub fn generate(kind: TokenKind, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut payload = Zeroizing::new([0; PAYLOAD_BYTES]);
        let mut text = Zeroizing::new([0; SECRET_CHARS]);
        text[..PREFIX_CHARS].copy_from_slice(kind.secret_prefix().as_bytes());
        loop {
            entropy.fill(&mut payload[..RANDOM_BYTES])?;
            let checksum = checksum(kind, &payload[..RANDOM_BYTES]);
            payload[RANDOM_BYTES..].copy_from_slice(&checksum);
            URL_SAFE_NO_PAD
                .encode_slice(&payload[..], &mut text[PREFIX_CHARS..])
                .map_err(|_| EntropyError)?;
            if !text.contains(&b'-') {
                return Ok(Self { kind, text });
            }
        }
    }

    /// Parses a presented secret. It is case-sensitive, and nothing is trimmed.
    ///
    /// # Errors
    ///
    /// [`MalformedSecret`] when the text cannot be a secret.
    pub fn parse(presented: &str) -> Result<Self, MalformedSecret> {
        let (kind, text) = check(presented)?;
        Ok(Self {
            kind,
            text: Zeroizing::new(*text),
        })
    }

    /// Returns the digest of a presented secret. Validates it like [`Secret::parse`], but without a
    /// copy that would have to be zeroed.
    ///
    /// # Errors
    ///
    /// As for [`Secret::parse`].
    pub fn digest_of(presented: &str) -> Result<Digest, MalformedSecret> {
        check(presented).map(|(_, text)| Digest::of(text))
    }

    /// Returns whether the text contains a complete secret anywhere. Text that is stored and shown
    /// must not: everyone who reads it could use the token.
    #[must_use]
    pub fn is_in(text: &str) -> bool {
        let prefixes = TokenKind::ALL.map(TokenKind::secret_prefix);
        let mut starts = prefixes
            .iter()
            .flat_map(|prefix| text.match_indices(prefix));
        starts.any(|(start, _)| {
            let candidate = text.get(start..start + SECRET_CHARS);
            candidate.is_some_and(|candidate| check(candidate).is_ok())
        })
    }

    /// Returns the kind of token, which the prefix determines.
    #[must_use]
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Returns the SHA-256 digest of the text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.text[..])
    }

    /// Returns the last four characters, by which its owner can recognize it.
    #[must_use]
    pub fn last_four(&self) -> LastFour {
        let mut end = [0; LastFour::CHARS];
        end.copy_from_slice(&self.text[SECRET_CHARS - LastFour::CHARS..]);
        LastFour(end)
    }

    /// Returns the plaintext. It grants everything that the token permits: pass it to its owner,
    /// once, and never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        // Both constructors accept only ASCII.
        std::str::from_utf8(&self.text[..]).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[redacted]", self.kind.secret_prefix())
    }
}

/// The error message for text that contains a secret; it does not repeat the secret.
pub(crate) const CONTAINS_SECRET: &str =
    "must not contain a token; revoke that token and remove it from the text";

/// Validates a presented secret and returns its kind and text.
fn check(presented: &str) -> Result<(TokenKind, &[u8; SECRET_CHARS]), MalformedSecret> {
    let bytes = presented.as_bytes();
    let kind = TokenKind::ALL
        .into_iter()
        .find(|kind| bytes.starts_with(kind.secret_prefix().as_bytes()))
        .ok_or(MalformedSecret::Prefix)?;
    let text: &[u8; SECRET_CHARS] = bytes.try_into().map_err(|_| MalformedSecret::Length)?;
    let body = &text[PREFIX_CHARS..];
    // base64url includes `-`, which no secret contains.
    if body.contains(&b'-') {
        return Err(MalformedSecret::Alphabet);
    }
    let mut payload = [0; PAYLOAD_BYTES];
    let decoded = URL_SAFE_NO_PAD.decode_slice(body, &mut payload);
    let fits = payload[RANDOM_BYTES..] == checksum(kind, &payload[..RANDOM_BYTES]);
    // Zeroed in one assignment: `Zeroizing` does it byte by byte, which takes as long as half a
    // SHA-256 block.
    payload = [0; PAYLOAD_BYTES];
    optimization_barrier(&payload);
    decoded.map_err(|_| MalformedSecret::Alphabet)?;
    if !fits {
        return Err(MalformedSecret::Checksum);
    }
    Ok((kind, text))
}

/// Returns the CRC-32 of the prefix and the random bytes, continued from the prefix's own CRC-32.
fn checksum(kind: TokenKind, random: &[u8]) -> [u8; 4] {
    let prefix = match kind {
        TokenKind::Personal => PERSONAL_PREFIX_CRC,
        TokenKind::AgentRun => AGENT_RUN_PREFIX_CRC,
    };
    let mut hasher = crc32fast::Hasher::new_with_initial(prefix);
    hasher.update(random);
    hasher.finalize().to_be_bytes()
}

/// The last four characters of a secret. They encode 24 bits of its checksum and none of its random
/// bytes, so at least 230 bits remain to be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastFour([u8; Self::CHARS]);

/// The text cannot be the last four characters of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 4 letters, digits or underscores")]
pub struct InvalidLastFour;

impl LastFour {
    /// The length in characters.
    pub const CHARS: usize = 4;

    /// Returns the characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Both constructors accept only ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for LastFour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LastFour {
    type Err = InvalidLastFour;

    fn from_str(text: &str) -> Result<Self, InvalidLastFour> {
        let end: [u8; Self::CHARS] = text.as_bytes().try_into().map_err(|_| InvalidLastFour)?;
        let is_end = end.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
        is_end.then_some(Self(end)).ok_or(InvalidLastFour)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::SeededEntropy;

    fn secret(seed: u64, kind: TokenKind) -> String {
        Secret::generate(kind, &SeededEntropy::new(seed))
            .unwrap()
            .expose()
            .to_owned()
    }

    fn kinds() -> impl Strategy<Value = TokenKind> {
        prop_oneof![Just(TokenKind::Personal), Just(TokenKind::AgentRun)]
    }

    #[test]
    fn the_format_is_a_promise_to_every_secret_scanner() {
        // If this text has to change, every existing token stops working.
        let text = secret(7, TokenKind::Personal);
        assert_eq!(
            text,
            "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h"
        );
        assert_eq!(text.len(), 55);
    }

    #[test]
    fn the_checksum_covers_the_prefix() {
        for kind in TokenKind::ALL {
            let mut whole = kind.secret_prefix().as_bytes().to_vec();
            whole.extend([7; RANDOM_BYTES]);
            let expected = crc32fast::hash(&whole).to_be_bytes();
            assert_eq!(checksum(kind, &[7; RANDOM_BYTES]), expected);
        }
    }

    #[test]
    fn debug_shows_only_the_kind() {
        let secret = Secret::generate(TokenKind::AgentRun, &SeededEntropy::new(1)).unwrap();
        assert_eq!(format!("{secret:?}"), "oi_run_[redacted]");
    }

    #[test]
    fn a_prefix_of_one_kind_with_the_body_of_the_other_is_rejected() {
        let text = secret(3, TokenKind::Personal).replace("oi_pat_", "oi_run_");
        assert_eq!(Secret::parse(&text).err(), Some(MalformedSecret::Checksum));
    }

    #[test]
    fn no_secret_is_generated_without_entropy() {
        let mut entropy = crate::testing::MockEntropy::new();
        entropy.expect_fill().return_const(Err(EntropyError));
        assert!(Secret::generate(TokenKind::Personal, &entropy).is_err());
    }

    #[test]
    fn the_last_four_characters_are_a_part_of_the_checksum() {
        for (seed, kind) in [(1, TokenKind::Personal), (2, TokenKind::AgentRun)] {
            let text = secret(seed, kind);
            let end = Secret::parse(&text).unwrap().last_four();
            assert!(text.ends_with(end.as_str()), "{end}");
            let payload = URL_SAFE_NO_PAD.decode(&text[PREFIX_CHARS..]).unwrap();
            let checksum = checksum(kind, &payload[..RANDOM_BYTES]);
            assert_eq!(URL_SAFE_NO_PAD.encode(&checksum[1..]), end.as_str());
        }
    }

    proptest! {
        #[test]
        fn generated_secrets_round_trip(seed in any::<u64>(), kind in kinds()) {
            let text = secret(seed, kind);
            let read = Secret::parse(&text).unwrap();
            prop_assert_eq!(read.kind(), kind);
            prop_assert_eq!(read.expose(), &text);
            prop_assert_eq!(read.digest(), Digest::of(text.as_bytes()));
            prop_assert_eq!(Secret::digest_of(&text), Ok(read.digest()));
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        }

        #[test]
        fn every_single_character_change_is_rejected(
            seed in any::<u64>(), kind in kinds(), other in any::<char>()
        ) {
            let text: Vec<char> = secret(seed, kind).chars().collect();
            let alphabet = ('A'..='Z').chain('a'..='z').chain('0'..='9');
            let alphabet = alphabet.chain(['_', '-', '=', ' ', other]);
            for replacement in alphabet {
                for at in 0..text.len() {
                    if text[at] != replacement {
                        let mut changed = text.clone();
                        changed[at] = replacement;
                        let changed: String = changed.into_iter().collect();
                        prop_assert!(Secret::parse(&changed).is_err(), "{} at {}", replacement, at);
                    }
                }
            }
        }

        #[test]
        fn every_case_flip_is_rejected(seed in any::<u64>(), kind in kinds()) {
            let text = secret(seed, kind);
            prop_assert!(Secret::parse(&text.to_ascii_uppercase()).is_err());
            prop_assert!(Secret::parse(&text.to_ascii_lowercase()).is_err());
            for (at, c) in text.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()) {
                let flipped = if c.is_ascii_lowercase() {
                    c.to_ascii_uppercase()
                } else {
                    c.to_ascii_lowercase()
                };
                let mut changed = text.clone();
                changed.replace_range(at..=at, &flipped.to_string());
                prop_assert!(Secret::parse(&changed).is_err(), "at {}", at);
            }
        }

        #[test]
        fn every_prefix_and_every_extension_is_rejected(
            seed in any::<u64>(), kind in kinds(), more in ".{1,8}"
        ) {
            let text = secret(seed, kind);
            for end in 0..text.len() {
                prop_assert!(Secret::parse(&text[..end]).is_err(), "prefix of {}", end);
                let suffix = &text[text.len() - end..];
                prop_assert!(Secret::parse(suffix).is_err(), "suffix of {}", end);
            }
            let (extended, preceded) = (format!("{text}{more}"), format!("{more}{text}"));
            prop_assert!(Secret::parse(&extended).is_err());
            prop_assert!(Secret::parse(&preceded).is_err());
        }

        #[test]
        fn a_secret_is_found_anywhere_in_text(
            seed in any::<u64>(), kind in kinds(), before in ".{0,80}", after in ".{0,80}",
            broken in 0..SECRET_CHARS
        ) {
            let text = secret(seed, kind);
            let around = format!("{before}{text}{after}");
            prop_assert!(Secret::is_in(&around));
            let twice = format!("oi_pat_{text}oi_run_");
            prop_assert!(Secret::is_in(&twice));
            prop_assert!(!Secret::is_in(&before));
            let mut other = text;
            other.remove(broken);
            let around = format!("{before} {other} {after}");
            prop_assert!(!Secret::is_in(&around));
        }

        #[test]
        fn no_stored_text_contains_a_secret(
            seed in any::<u64>(), kind in kinds(), before in "[a-z ]{0,20}", after in "[a-z ]{0,20}"
        ) {
            use crate::agent_run::{AgentId, InvalidAgentId};
            use crate::token::{InvalidName, TokenName};
            use crate::user::{Email, InvalidEmail, PersonName};

            let text = secret(seed, kind);
            let around = format!("{before}{text}{after}");
            let address = format!("{text}@example.com");
            prop_assert_eq!(TokenName::parse(&around), Err(InvalidName::Secret));
            prop_assert_eq!(PersonName::parse(&around), Err(InvalidName::Secret));
            prop_assert_eq!(Email::parse(&address), Err(InvalidEmail::Secret));
            prop_assert_eq!(AgentId::parse(&text), Err(InvalidAgentId::Secret));
            for said in [
                InvalidName::Secret.to_string(),
                InvalidEmail::Secret.to_string(),
                InvalidAgentId::Secret.to_string(),
            ] {
                prop_assert!(said.contains("revoke"), "{}", said);
            }
        }

        #[test]
        fn arbitrary_text_is_rejected_without_a_panic(text in ".*") {
            prop_assert!(Secret::parse(&text).is_err());
            prop_assert!(Secret::digest_of(&text).is_err());
        }
    }

    #[test]
    fn stored_last_characters_round_trip_and_other_text_is_rejected() {
        assert_eq!(
            "a_9Z".parse::<LastFour>().map(|end| end.to_string()),
            Ok("a_9Z".to_owned())
        );
        for text in ["", "abc", "abcde", "ab-d", "a\nbc", "äbc"] {
            assert_eq!(text.parse::<LastFour>(), Err(InvalidLastFour), "{text:?}");
        }
    }
}
