use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::store::Listing;
use crate::token::TokenId;

use super::OwnedToken;

/// Domain separation: distinguishes these hashes from every other SHA-256 in the system.
const PREFIX: &[u8] = b"openindex token review v1\0";
const BYTES: usize = 32;

/// The digest of one exact set of tokens: SHA-256 of their sorted ids (`pat_…`), written as 64
/// hexadecimal digits. It is not a secret; anyone who can list the tokens can compute it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReviewDigest([u8; BYTES]);

/// The text is not a [`ReviewDigest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the {} lowercase hexadecimal digits that a dry run returned", 2 * BYTES)]
pub struct InvalidReviewDigest;

impl fmt::Display for ReviewDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for ReviewDigest {
    type Err = InvalidReviewDigest;

    fn from_str(text: &str) -> Result<Self, InvalidReviewDigest> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(InvalidReviewDigest),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != BYTES || !rest.is_empty() {
            return Err(InvalidReviewDigest);
        }
        let mut bytes = [0; BYTES];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(bytes))
    }
}

/// A set of tokens that a bulk revocation revokes entirely or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// The digest of exactly these tokens.
    pub digest: ReviewDigest,
    /// The number of tokens, including damaged rows.
    pub count: usize,
}

impl Review {
    /// Returns the review of these tokens, in any order.
    #[must_use]
    pub fn of(ids: impl IntoIterator<Item = TokenId>) -> Self {
        let mut ids: Vec<TokenId> = ids.into_iter().collect();
        ids.sort_unstable();
        let mut hash = Sha256::new_with_prefix(PREFIX);
        for id in &ids {
            hash.update(id.to_string());
        }
        Self {
            digest: ReviewDigest(hash.finalize().into()),
            count: ids.len(),
        }
    }
}

/// A page of the tokens that a bulk revocation would revoke, and the review of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReviewPage {
    /// The review of all tokens, including those on other pages. It is the same on each page unless
    /// the tokens change.
    pub review: Review,
    /// Whether the acting token matches too. It is not revoked, so that an administrator who
    /// revokes everything can continue.
    pub kept_own: bool,
    /// The tokens of this page, newest first.
    pub tokens: Listing<OwnedToken>,
    /// The number of tokens on the pages before this one.
    pub skipped: usize,
    /// Pass it as `after` for the previous page, unless this is the first; `None` stands for the
    /// first page.
    pub previous: Option<TokenId>,
    /// Pass it as `after` for the next page; `None` on the last page.
    pub next: Option<TokenId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures::{NOW, token};

    fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<TokenId> {
        let id = |number| token(number, NOW).id;
        numbers.into_iter().map(id).collect()
    }

    #[test]
    fn a_digest_does_not_depend_on_the_order() {
        let all = Review::of(ids(1..=5));
        assert_eq!(all, Review::of(ids((1..=5).rev())));
        assert_eq!(all.count, 5);
        for other in [ids(1..=4), ids(2..=6), ids(1..=6), ids([])] {
            assert_ne!(all.digest, Review::of(other).digest);
        }
    }

    #[test]
    fn a_digest_has_one_spelling() {
        let digest = Review::of(ids(1..=5)).digest;
        let text = digest.to_string();
        assert_eq!(text.len(), 64);
        assert_eq!(text.parse(), Ok(digest));
        let longer = format!("{text}0");
        let mut invalid = text.clone();
        invalid.replace_range(..1, "g");
        let wide = "é".repeat(32);
        for wrong in [
            "",
            &text[1..],
            &longer,
            &invalid,
            &text.to_uppercase(),
            &wide,
        ] {
            assert_eq!(
                wrong.parse::<ReviewDigest>(),
                Err(InvalidReviewDigest),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_digest_is_the_same_as_in_earlier_versions() {
        // The digest of no tokens: SHA-256 of the prefix alone.
        assert_eq!(
            Review::of([]).digest.to_string(),
            "2cac8130886abd0410e8341f6404822c0c5f2d689c02cc158fee2aeb95e6d600"
        );
    }
}
