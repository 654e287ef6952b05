//! The index of a server on SQLite in front of the in-memory store, used rightly or wrongly. A layer
//! takes each request that is not a `GET` for a change of its user and of the user in its path; or
//! of everything if it can end tokens of other users.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;
use openindex_domain::StoreError;
use openindex_domain::token::{Digest, Secret, TokenRecord, TokenStore};
use openindex_domain::user::UserId;
use openindex_token_index::{Changed, TokenIndex};

/// What is wrong with the use of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The rows of a change are closed and opened when the next one of the same rows begins.
    PublishesAfterResponse,
    /// The moment of a read is that of its end.
    KeepsLateFills,
    /// Suspensions close nothing.
    ForgetsSuspensions,
}

/// How long the steps of a late fill wait for each other, so that it happens in every run.
const WAIT_AT_MOST: Duration = Duration::from_millis(50);

/// The owners whose tokens a change can end; `None` for everyone.
type Owners = Option<Vec<UserId>>;

/// The index, and what its changes have to know.
pub(crate) struct Indexed {
    index: TokenIndex,
    fault: Fault,
    hits: AtomicU64,
    /// Number of reads so far, by owner.
    reads: Mutex<HashMap<UserId, u64>>,
    unpublished: Mutex<Vec<Owners>>,
}

impl Indexed {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            index: TokenIndex::new(NonZero::new(10_000).expect("not zero")),
            fault,
            hits: AtomicU64::new(0),
            reads: Mutex::default(),
            unpublished: Mutex::default(),
        }
    }

    /// Asserts that most checks did not read the store.
    pub(crate) fn assert_used(&self) {
        let reads: u64 = self.reads.lock().expect("the reads").values().sum();
        let hits = self.hits.load(Ordering::SeqCst);
        assert!(hits > reads, "{hits} hits, {reads} reads");
    }

    /// Finds a token in the index, or else in the store.
    pub(crate) async fn find(
        &self,
        digest: &Digest,
        read: impl Future<Output = Result<Option<Arc<TokenRecord>>, StoreError>>,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        if let Some(record) = self.index.find(digest) {
            self.hits.fetch_add(1, Ordering::SeqCst);
            return Ok(Some(record));
        }
        let since = self.index.now();
        let found = read.await?;
        if let Some(record) = &found {
            self.count_read(record.owner.id);
            self.index.keep(Arc::clone(record), since);
            if self.fault == Fault::KeepsLateFills {
                // Until the end of a change that has closed its rows.
                let is_kept = || {
                    self.index.keep(Arc::clone(record), self.index.now());
                    self.index.find(digest).is_some()
                };
                wait_until(is_kept).await;
            }
        }
        Ok(found)
    }

    /// Runs a request, and closes and opens the rows that it changes.
    pub(crate) async fn change(
        &self,
        store: &impl TokenStore,
        request: Request,
        next: Next,
    ) -> Response {
        let (method, path) = (request.method(), request.uri().path());
        if method == Method::GET || path == "/auth/introspect" {
            return next.run(request).await;
        }
        let owners = owners(store, named(path), secret(&request)).await;
        let is_forgotten = self.fault == Fault::ForgetsSuspensions && path.ends_with("/suspend");
        if self.fault == Fault::PublishesAfterResponse {
            self.publish_earlier(&owners);
            let response = next.run(request).await;
            self.unpublished.lock().expect("changes").push(owners);
            return response;
        }
        if is_forgotten {
            return next.run(request).await;
        }
        let closed = self.index.close(&changed(&owners));
        if self.fault == Fault::KeepsLateFills {
            // A read that precedes the commit.
            let before = self.reads_of(&owners);
            wait_until(|| self.reads_of(&owners) > before).await;
        }
        let response = next.run(request).await;
        self.index.open(closed);
        response
    }

    fn count_read(&self, owner: UserId) {
        let mut reads = self.reads.lock().expect("the reads");
        *reads.entry(owner).or_default() += 1;
    }

    fn reads_of(&self, owners: &Owners) -> u64 {
        let reads = self.reads.lock().expect("the reads");
        let is_concerned = |owner| owners.as_ref().is_none_or(|owners| owners.contains(owner));
        let concerned = reads.iter().filter(|(owner, _)| is_concerned(owner));
        concerned.map(|(_, count)| count).sum()
    }

    fn publish_earlier(&self, owners: &Owners) {
        let mut unpublished = self.unpublished.lock().expect("changes");
        for earlier in unpublished.extract_if(.., |earlier| earlier == owners) {
            let closed = self.index.close(&changed(&earlier));
            self.index.open(closed);
        }
    }
}

/// Returns the owners whose tokens a request can end; `named` is that in its path.
async fn owners(store: &impl TokenStore, named: Named, secret: Option<Secret>) -> Owners {
    let Named::Owner(named) = named else {
        return None;
    };
    let caller = match secret {
        Some(secret) => store.find_by_digest(&secret.digest()).await,
        None => Ok(None),
    };
    let caller = caller.expect("the store works");
    let caller = caller.map(|record| record.owner.id);
    Some(named.into_iter().chain(caller).collect())
}

/// Whose tokens a path is about, besides the caller's.
enum Named {
    Owner(Option<UserId>),
    Everyone,
}

fn named(path: &str) -> Named {
    if path.starts_with("/admin/pats") || path.starts_with("/credentials") {
        return Named::Everyone;
    }
    Named::Owner(path.split('/').find_map(|part| part.parse().ok()))
}

fn secret(request: &Request) -> Option<Secret> {
    let bearer = request.headers().get(header::AUTHORIZATION)?;
    Secret::parse(bearer.to_str().ok()?.strip_prefix("Bearer ")?).ok()
}

fn changed(owners: &Owners) -> Changed {
    let mut changed = Changed::default();
    match owners {
        Some(owners) => owners.iter().for_each(|owner| changed.add(owner.uuid())),
        None => changed.add_everything(),
    }
    changed
}

async fn wait_until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() && begun.elapsed() < WAIT_AT_MOST {
        tokio::task::yield_now().await;
    }
}
