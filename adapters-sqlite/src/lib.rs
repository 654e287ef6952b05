//! The store of tokens, accounts and work items on SQLite: one file, no server, the default of an
//! instance with one replica.
//!
//! [`SqliteStore`] implements the ports of `openindex-domain` and passes its contract suite.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use openindex_adapters_sqlite::SqliteStore;
//! use openindex_domain::StoreHealth;
//!
//! # let directory = tempfile::tempdir()?;
//! # let url = format!("sqlite://{}", directory.path().join("openindex.db").display());
//! let store = SqliteStore::connect(&url).await?; // creates a missing file, mode 0600
//! store.migrate().await?;
//! store.ready().await?;
//! store.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! - **Durable:** write-ahead log with `synchronous=FULL`. A change that answered survives
//!   `kill -9` and a power cut.
//! - **Lookups together:** lookups of tokens that arrive while one is under way leave as one query
//!   ([`openindex_coalescing`]), which begins after each of them did.
//! - **One writer:** changes queue for a single connection and run in `BEGIN IMMEDIATE`
//!   transactions, so what a change reads cannot move before it writes. Lookups run beside it, on
//!   connections of their own, and see everything that was committed before they began.
//! - **Lists do not hold up lookups:** what may take long to read (work items, the queue, the trail,
//!   inventories and counts) has connections of its own again. When all are busy for too long, the
//!   list is [`StoreError::Unavailable`](openindex_domain::StoreError::Unavailable), and nothing
//!   else.
//! - **No rule in SQL:** a change reads what the domain's `decide` asks for, asks it, and writes
//!   what it says.
//! - **Work items are a choice:** [`SqliteStore::with_work_items`] keeps them here, beside the tokens.
//!   Without it none of their tables is made, and everything else is the same, but that no agent
//!   run can be bound to one.
//! - **Failures:** a locked, full, read-only or unreadable file, or one without a table that is
//!   required, is [`StoreError::Unavailable`](openindex_domain::StoreError::Unavailable), and its
//!   source says what to do; a broken constraint,
//!   a damaged file or a value that the domain refuses is
//!   [`StoreError::Corrupt`](openindex_domain::StoreError::Corrupt).

mod acting;
mod admin_tokens;
mod agent_runs;
mod audit;
mod browse;
mod error;
mod file;
mod forms;
mod invites;
mod lookups;
mod rate_limits;
mod rows;
mod sessions;
mod sign_in_links;
mod store;
#[cfg(test)]
mod testing;
mod tokens;
mod users;
mod work_items;
mod writer;

pub use store::{SqliteOptions, SqliteStore};
