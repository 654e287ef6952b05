//! The store of tokens, accounts and, if wanted, work items on PostgreSQL, for instances with several replicas.
//!
//! [`PostgresStore`] implements the ports of `openindex-domain` and passes its contract suite.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use openindex_adapters_postgres::{PoolOptions, PostgresStore};
//! use openindex_domain::StoreHealth;
//!
//! let url = "postgres://openindex@db.example.com/openindex?sslmode=verify-full";
//! let store = PostgresStore::connect(url, PoolOptions::default()).await?;
//! store.migrate().await?;
//! store.ready().await?;
//! # Ok(())
//! # }
//! ```
//!
//! - **No stale answer:** every lookup is part of a query to the primary that is sent after the lookup
//!   began, and sees all that was committed before it was sent, by whichever replica of the server.
//!   Lookups that arrive while one is under way leave together as the next
//!   ([`openindex_coalescing`]). A standby is refused, as it
//!   may still take revoked tokens for live. Of the URL parameters that choose among hosts
//!   (`target_session_attrs`, several hosts) none is supported: point the URL at the primary, or
//!   at something that follows it.
//! - **Exact under concurrency:** a change first locks the row of each user that it depends on
//!   (the acting one's and the target's, in the order of their ids), then reads, then writes. So
//!   all changes of one user's tokens, sessions and password, and a suspension, happen one after
//!   the other. Agent runs, which end with other things too, and work items are locked one by one.
//!   Where there is no row to lock it locks a name, and against newcomers the table of users; in
//!   one order everywhere. Bulk revocation holds up all other changes while it runs, but
//!   no lookup.
//! - **No rule in SQL:** a change reads what the domain's `decide` asks for, asks it, and writes
//!   what it says.
//! - **Failures are bounded:** no call waits for a connection, a lock or an answer without limit
//!   (see [`PoolOptions`]). Whatever keeps the server from responding, and a missing right, table or
//!   migration, is [`StoreError::Unavailable`](openindex_domain::StoreError::Unavailable), and its
//!   source says what to do; a broken constraint or a value that the domain refuses is
//!   [`StoreError::Corrupt`](openindex_domain::StoreError::Corrupt).
//! - **Two roles:** one role owns the tables and [migrates](PostgresStore::migrate); another serves
//!   with the rights that [`grants()`] prints, which do not include changing or deleting audit
//!   events.
//! - **Neither guesses nor searches starve lookups:** attempts are counted on at most two
//!   connections, and on at most two is looked through many rows (work items, the trail, the
//!   inventory), each time for no longer than a call waits for a connection.
//! - **Durable:** commits are synchronous, even where the server's default is not.
//!
//! Work items are a part of their own: only a store [with work](PostgresStore::with_work_items) keeps
//! them, and makes their tables (`migrations-work`). To all others they do not exist; agent runs
//! then cannot be bound to one, and everything else works.
//!
//! A connection pooler may be in between. With `pool_mode=session` it makes no difference. With
//! `pool_mode=transaction` each call is one transaction, which sets its timeouts and prepares its
//! statements anew; the store finds that out when it first connects, or the URL says so
//! (`?pool_mode=transaction`). Migrations require a session.

mod acting;
mod admin_tokens;
mod agent_runs;
mod audit;
mod error;
mod forms;
mod grants;
mod invites;
mod locks;
mod lookups;
mod options;
mod pooling;
mod rate_limits;
mod rows;
mod schema;
mod sessions;
mod sign_in_links;
mod store;
mod surplus;
mod tokens;
mod unsupported;
mod url;
mod users;
mod whereabouts;
mod work_items;

pub use grants::grants;
pub use options::PoolOptions;
pub use store::PostgresStore;
