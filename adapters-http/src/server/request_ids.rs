use std::sync::{Arc, Mutex};

use openindex_domain::audit::RequestId;
use openindex_domain::entropy::Entropy;
use uuid::fmt::Simple;

const ID_BYTES: usize = 16;
/// Number of ids whose random bytes are read at once, because reading them is a system call.
const BUFFERED: usize = 128;

/// Creates request ids. They are unique but not secret.
pub(super) struct RequestIds {
    entropy: Arc<dyn Entropy>,
    buffer: Mutex<Buffer>,
}

struct Buffer {
    random: [u8; ID_BYTES * BUFFERED],
    used: usize,
}

impl RequestIds {
    pub(super) fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self {
            entropy,
            buffer: Mutex::new(Buffer {
                random: [0; ID_BYTES * BUFFERED],
                used: BUFFERED,
            }),
        }
    }

    /// Returns a new id; `None` without entropy.
    pub(super) fn next(&self) -> Option<RequestId> {
        // Requests on other threads do not wait for each other.
        let Ok(mut buffer) = self.buffer.try_lock() else {
            return new_id(&*self.entropy);
        };
        if buffer.used == BUFFERED {
            self.entropy.fill(&mut buffer.random).ok()?;
            buffer.used = 0;
        }
        let (ids, _) = buffer.random.as_chunks::<ID_BYTES>();
        let random = ids[buffer.used];
        buffer.used += 1;
        drop(buffer);
        of_random(random)
    }
}

/// Returns a new id; `None` without entropy.
pub(super) fn new_id(entropy: &dyn Entropy) -> Option<RequestId> {
    let mut random = [0; ID_BYTES];
    entropy.fill(&mut random).ok()?;
    of_random(random)
}

fn of_random(random: [u8; ID_BYTES]) -> Option<RequestId> {
    const PREFIX: &[u8] = b"req_";
    let uuid = uuid::Builder::from_random_bytes(random).into_uuid();
    let mut text = [0; PREFIX.len() + Simple::LENGTH];
    let (prefix, digits) = text.split_at_mut(PREFIX.len());
    prefix.copy_from_slice(PREFIX);
    uuid.simple().encode_lower(digits);
    RequestId::parse(std::str::from_utf8(&text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use openindex_domain::testing::SeededEntropy;

    use super::*;

    #[test]
    fn ids_do_not_repeat_across_buffers() {
        let ids = RequestIds::new(Arc::new(SeededEntropy::new(1)));
        let all: HashSet<_> = (0..3 * BUFFERED).filter_map(|_| ids.next()).collect();
        assert_eq!(all.len(), 3 * BUFFERED);
        assert!(all.iter().all(|id| id.as_str().starts_with("req_")));
    }

    #[test]
    fn a_thread_does_not_wait_for_the_buffer() {
        let ids = RequestIds::new(Arc::new(SeededEntropy::new(1)));
        let _held = ids.buffer.lock().unwrap();
        assert!(ids.next().is_some());
    }
}
