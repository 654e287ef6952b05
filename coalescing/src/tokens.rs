//! Lookups of tokens, for stores.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use openindex_domain::StoreError;
use openindex_domain::token::{Digest, TokenRecord};

use crate::{Coalescer, LookupError, Observer, Options, Source};

/// Distinct tokens that a table is asked for at once, at most: more gain little, and hold up those
/// behind them.
pub const MAX_BATCH: NonZero<usize> = NonZero::new(256).unwrap();
/// Lookups that wait. A request is turned away rather than be the next.
const MAX_QUEUE: NonZero<usize> = NonZero::new(8192).unwrap();

/// Where a store's tokens are, to be asked for many at once.
pub trait TokenTable: Send + Sync + 'static {
    /// The tokens with these digests that there are, in any order; each with its digest, and with an
    /// error in place of one that cannot be.
    ///
    /// The question must be sent to where every answered change is seen, after this is called. The
    /// future is dropped at the deadline.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when nobody can be told anything.
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

/// What was found for a digest.
pub type FoundToken = (Digest, Result<TokenRecord, StoreError>);

/// Tokens by their digests, coalesced: what a store's
/// [`find_by_digest`](openindex_domain::token::TokenStore::find_by_digest) is made of. Cheap to
/// clone.
pub struct TokenLookups<T: TokenTable>(Coalescer<Table<T>>);

struct Table<T>(T);

/// One that cannot be is so for all who asked for it, and for nobody else in its batch.
type Shared = Result<Arc<TokenRecord>, Arc<StoreError>>;

impl<T: TokenTable> Source for Table<T> {
    type Key = Digest;
    type Value = Shared;
    type Error = StoreError;

    async fn fetch(&self, digests: &[Digest]) -> Result<Vec<Option<Shared>>, StoreError> {
        let mut found: Vec<FoundToken> = self.0.find(digests).await?;
        if let ([digest], true) = (digests, found.len() <= 1) {
            // The most frequent batch of all.
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
    /// Lookups in `table`, of which `lanes` are in flight at once; each is answered within twice the
    /// deadline. `observer` is told of each batch.
    #[must_use]
    pub fn new(
        table: T,
        lanes: NonZero<usize>,
        deadline: Duration,
        observer: Option<Observer>,
    ) -> Self {
        let options = Options {
            lanes,
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

    /// The token with this digest, as it was at some moment after this call.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when that could not be found out in time, or too many wait;
    /// [`StoreError::Corrupt`] when the token cannot be.
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

    /// How many lookups wait for a batch now.
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

    /// Knows tokens 1 and 2, of which the second cannot be, and answers in the wrong order; 9 breaks
    /// every batch that it is in.
    struct Few;

    impl TokenTable for Few {
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
                    let is_bad = *digest == fixtures::digest(2);
                    let bad = || StoreError::corrupt("not a token");
                    (*digest, if is_bad { Err(bad()) } else { Ok(record) })
                })
                .collect())
        }
    }

    async fn find(
        lookups: &TokenLookups<Few>,
        number: u64,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        lookups.find(&fixtures::digest(number)).await
    }

    #[tokio::test]
    async fn each_is_told_of_its_own_token_alone() {
        let (lanes, second) = (NonZero::<usize>::MIN, Duration::from_secs(1));
        let lookups = TokenLookups::new(Few, lanes, second, None);
        // In one batch, as they arrive before it leaves; and each by itself.
        let (one, two, three, again) = tokio::join!(
            find(&lookups, 1),
            find(&lookups, 2),
            find(&lookups, 3),
            find(&lookups, 1),
        );
        for one in [one, again, find(&lookups, 1).await] {
            let one = one.expect("an answer").expect("a token");
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
