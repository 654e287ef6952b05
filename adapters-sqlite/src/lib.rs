#![doc = include_str!("../README.md")]
//!
//! [`SqliteStore`] implements the ports of `openindex-domain` and passes its contract suite. It is for
//! an instance with one replica.
//!
//! - **Durable:** write-ahead log with `synchronous=FULL`. A successful change survives `kill -9`
//!   and a power cut.
//! - **Remembered tokens:** one process at a time has a file, so it knows of every change, and a
//!   token that was looked up stays in memory until it or its owner changes
//!   ([`openindex_token_index`]). A second process is refused, unless it is a
//!   [guest](SqliteOptions::as_guest) that ends nothing.
//! - **Batched lookups:** other token lookups that arrive while a query is in flight are sent
//!   together in the next one ([`openindex_coalescing`]), which begins after each of them did.
//! - **One writer:** changes queue for a single connection and run in `BEGIN IMMEDIATE`
//!   transactions, so what a change reads cannot change before it writes. Lookups run beside it, on
//!   their own connections, and see everything that was committed before they began.
//! - **Lists cannot starve lookups:** reads that may take long (work items, the queue, the audit
//!   log, admin tokens and statistics) have their own connections. When all of these stay in use
//!   for too long, only the list is
//!   [`StoreError::Unavailable`](openindex_domain::StoreError::Unavailable).
//! - **No rules in SQL:** a change reads the facts that the domain's `decide` requires, calls it,
//!   and writes its decision.
//! - **Accounts and work items are optional:**
//!   [`with_accounts`](openindex_adapters_sql::SqlStore::with_accounts) stores users, their browser
//!   sessions and invites in the same file, and
//!   [`with_work_items`](openindex_adapters_sql::SqlStore::with_work_items) work items. Without
//!   them, their tables are not created: tokens belong to the owners that the service puts, and
//!   agent runs cannot be bound to a work item.
//! - **Failures:** a locked, full, read-only or unreadable file, or one without a required table,
//!   is [`StoreError::Unavailable`](openindex_domain::StoreError::Unavailable), whose source says
//!   what to do. A violated constraint, a damaged file or a value that the domain rejects is
//!   [`StoreError::Corrupt`](openindex_domain::StoreError::Corrupt).

mod backup;
mod browse;
mod changes;
mod check;
mod copy;
mod dialect;
mod error;
mod file;
mod place;
mod restore;
mod schema;
mod statements;
mod store;
#[cfg(test)]
mod testing;
mod unfinished;
mod writer;

pub use backup::{Backup, BackupError, backup};
pub use check::{check, check_version};
pub use copy::{SqliteSource, SqliteTarget};
pub use file::{FileInUse, MissingFile};
pub use openindex_adapters_sql::{InvalidTablePrefix, NameClash, TablePrefix};
pub use restore::{RestoreFileError, Restoring, restore};
pub use statements::SqliteRow;
pub use store::{SqliteDatabase, SqliteOptions, SqliteStore, check_url, file_of};
