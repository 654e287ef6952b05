//! Token lookups for stores.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use openindex_domain::StoreError;
use openindex_domain::token::{Digest, TokenRecord};

use crate::{Coalescer, LookupError, Observer, Options, Source};

/// Maximum number of distinct tokens in a batch. Larger batches gain little, and delay queued
/// requests.
pub const MAX_BATCH: NonZero<usize> = NonZero::new(256).unwrap();
/// Maximum number of queued lookups; further ones fail.
const MAX_QUEUE: NonZero<usize> = NonZero::new(8192).unwrap();

/// A store's table of tokens, which finds many tokens in one query.
pub trait TokenTable: Send + Sync + 'static {
    /// Returns the existing tokens with these digests, in any order. Each comes with its digest; a
    /// corrupt token is an error in its place.
    ///
    /// The query must be sent after the call, to a database that has every acknowledged change. The
    /// future is dropped at the deadline.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the query fails as a whole.
    fn find(
        &self,
        digests: &[Digest],
    ) -> impl Future<Output = Result<Vec<FoundToken>, StoreError>> + Send;
}

impl<T: TokenTable> TokenTable for Arc<T> {
    async fn find(&self, digests: &[Digest]) -> Result<Vec<FoundToken>, StoreError> {
        T::find(self, digests).await
    }
}

/// A digest and the token found for it, or the error if its record is corrupt.
pub type FoundToken = (Digest, Result<TokenRecord, StoreError>);

/// Coalesced token lookups by digest, with which stores implement
/// [`find_by_digest`](openindex_domain::token::TokenStore::find_by_digest). Cheap to clone.
pub struct TokenLookups<T: TokenTable>(Coalescer<Table<T>>);

struct Table<T>(T);

/// A corrupt token fails every request for it, and no other request in the batch.
type Shared = Result<Arc<TokenRecord>, Arc<StoreError>>;

impl<T: TokenTable> Source for Table<T> {
    type Key = Digest;
    type Value = Shared;
    type Error = StoreError;

    async fn fetch(&self, digests: &[Digest]) -> Result<Vec<Option<Shared>>, StoreError> {
        let mut found: Vec<FoundToken> = self.0.find(digests).await?;
        if let ([digest], true) = (digests, found.len() <= 1) {
            // The most frequent case.
            let only = found.pop().filter(|(found, _)| found == digest);
            return Ok(vec![only.map(|(_, record)| share(record))]);
        }
        let mut found: HashMap<Digest, _> = found.into_iter().collect();
        Ok(digests
            .iter()
            .map(|digest| found.remove(digest).map(share))
            .collect())
    }
}

fn share(record: Result<TokenRecord, StoreError>) -> Shared {
    record.map(Arc::new).map_err(Arc::new)
}

impl<T: TokenTable> TokenLookups<T> {
    /// Creates token lookups in `table`, with at most `workers` batches in flight. Each lookup
    /// completes within twice the deadline. `observer` is called after each batch.
    #[must_use]
    pub fn new(
        table: T,
        workers: NonZero<usize>,
        deadline: Duration,
        observer: Option<Observer>,
    ) -> Self {
        let options = Options {
            workers,
            max_batch: MAX_BATCH,
            max_queue: MAX_QUEUE,
            deadline,
        };
        let table = Table(table);
        Self(match observer {
            Some(observer) => Coalescer::observed(table, options, observer),
            None => Coalescer::new(table, options),
        })
    }

    /// Returns the token with this digest as of some moment after the call, or `None` if there is
    /// none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the lookup fails or times out, or too many are queued;
    /// [`StoreError::Corrupt`] if the token's record is corrupt.
    pub async fn find(&self, digest: &Digest) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        match self.0.get(*digest).await {
            Ok(found) => found.transpose().map_err(StoreError::corrupt),
            Err(error) => Err(match &error {
                LookupError::Malformed { .. } => StoreError::corrupt(error),
                LookupError::Failed(cause) if matches!(**cause, StoreError::Corrupt(_)) => {
                    StoreError::corrupt(error)
                }
                _ => StoreError::unavailable(error),
            }),
        }
    }

    /// Returns the number of lookups in the queue.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.0.queued()
    }
}

impl<T: TokenTable> Clone for TokenLookups<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use openindex_domain::testing::fixtures::{self, NOW};

    use super::*;

    /// Contains tokens 1 and 2, the second of them corrupt. Returns them in reverse order, and
    /// fails every batch that contains 9.
    struct SmallTable;

    impl TokenTable for SmallTable {
        async fn find(&self, digests: &[Digest]) -> Result<Vec<FoundToken>, StoreError> {
            if digests.contains(&fixtures::digest(9)) {
                return Err(StoreError::unavailable("down"));
            }
            let known = [1, 2].map(fixtures::digest);
            let found = digests.iter().rev().filter(|digest| known.contains(digest));
            Ok(found
                .map(|digest| {
                    let record = TokenRecord {
                        token: fixtures::token(1, NOW),
                        digest: *digest,
                        owner: fixtures::owner(1),
                    };
                    let is_corrupt = *digest == fixtures::digest(2);
                    let corrupt = || StoreError::corrupt("not a token");
                    (
                        *digest,
                        if is_corrupt {
                            Err(corrupt())
                        } else {
                            Ok(record)
                        },
                    )
                })
                .collect())
        }
    }

    async fn find(
        lookups: &TokenLookups<SmallTable>,
        number: u64,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        lookups.find(&fixtures::digest(number)).await
    }

    #[tokio::test]
    async fn each_lookup_returns_its_own_token_only() {
        let (workers, second) = (NonZero::<usize>::MIN, Duration::from_secs(1));
        let lookups = TokenLookups::new(SmallTable, workers, second, None);
        // In one batch, since they arrive before it is sent; then each in a batch of its own.
        let (one, two, three, again) = tokio::join!(
            find(&lookups, 1),
            find(&lookups, 2),
            find(&lookups, 3),
            find(&lookups, 1),
        );
        for one in [one, again, find(&lookups, 1).await] {
            let one = one.expect("a result").expect("a token");
            assert_eq!(one.digest, fixtures::digest(1));
        }
        for two in [two, find(&lookups, 2).await] {
            assert!(matches!(two, Err(StoreError::Corrupt(_))), "{two:?}");
        }
        for three in [three, find(&lookups, 3).await] {
            assert!(matches!(three, Ok(None)), "{three:?}");
        }
        let down = find(&lookups, 9).await;
        assert!(matches!(down, Err(StoreError::Unavailable(_))), "{down:?}");
    }
}
