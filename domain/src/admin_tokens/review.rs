use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::access::{Principal, Requirement};
use crate::clock::Timestamp;
use crate::store::Listing;
use crate::token::{Status, TokenId};

use super::{AdminTokenError, AdminTokens, OwnedToken, TokenFilter};

/// Sets these hashes apart from every other SHA-256 in the system.
const PREFIX: &[u8] = b"openindex token review v1\0";
const BYTES: usize = 32;

/// Names one exact set of tokens: SHA-256 over their sorted ids (`pat_…`), written as 64 hexadecimal digits.
/// It is not a secret; whoever can list the tokens can compute it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReviewDigest([u8; BYTES]);

/// A text that is not a [`ReviewDigest`].
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

/// A set of tokens that a bulk revocation ends as a whole or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// Names exactly these tokens.
    pub digest: ReviewDigest,
    /// How many there are, damaged rows included.
    pub count: usize,
}

impl Review {
    /// Returns the review of these tokens, in whatever order they come.
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

/// A page of the tokens that a bulk revocation would end, and the review of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewPage {
    /// All of the tokens, those on other pages included. It is the same on each page unless the
    /// tokens change.
    pub review: Review,
    /// Whether the filter matches the acting token too, which is not revoked: an administrator who
    /// revokes everything must be able to continue.
    pub kept_own: bool,
    /// The tokens of this page, the newest first.
    pub tokens: Listing<OwnedToken>,
    /// How many tokens there are on the pages before this one.
    pub skipped: usize,
    /// Pass it as `after` for the previous page, unless this is the first; `None` is the first.
    pub previous: Option<TokenId>,
    /// Pass it as `after` for the next page; `None` on the last.
    pub next: Option<TokenId>,
}

impl AdminTokens {
    /// Returns a page of the personal access tokens that [`revoke_matching`](Self::revoke_matching)
    /// would revoke, at most `limit` (at least 1) beginning after `after`, with the digest of all
    /// of them.
    ///
    /// Each token that the digest names is on one of the pages, unless it is deleted meanwhile: then
    /// the digest is never valid again.
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotAuthorized`] unless an administrator asks;
    /// [`AdminTokenError::FilterRequired`]; [`AdminTokenError::Store`].
    pub async fn review(
        &self,
        principal: &Principal,
        filter: &TokenFilter,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<ReviewPage, AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        if filter.is_empty() {
            return Err(AdminTokenError::FilterRequired);
        }
        let now = self.clock.now();
        let (kept, kept_own) = kept(principal, filter, now);
        let mut ids = match filter.status {
            Some(Status::Revoked) => Vec::new(),
            _ => self.store.matching(filter, now).await?,
        };
        ids.retain(|id| Some(*id) != kept);
        ids.sort_unstable_by_key(|id| Reverse(*id));
        let limit = limit.max(1) as usize;
        let skipped = after.map_or(0, |after| ids.partition_point(|id| *id >= after));
        let page = &ids[skipped..ids.len().min(skipped + limit)];
        let is_last = skipped + page.len() == ids.len();
        let before_previous = skipped.checked_sub(limit + 1);
        Ok(ReviewPage {
            tokens: self.store.tokens_by_id(page).await?,
            review: Review::of(ids.iter().copied()),
            kept_own,
            skipped,
            previous: before_previous.map(|index| ids[index]),
            next: page.last().copied().filter(|_| !is_last),
        })
    }
}

/// Returns the acting token, which a bulk revocation never ends, and whether the filter matches it.
pub(super) fn kept(
    principal: &Principal,
    filter: &TokenFilter,
    now: Timestamp,
) -> (Option<TokenId>, bool) {
    let own = principal.token();
    (
        own.map(|token| token.id),
        own.is_some_and(|token| filter.matches(token, now)),
    )
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
    fn a_digest_names_the_set_and_not_its_order() {
        let all = Review::of(ids(1..=5));
        assert_eq!(all, Review::of(ids((1..=5).rev())));
        assert_eq!(all.count, 5);
        for other in [ids(1..=4), ids(2..=6), ids(1..=6), ids([])] {
            assert_ne!(all.digest, Review::of(other).digest);
        }
    }

    #[test]
    fn a_digest_is_read_as_it_is_written_and_in_no_other_way() {
        let digest = Review::of(ids(1..=5)).digest;
        let text = digest.to_string();
        assert_eq!(text.len(), 64);
        assert_eq!(text.parse(), Ok(digest));
        let longer = format!("{text}0");
        let mut spoiled = text.clone();
        spoiled.replace_range(..1, "g");
        let wide = "é".repeat(32);
        for wrong in [
            "",
            &text[1..],
            &longer,
            &spoiled,
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
    fn a_digest_stays_what_it_was_in_earlier_versions() {
        // Of no tokens: SHA-256 of the prefix alone.
        assert_eq!(
            Review::of([]).digest.to_string(),
            "2cac8130886abd0410e8341f6404822c0c5f2d689c02cc158fee2aeb95e6d600"
        );
    }
}
