use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Timestamp;
use crate::store::StoreError;

use super::{TokenId, TokenStore, TokenUse};

/// The number of uses that are buffered before they are merged by token. Finding a token's entry is
/// slow when there are many, unless many are looked up at once.
const BUFFER_SIZE: usize = 256;

/// The number of tokens whose uses are written at once: other changes wait meanwhile, if the store
/// has one writer.
const WRITTEN_AT_ONCE: usize = 5_000;

/// Collects when tokens were last used, so that verification does not write to the store.
///
/// The application calls [`LastUsed::flush`] every few seconds and before it exits. The collection
/// has at most one entry per token used since the last flush, and a few hundred buffered uses.
#[derive(Debug, Default)]
pub struct LastUsed {
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    buffer: Vec<TokenUse>,
    latest: Latest,
    /// When the oldest of these uses was.
    oldest: Option<Timestamp>,
    /// When the oldest use that a flush is writing was.
    writing: Option<Timestamp>,
}

type Latest = HashMap<TokenId, TokenUse, BuildHasherDefault<LastBytes>>;

/// A hasher that uses the random last bytes of an id. Clients cannot choose them: only verified
/// tokens are recorded.
#[derive(Debug, Default)]
struct LastBytes(u64);

impl Hasher for LastBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            // Spreads the bytes over all bits, because a hash table uses different bits for
            // different purposes.
            self.0 = u64::from_be_bytes(*last).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
}

impl Pending {
    /// Merges the buffered uses into the latest use per token.
    fn gather(&mut self) {
        for token_use in self.buffer.drain(..) {
            let latest = self.latest.entry(token_use.token).or_insert(token_use);
            if token_use.at > latest.at {
                *latest = token_use;
            }
        }
    }
}

impl LastUsed {
    /// Records a use in memory.
    pub fn record(&self, token_use: TokenUse) {
        let mut pending = self.pending();
        if pending.buffer.len() >= BUFFER_SIZE {
            pending.gather();
        }
        pending.oldest.get_or_insert(token_use.at);
        pending.buffer.push(token_use);
    }

    /// Returns when the oldest use was that is not written yet, even if the same token was used
    /// again; `None` if all are written.
    pub fn oldest(&self) -> Option<Timestamp> {
        let pending = self.pending();
        pending.writing.or(pending.oldest)
    }

