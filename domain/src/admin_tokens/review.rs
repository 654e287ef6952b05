use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::access::{Principal, Requirement};
use crate::clock::Timestamp;
use crate::page::PageSize;
use crate::store::Listing;
use crate::token::{Status, TokenId};

use super::{AdminTokenError, AdminTokens, OwnedToken, TokenFilter};

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

impl AdminTokens {
    /// Returns a page of the personal access tokens that [`revoke_matching`](Self::revoke_matching)
    /// would revoke, at most `limit` (at least 1), starting after `after`, with the digest of all
    /// of them.
    ///
    /// Every token that the digest covers is on one of the pages, unless it is deleted in the
    /// meantime, in which case the digest becomes invalid.
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotAuthorized`] unless `principal` is an administrator;
    /// [`AdminTokenError::FilterRequired`] when the filter is empty; [`AdminTokenError::Store`]
    /// when the store fails.
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
            _ => self.store.matching_ids(filter, now).await?,
        };
        ids.retain(|id| Some(*id) != kept);
        ids.sort_unstable_by_key(|id| Reverse(*id));
        let limit = PageSize::clamp_tokens(limit).rows() as usize;
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

/// Returns the id of the acting token, which a bulk revocation never revokes, and whether it
/// matches the filter.
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
