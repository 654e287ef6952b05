#![doc = include_str!("../README.md")]
//!
//! [`PostgresStore`] implements the ports of `openindex-domain` and passes its contract suite.
//!
//! - **No stale reads:** each token lookup is part of a query that is sent to the primary after the
//!   lookup began, so it sees everything that any replica committed before. Lookups that arrive
//!   while a query is in flight are sent together in the next one ([`openindex_coalescing`]). A
//!   standby is rejected, because it may still return revoked tokens as live. If the URL lists
//!   several hosts, the store finds the primary among them, and rejects a former one.
//! - **Exact under concurrency:** a change first locks the row of each owner that it depends on (the
//!   actor and the target, ordered by id), then reads, then writes. So all changes of one user's
//!   tokens, sessions, password and suspension are serialized. Agent runs, which also end together
//!   with other things, and work items are locked individually. Where there is no row to lock, a
//!   change takes an advisory lock, or locks the table of users against inserts; the order is the
//!   same everywhere. Bulk revocation blocks all other changes while it runs, but no lookup.
//! - **No rules in SQL:** a change reads the facts that the domain's `decide` requires, calls it,
//!   and writes its decision.
//! - **Bounded waits:** no call waits for a connection, a lock or a response without a limit (see
//!   [`PoolOptions`]). An unreachable server, and a missing privilege, table or migration, is
//!   [`StoreError::Unavailable`](openindex_domain::StoreError::Unavailable), whose source says what
//!   to do. A violated constraint or a value that the domain rejects is
//!   [`StoreError::Corrupt`](openindex_domain::StoreError::Corrupt).
//! - **Two roles:** one role owns the tables and [migrates](openindex_adapters_sql::SqlStore::migrate); the other
//!   serves with the privileges that [`grants()`] prints, which do not include updating or deleting
//!   audit events.
//! - **Rate limits and searches cannot starve lookups:** at most two connections count attempts,
//!   and at most two run queries that scan many rows (work items, audit log, admin tokens), each
//!   for no longer than a call waits for a connection.
//! - **Durable:** commits are synchronous, even if the server's default is not.
//!
//! Accounts and work items are optional. Only a store [with
//! accounts](openindex_adapters_sql::SqlStore::with_accounts) stores users, their browser sessions
//! and invites, and only one [with work items](openindex_adapters_sql::SqlStore::with_work_items)
//! stores those (`migrations-work`). Without accounts, none of their tables is created
//! (`migrations-tokens`), and tokens belong to the owners that the service puts. Without work items,
//! agent runs cannot be bound to one.
//!
//! A connection pooler may sit in between. With `pool_mode=session` nothing changes. With
//! `pool_mode=transaction` each call is one transaction that sets its timeouts and prepares its
//! statements again; the store detects this when it first connects, unless the URL says so
//! (`?pool_mode=transaction`). Migrations require a session.

mod check;
mod copy;
mod dialect;
mod error;
mod excess_privileges;
mod grants;
mod hidden_tables;
mod hosts;
mod locks;
mod lookups;
mod options;
mod pooling;
mod schema;
mod statements;
mod store;
mod unsupported;
mod url;

pub use copy::PostgresCopy;
pub use grants::grants;
pub use openindex_adapters_sql::schema::Parts;
pub use openindex_adapters_sql::{InvalidTablePrefix, NameClash, TablePrefix};
pub use options::PoolOptions;
pub use statements::PgRow;
pub use store::{PostgresDatabase, PostgresStore};
pub use url::check_url;
