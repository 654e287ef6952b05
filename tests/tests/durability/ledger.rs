//! What a server acknowledged.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use openindex_tests::{Client, Random, Response};
use serde_json::json;

/// A generous timeout for a busy machine.
const SOON: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(2);
/// Number of clients that change something at the same time.
const CLIENTS: u64 = 4;

/// The tokens whose creation was acknowledged, and what clients know of their deletion.
#[derive(Default)]
pub(crate) struct Ledger {
    tokens: Mutex<Vec<Entry>>,
    acknowledged: AtomicUsize,
    failed: AtomicUsize,
    finished: AtomicBool,
    is_doubted: AtomicBool,
}

struct Entry {
    path: String,
    secret: String,
    deletion: Deletion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletion {
    None,
    /// Sent without a response, or with a 503.
    Unknown,
    Acknowledged,
}

/// An acknowledged creation or deletion.
pub(crate) enum Change {
    Created(usize),
    Deleted(usize),
}

impl Ledger {
    fn tokens(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.tokens.lock().expect("the tokens")
    }

    /// Makes changes with several clients while `meanwhile` runs, and until it has returned. They
    /// continue after a 503, and end when the server does not respond.
    pub(crate) fn work<T>(
        &self,
        http: &Client,
        admin: &str,
        seed: u64,
        meanwhile: impl FnOnce() -> T,
    ) -> T {
        self.finished.store(false, Ordering::SeqCst);
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let mut random = Random::new(seed.wrapping_add(client));
                scope.spawn(move || {
                    while !self.finished.load(Ordering::SeqCst) {
                        match self.change(http, admin, &mut random) {
                            Ok(Some(_)) => {}
                            Ok(None) => thread::sleep(PAUSE),
                            Err(_) => break,
                        }
                    }
                });
            }
            // Also if it panics.
            let _finish = Finish(&self.finished);
            meanwhile()
        })
    }

    /// Creates a token or deletes one. Returns `None` for a 503, and an error without a response.
    pub(crate) fn change(
        &self,
        http: &Client,
        admin: &str,
        random: &mut Random,
    ) -> Result<Option<Change>, ureq::Error> {
        let target = if random.below(2) == 0 {
            None
        } else {
            self.target(random)
        };
        let bearer = format!("Bearer {admin}");
        let headers = [
            ("authorization", &*bearer),
            ("content-type", "application/json"),
        ];
        let response = if let Some((_, path)) = &target {
            http.try_send("DELETE", path, &headers, None)?
        } else {
            let body = json!({"name": "ci", "scope": "read_write"}).to_string();
            http.try_send("POST", "/me/pats", &headers, Some(&body))?
        };
        if response.status == 503 {
            assert_unavailable(&response);
            self.failed.fetch_add(1, Ordering::SeqCst);
            return Ok(None);
        }
        if self.is_doubted.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let mut tokens = self.tokens();
        let change = if let Some((entry, _)) = target {
            assert_eq!(response.status, 204, "{response:?}");
            tokens[entry].deletion = Deletion::Acknowledged;
            Change::Deleted(entry)
        } else {
            assert_eq!(response.status, 201, "{response:?}");
            let created = response.json();
            let text = |field: &str| created[field].as_str().expect("text").to_owned();
            tokens.push(Entry {
                path: format!("/me/pats/{}", text("id")),
                secret: text("token"),
                deletion: Deletion::None,
            });
            Change::Created(tokens.len() - 1)
        };
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
        Ok(Some(change))
    }

    /// Returns a token to delete, which no other client deletes.
    fn target(&self, random: &mut Random) -> Option<(usize, String)> {
        let mut tokens = self.tokens();
        let count = tokens.len();
        if count == 0 {
            return None;
        }
        let entry = random.below(count);
        let token = &mut tokens[entry];
        if token.deletion != Deletion::None {
            return None;
        }
        token.deletion = Deletion::Unknown;
        Some((entry, token.path.clone()))
    }

    /// From now on, an acknowledged change counts as one without a response.
    pub(crate) fn doubt(&self, is_doubted: bool) {
        self.is_doubted.store(is_doubted, Ordering::SeqCst);
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Waits until this many more changes were acknowledged.
    pub(crate) fn await_acknowledged(&self, more: usize) {
        await_count(&self.acknowledged, more);
    }

    /// Waits until this many more requests had a 503.
    pub(crate) fn await_failed(&self, more: usize) {
        await_count(&self.failed, more);
    }

    /// Returns the secret of a live token, if any.
    pub(crate) fn live(&self) -> Option<String> {
        let tokens = self.tokens();
        let live = tokens.iter().find(|token| token.deletion == Deletion::None);
        live.map(|token| token.secret.clone())
    }

    /// Asserts that the server knows everything that was acknowledged.
    pub(crate) fn assert_complete(&self, http: &Client) {
        let tokens = self.tokens();
        let mut wrong = Vec::new();
        for (number, token) in tokens.iter().enumerate() {
            let found = verify(http, &token.secret);
            let expected = match token.deletion {
                Deletion::None => &[Some(true)][..],
                Deletion::Unknown => &[Some(true), Some(false)],
                Deletion::Acknowledged => &[Some(false)],
            };
            if !expected.contains(&found) {
                wrong.push((number, token.deletion, found));
            }
        }
        assert!(wrong.is_empty(), "of {} tokens: {wrong:?}", tokens.len());
    }

    /// Asserts that the server knows the first `kept` of these changes, which are all that there
    /// were, and no later one than the first `possible`.
    pub(crate) fn assert_prefix(
        &self,
        http: &Client,
        changes: &[Change],
        kept: usize,
        possible: usize,
    ) {
        let tokens = self.tokens();
        let found: Vec<_> = tokens
            .iter()
            .map(|token| verify(http, &token.secret))
            .collect();
        let is_prefix = |count: usize| {
            let mut expected = vec![None; tokens.len()];
            for change in &changes[..count] {
                match change {
                    Change::Created(entry) => expected[*entry] = Some(true),
                    Change::Deleted(entry) => expected[*entry] = Some(false),
                }
            }
            expected == found
        };
        assert!(
            (kept..=possible).any(is_prefix),
            "not the first {kept} to {possible} of {} changes: {found:?}",
            changes.len()
        );
    }
}

/// Ends the work when dropped.
struct Finish<'a>(&'a AtomicBool);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Returns whether a token is live; `None` if it is unknown.
fn verify(http: &Client, secret: &str) -> Option<bool> {
    let response = http.get("/me", secret);
    match response.outcome() {
        (200, _) => Some(true),
        (401, code) if code == "token_revoked" => Some(false),
        (401, code) if code == "token_unknown" => None,
        other => panic!("{other:?}"),
    }
}

/// Asserts that a response is a 503 as it is documented.
pub(crate) fn assert_unavailable(response: &Response) {
    assert_eq!(response.outcome(), (503, "unavailable".to_owned()));
    assert!(!response.header("retry-after").is_empty(), "{response:?}");
    let detail = response.json()["detail"].as_str().map(str::to_owned);
    assert!(
        detail.is_some_and(|detail| !detail.is_empty()),
        "{response:?}"
    );
}

fn await_count(count: &AtomicUsize, more: usize) {
    let begun = Instant::now();
    let enough = count.load(Ordering::SeqCst) + more;
    while count.load(Ordering::SeqCst) < enough {
        assert!(begun.elapsed() < SOON, "nothing happens any more");
        thread::sleep(Duration::from_millis(1));
    }
}
