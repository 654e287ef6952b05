//! The secrets of tokens: format, generation and checks.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroizing, optimization_barrier};

use crate::digest::Digest;
use crate::entropy::{Entropy, EntropyError};
use crate::id::TokenKind;
use crate::secret_prefix::{MAX_PREFIX_CHARS, Prefix, SecretPrefixes};

/// The number of random bytes in a secret: 256 bits.
const RANDOM_BYTES: usize = 32;
/// The random bytes and their CRC-32.
const PAYLOAD_BYTES: usize = RANDOM_BYTES + 4;
/// The length of 36 bytes in base64url (RFC 4648 §5), which needs no padding.
const BODY_CHARS: usize = 48;
/// The maximum length of a secret.
const MAX_SECRET_CHARS: usize = MAX_PREFIX_CHARS + BODY_CHARS;

/// The plaintext of a token: a prefix, by default `oi_pat_` or `oi_run_`, and 48 base64url
/// characters, which encode 32 random bytes and the big-endian CRC-32 of the prefix and those bytes.
///
/// It is generated once, shown once and never stored. The memory is zeroed on drop; there is no
/// `Clone`, no `Display` and no serialization, and `Debug` is redacted. [`Secret::expose`] is the
/// only way to read it, so that every exposure can be found by searching for that name.
pub struct Secret {
    kind: TokenKind,
    text: Zeroizing<[u8; MAX_SECRET_CHARS]>,
    len: usize,
}

/// The presented text cannot be a secret, so no store lookup is needed. The error reveals neither
/// the text nor the expected checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedSecret {
    /// Does not begin with one of these prefixes.
    #[error(
        "a token begins with {} or {}",
        .0.of(TokenKind::Personal),
        .0.of(TokenKind::AgentRun)
    )]
    Prefix(SecretPrefixes),
    /// Does not have this number of characters: truncated, or with something appended.
    #[error("a token has exactly {0} characters")]
    Length(usize),
    /// Contains a character that no secret contains.
    #[error("a token contains only letters, digits and underscores")]
    Alphabet,
    /// The checksum does not match: at least one character is wrong.
    #[error("the checksum does not match; at least one character is mistyped")]
    Checksum,
}

impl SecretPrefixes {
    /// Generates a new secret with the prefix of this kind.
    ///
    /// Draws again while the text contains `-`, so that a double-click selects all of it and
    /// `\boi_(pat|run)_[A-Za-z0-9_]{48}\b` matches it. About half of the draws pass, and at least
    /// 254 bits of entropy remain.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] when the source of entropy is unavailable.
    pub fn generate(&self, kind: TokenKind, entropy: &dyn Entropy) -> Result<Secret, EntropyError> {
        let prefix = self.get(kind);
        let len = prefix.len() + BODY_CHARS;
        let mut payload = Zeroizing::new([0; PAYLOAD_BYTES]);
        let mut text = Zeroizing::new([0; MAX_SECRET_CHARS]);
        text[..prefix.len()].copy_from_slice(prefix.as_bytes());
        loop {
            entropy.fill(&mut payload[..RANDOM_BYTES])?;
            let checksum = prefix.checksum(&payload[..RANDOM_BYTES]);
            payload[RANDOM_BYTES..].copy_from_slice(&checksum);
            URL_SAFE_NO_PAD
                .encode_slice(&payload[..], &mut text[prefix.len()..len])
                .map_err(|_| EntropyError)?;
            if !text.contains(&b'-') {
                return Ok(Secret { kind, text, len });
            }
        }
    }

    /// Parses a presented secret with one of these prefixes. It is case-sensitive, and nothing is
    /// trimmed.
    ///
    /// # Errors
    ///
    /// [`MalformedSecret`] when the text cannot be a secret.
    pub fn parse(&self, presented: &str) -> Result<Secret, MalformedSecret> {
        let kind = self.check(presented)?;
        let mut text = Zeroizing::new([0; MAX_SECRET_CHARS]);
        text[..presented.len()].copy_from_slice(presented.as_bytes());
        let len = presented.len();
        Ok(Secret { kind, text, len })
    }

