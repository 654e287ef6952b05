//! The parts of the benchmark, each of which can run alone.

pub mod copy;
pub mod expired;
pub mod growth;
pub mod http;
pub mod list;
pub mod overload;
pub mod peers;
pub mod remote;
pub mod revocation;
pub mod search;
pub mod start;
pub mod verify;

use crate::bench::Bench;
use crate::report::Report;

/// A part of the benchmark.
#[derive(Debug)]
pub struct Part {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its heading in the results.
    pub title: &'static str,
    /// Runs it.
    pub run: fn(&Bench) -> anyhow::Result<Report>,
}

/// All parts, in the order of the results.
pub const PARTS: &[Part] = &[
    Part {
        name: "verify",
        title: "Verifying in-process",
        run: verify::run,
    },
    Part {
        name: "http",
        title: "Verifying over HTTP, compared with its limits",
        run: http::run,
    },
    Part {
        name: "peers",
        title: "Compared with other servers",
        run: peers::run,
    },
    Part {
        name: "remote",
        title: "Verifying from another service",
        run: remote::run,
    },
    Part {
        name: "growth",
        title: "With more tokens in the table",
        run: growth::run,
    },
    Part {
        name: "list",
        title: "Lists",
        run: list::run,
    },
    Part {
        name: "search",
        title: "Searching work items",
        run: search::run,
    },
    Part {
        name: "expired",
        title: "Expired tokens and their purge",
        run: expired::run,
    },
    Part {
        name: "revocation",
        title: "Revoking",
        run: revocation::run,
    },
    Part {
        name: "overload",
        title: "Overload",
        run: overload::run,
    },
    Part {
        name: "copy",
        title: "Copying to another database",
        run: copy::run,
    },
    Part {
        name: "start",
        title: "Startup, memory and the command line",
        run: start::run,
    },
];
