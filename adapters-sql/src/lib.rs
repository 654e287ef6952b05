#![doc = include_str!("../README.md")]
//!
//! - [`SqlStore`] implements the ports of `openindex-domain` for any [`Database`]. Use it through
//!   `SqliteStore` (`openindex-adapters-sqlite`) or `PostgresStore`
//!   (`openindex-adapters-postgres`).
//! - [`Database`] and [`Dialect`] are the seam: connections and their limits, migrations and the
//!   lookup of a token by digest; and locks, lists of tokens (whose plans differ) and a few
//!   expressions. A new database implements these traits, and [`Row`] for its driver's rows.
//! - [`Statement`] is a text with the parameters `$1` to `$n`, each a [`Value`]. No driver is
//!   involved; the feature `sqlx` adds `driver`, what databases with a driver of that library have
//!   alike.
//! - [`copy::copy`] copies everything from one database to another, of either kind.
//!
//! Inside, `tables` has the statements of each table and no rule, `rows` converts rows to domain
//! types and rejects damaged ones, and `ports` has the changes. Each change locks what it depends on
//! ([`Lock`]), reads the facts that the domain's `decide` requires, calls it, and writes its
//! decision.
// docs.rs labels what requires a feature.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod calls;
pub mod check;
pub mod copy;
mod database;
mod dialect;
#[cfg(feature = "sqlx")]
pub mod driver;
pub mod lists;
mod lookups;
mod ports;
mod prefix;
mod row;
pub mod rows;
pub mod schema;
mod statement;
mod store;
mod tables;
#[cfg(feature = "testing")]
mod testing;

pub use calls::{CallObserver, CallOutcome};
pub use database::{Call, Database, End, LookupFailure, LookupLimits, Result, Tx, Work};
pub use dialect::{Dialect, Lock};
#[cfg(feature = "testing")]
pub use prefix::unfit_names;
pub use prefix::{InvalidTablePrefix, NameClash, TablePrefix, created_names};
pub use row::Row;
pub use statement::{Statement, Value};
pub use store::SqlStore;
#[cfg(feature = "testing")]
pub use testing::{audit_events, search_statements};