    /// Returns the digest of a presented secret. Validates it like [`parse`](Self::parse), but
    /// without a copy that would have to be zeroed.
    ///
    /// # Errors
    ///
    /// As for [`parse`](Self::parse).
    pub fn digest_of(&self, presented: &str) -> Result<Digest, MalformedSecret> {
        self.check(presented)?;
        self.claimed_digest(presented)
    }

    /// Returns the digest of a text with the prefix and the length of a secret, whose checksum may
    /// be wrong.
    pub(crate) fn claimed_digest(&self, presented: &str) -> Result<Digest, MalformedSecret> {
        parts(self, presented).map(|_| Digest::of(presented.as_bytes()))
    }

    /// Validates a presented secret and returns its kind.
    pub(crate) fn check(&self, presented: &str) -> Result<TokenKind, MalformedSecret> {
        let (kind, body) = parts(self, presented)?;
        check_body(self.get(kind), body).map(|()| kind)
    }
}

impl Secret {
    /// The length of every secret with the default prefixes, in characters, and the maximum length
    /// of any other.
    pub const CHARS: usize = MAX_SECRET_CHARS;

    /// Generates a new secret as [`SecretPrefixes::generate`] does, with the default prefix.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] when the source of entropy is unavailable.
    pub fn generate(kind: TokenKind, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        SecretPrefixes::DEFAULT.generate(kind, entropy)
    }

    /// Parses a presented secret as [`SecretPrefixes::parse`] does, with the default prefixes.
    ///
    /// # Errors
    ///
    /// [`MalformedSecret`] when the text cannot be a secret.
    pub fn parse(presented: &str) -> Result<Self, MalformedSecret> {
        SecretPrefixes::DEFAULT.parse(presented)
    }

    /// Returns the digest of a presented secret with a default prefix, as
    /// [`SecretPrefixes::digest_of`] does.
    ///
    /// # Errors
    ///
    /// As for [`Secret::parse`].
    pub fn digest_of(presented: &str) -> Result<Digest, MalformedSecret> {
        SecretPrefixes::DEFAULT.digest_of(presented)
    }

    /// Returns whether the text contains a complete secret anywhere, with whatever prefix. Text
    /// that is stored and shown must not: everyone who reads it could use the token.
    #[must_use]
    pub fn is_in(text: &str) -> bool {
        // Every prefix ends with an underscore.
        text.match_indices('_').any(|(end, _)| {
            let start = end + 1;
            let body = text.as_bytes().get(start..start + BODY_CHARS);
            let body = body.and_then(|body| body.try_into().ok());
            let starts = start.saturating_sub(MAX_PREFIX_CHARS)..end;
            body.is_some_and(|body| {
                starts
                    .filter_map(|at| Prefix::parse(text.get(at..start)?))
                    .any(|prefix| check_body(&prefix, body).is_ok())
            })
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
        Digest::of(self.expose().as_bytes())
    }

    /// Returns the last four characters, by which its owner can recognize it.
    #[must_use]
    pub fn last_four(&self) -> LastFour {
        let mut end = [0; LastFour::CHARS];
        end.copy_from_slice(&self.text[self.len - LastFour::CHARS..self.len]);
        LastFour(end)
    }

    /// Returns the plaintext. It grants everything that the token permits: pass it to its owner,
    /// once, and never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        // Both constructors accept only ASCII.
        std::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, _) = self.expose().split_at(self.len - BODY_CHARS);
        write!(f, "{prefix}[redacted]")
    }
}

/// The error message for text that contains a secret; it does not repeat the secret.
pub(crate) const CONTAINS_SECRET: &str =
    "must not contain a token; revoke that token and remove it from the text";

/// Returns the kind that a presented secret claims, and the part behind its prefix, if both have the
/// length of a secret.
fn parts<'p>(
    prefixes: &SecretPrefixes,
    presented: &'p str,
) -> Result<(TokenKind, &'p [u8; BODY_CHARS]), MalformedSecret> {
    let kind = prefixes
        .kind_of(presented)
        .ok_or(MalformedSecret::Prefix(*prefixes))?;
    let prefix = prefixes.get(kind);
    let body = presented.as_bytes()[prefix.len()..]
        .try_into()
        .map_err(|_| MalformedSecret::Length(prefix.len() + BODY_CHARS))?;
    Ok((kind, body))
}