    /// Writes the collected uses to the store, some thousand at once, and returns the number of
    /// tokens. If the store fails, the uses that are not written are retained for the next flush.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn flush(&self, store: &dyn TokenStore) -> Result<usize, StoreError> {
        let latest = {
            let mut pending = self.pending();
            pending.gather();
            pending.writing = pending.oldest.take();
            std::mem::take(&mut pending.latest)
        };
        let mut uses: Vec<_> = latest.into_values().collect();
        // Stores keep tokens in this order, so each part touches few of their pages.
        uses.sort_unstable_by_key(|token_use| token_use.token);
        let mut written = 0;
        for part in uses.chunks(WRITTEN_AT_ONCE) {
            if let Err(error) = store.record_last_used(part).await {
                for token_use in &uses[written..] {
                    self.record(*token_use);
                }
                let mut pending = self.pending();
                pending.oldest = pending.writing.take();
                return Err(error);
            }
            written += part.len();
        }
        self.pending().writing = None;
        Ok(written)
    }

    // A panic while the lock is held leaves the buffer and the map in a valid state.
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::testing::{MockTokenStore, fixtures};

    /// A use from an address that ends with the number.
    fn used(token: TokenId, at: Timestamp, from: u8) -> TokenUse {
        TokenUse {
            token,
            at,
            from: Some(Ipv4Addr::new(192, 0, 2, from).into()),
        }
    }

    #[tokio::test]
    async fn the_latest_use_of_each_token_is_written_once() {
        let (now, id) = (fixtures::NOW, fixtures::token(1, fixtures::NOW).id);
        let later = now.saturating_add_seconds(1);
        let mut store = MockTokenStore::new();
        store
            .expect_record_last_used()
            .times(1)
            .withf(move |uses| uses == [used(id, later, 2)])
            .returning(|_| Ok(()));
        let last_used = LastUsed::default();
        for (at, from) in [(now, 1), (later, 2), (now, 3)] {
            last_used.record(used(id, at, from));
        }
        assert_eq!(last_used.flush(&store).await.unwrap(), 1);
        assert_eq!(last_used.flush(&store).await.unwrap(), 0, "and not again");
    }

    #[tokio::test]
    async fn however_many_uses_there_are_each_token_has_one_entry() {
        let (now, tokens) = (fixtures::NOW, 100);
        let mut store = MockTokenStore::new();
        store
            .expect_record_last_used()
            .times(1)
            .withf(move |uses| {
                let mut uses = uses.to_vec();
                uses.sort_by_key(|token_use| token_use.token);
                // The last round of uses is incomplete.
                let last = |token| 10 * BUFFER_SIZE as u64 / tokens - u64::from(token >= 60);
                let expected = (0..tokens).map(|token| {
                    let seconds = i64::try_from(last(token)).unwrap();
                    let id = fixtures::token(token, now).id;
                    used(id, now.saturating_add_seconds(seconds), 1)
                });
                uses == expected.collect::<Vec<_>>()
            })
            .returning(|_| Ok(()));
        let last_used = LastUsed::default();
        for number in 0..10 * BUFFER_SIZE as u64 {
            let at = now.saturating_add_seconds(i64::try_from(number / tokens).unwrap());
            last_used.record(used(fixtures::token(number % tokens, now).id, at, 1));
        }
        assert!(last_used.pending().buffer.len() <= BUFFER_SIZE);
        assert_eq!(last_used.flush(&store).await.unwrap(), 100);
    }

    #[tokio::test]
    async fn a_failed_flush_is_repeated_by_the_next() {
        let (now, id) = (fixtures::NOW, fixtures::token(1, fixtures::NOW).id);
        let last_used = LastUsed::default();
        last_used.record(used(id, now, 1));
        let mut down = MockTokenStore::new();
        down.expect_record_last_used()
            .returning(|_| Err(StoreError::unavailable("down")));
        assert!(last_used.flush(&down).await.is_err());
        last_used.record(used(id, now.saturating_add_seconds(-1), 1));
        assert_eq!(last_used.oldest(), Some(now), "the first that was recorded");
        let mut up = MockTokenStore::new();
        up.expect_record_last_used()
            .withf(move |uses| uses == [used(id, now, 1)])
            .returning(|_| Ok(()));
        assert_eq!(last_used.flush(&up).await.unwrap(), 1);
        assert_eq!(last_used.oldest(), None);
    }

    #[tokio::test]
    async fn many_uses_are_written_in_parts_and_only_what_failed_again() {
        let (now, tokens) = (fixtures::NOW, 2 * WRITTEN_AT_ONCE as u64 + 1);
        let last_used = LastUsed::default();
        for number in 0..tokens {
            last_used.record(used(fixtures::token(number, now).id, now, 1));
        }
        let mut failing = MockTokenStore::new();
        let mut parts = 0;
        failing
            .expect_record_last_used()
            .times(2)
            .returning(move |uses| {
                assert_eq!(uses.len(), WRITTEN_AT_ONCE);
                parts += 1;
                match parts {
                    1 => Ok(()),
                    _ => Err(StoreError::unavailable("down")),
                }
            });
        assert!(last_used.flush(&failing).await.is_err());
        let mut up = MockTokenStore::new();
        up.expect_record_last_used().times(2).returning(|_| Ok(()));
        assert_eq!(last_used.flush(&up).await.unwrap(), WRITTEN_AT_ONCE + 1);
    }

    #[tokio::test]
    async fn a_use_that_is_being_written_is_not_written_yet() {
        let (now, id) = (fixtures::NOW, fixtures::token(1, fixtures::NOW).id);
        let last_used = std::sync::Arc::new(LastUsed::default());
        last_used.record(used(id, now, 1));
        assert_eq!(last_used.oldest(), Some(now));
        let mut store = MockTokenStore::new();
        let seen = last_used.clone();
        store.expect_record_last_used().returning(move |_| {
            seen.record(used(id, now.saturating_add_seconds(5), 1));
            assert_eq!(seen.oldest(), Some(now));
            Ok(())
        });
        assert_eq!(last_used.flush(&store).await.unwrap(), 1);
        assert_eq!(last_used.oldest(), Some(now.saturating_add_seconds(5)));
    }
}
