//! Helpers of the black-box tests: the built `oi-server` and `oi`, databases of both kinds, and a
//! plain HTTP client.
//!
//! The binaries are those in the directory that the tests themselves were built into, so build them
//! first: `cargo build --workspace --bins` (`scripts/test` does). `OPENINDEX_TEST_PROGRAMS` names
//! another directory, for example that of a release.
#![expect(
    clippy::missing_panics_doc,
    reason = "a test helper panics when its setup fails"
)]

mod cluster;
mod database;
mod documented;
pub mod fixture;
mod http;
mod oi;
mod pair;
mod pgbouncer;
mod program;
mod prometheus;
mod proxy;
mod random;
mod recipe;
mod server;
mod squid;
mod stale;
pub mod texts;
mod world;

pub use cluster::Cluster;
pub use database::{Database, Kind};
pub use http::{Client, Response, read_request};
pub use oi::{Oi, Output};
pub use pair::Pair;
pub use pgbouncer::PgBouncer;
pub use program::free_port;
pub use prometheus::Prometheus;
pub use proxy::{DocumentedProxy, HaProxy, Nginx};
pub use random::Random;
pub use recipe::{Recipe, RecipeService};
pub use server::{Bootstrapped, Server, server_as_nobody};
pub use squid::Squid;
pub use world::World;

use std::path::PathBuf;

/// Encodes bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Returns the path of a built program.
///
/// # Panics
///
/// If it is missing, or older than its sources.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let chosen = std::env::var_os("OPENINDEX_TEST_PROGRAMS");
    let is_ours = chosen.is_none();
    let directory = chosen.map_or_else(
        || {
            let tests = std::env::current_exe().expect("the test's own path");
            let directory = tests.parent().expect("target/<profile>");
            let is_test = directory.ends_with("deps");
            directory
                .parent()
                .filter(|_| is_test)
                .unwrap_or(directory)
                .to_owned()
        },
        PathBuf::from,
    );
    let path = directory.join(name);
    assert!(
        path.exists(),
        "{} is missing; build it with `cargo build --workspace --bins`",
        path.display()
    );
    if is_ours && let Some(reason) = stale::reason(&path) {
        panic!("{reason}; build it with `cargo build --workspace --bins`");
    }
    path
}

/// Creates one test per store for each of these functions: `both_stores!(a, b)` runs `a(Kind)` and
/// `b(Kind)` in the modules `sqlite` and `postgres`.
#[macro_export]
macro_rules! both_stores {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $case() {
                super::$case($crate::Kind::Sqlite);
            })+
        }
        mod postgres {
            $(#[test]
            fn $case() {
                super::$case($crate::Kind::Postgres);
            })+
        }
    };
}