/// Validates the part of a secret behind its prefix.
fn check_body(prefix: &Prefix, body: &[u8; BODY_CHARS]) -> Result<(), MalformedSecret> {
    // base64url includes `-`, which no secret contains.
    if body.contains(&b'-') {
        return Err(MalformedSecret::Alphabet);
    }
    let mut payload = [0; PAYLOAD_BYTES];
    let decoded = URL_SAFE_NO_PAD.decode_slice(body, &mut payload);
    let fits = payload[RANDOM_BYTES..] == prefix.checksum(&payload[..RANDOM_BYTES]);
    // Zeroed in one assignment: `Zeroizing` does it byte by byte, which takes as long as half a
    // SHA-256 block.
    payload = [0; PAYLOAD_BYTES];
    optimization_barrier(&payload);
    decoded.map_err(|_| MalformedSecret::Alphabet)?;
    if !fits {
        return Err(MalformedSecret::Checksum);
    }
    Ok(())
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
            let prefix = SecretPrefixes::DEFAULT;
            assert_eq!(prefix.get(kind).checksum(&[7; RANDOM_BYTES]), expected);
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
            let payload = URL_SAFE_NO_PAD.decode(&text[MAX_PREFIX_CHARS..]).unwrap();
            let prefix = SecretPrefixes::DEFAULT;
            let checksum = prefix.get(kind).checksum(&payload[..RANDOM_BYTES]);
            assert_eq!(URL_SAFE_NO_PAD.encode(&checksum[1..]), end.as_str());
        }
    }

    fn prefixes() -> impl Strategy<Value = SecretPrefixes> {
        let prefix = || "[A-Za-z][A-Za-z0-9_]{0,5}_";
        (prefix(), prefix()).prop_filter_map("ambiguous", |(personal, agent_run)| {
            SecretPrefixes::new(&personal, &agent_run).ok()
        })
    }

    proptest! {
        #[test]
        fn secrets_of_any_prefixes_round_trip_in_one_block(
            seed in any::<u64>(), kind in kinds(), prefixes in prefixes()
        ) {
            let secret = prefixes.generate(kind, &SeededEntropy::new(seed)).unwrap();
            let text = secret.expose();
            // SHA-256 appends 9 bytes to what it hashes in blocks of 64.
            prop_assert!(text.len() <= 64 - 9, "{}", text.len());
            prop_assert!(text.starts_with(prefixes.of(kind)));
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
            prop_assert!(text.ends_with(secret.last_four().as_str()));
            let read = prefixes.parse(text).unwrap();
            prop_assert_eq!(read.kind(), kind);
            prop_assert_eq!(read.expose(), text);
            prop_assert_eq!(read.digest(), Digest::of(text.as_bytes()));
            prop_assert_eq!(prefixes.digest_of(text), Ok(secret.digest()));
            prop_assert_eq!(format!("{read:?}"), format!("{}[redacted]", prefixes.of(kind)));
            let around = format!("see {text}, or not");
            prop_assert!(Secret::is_in(&around));
        }

        #[test]
        fn a_secret_of_other_prefixes_is_malformed(
            seed in any::<u64>(), kind in kinds(), own in prefixes(), other in prefixes()
        ) {
            prop_assume!(TokenKind::ALL.iter().all(|kind| own.of(*kind) != other.of(*kind)));
            prop_assume!(own.of(kind) != other.of(TokenKind::Personal));
            prop_assume!(own.of(kind) != other.of(TokenKind::AgentRun));
            let secret = own.generate(kind, &SeededEntropy::new(seed)).unwrap();
            prop_assert!(other.parse(secret.expose()).is_err());
            prop_assert!(other.digest_of(secret.expose()).is_err());
            // Nor does another prefix make it one of the other's.
            let (_, body) = secret.expose().split_at(own.of(kind).len());
            let forged = format!("{}{body}", other.of(kind));
            prop_assert_eq!(other.parse(&forged).err(), Some(MalformedSecret::Checksum));
        }

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
            broken in 0..MAX_SECRET_CHARS
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
