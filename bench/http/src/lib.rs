//! Benchmarks of servers over HTTP.
//!
//! An absolute figure depends on the machine as much as on the server. So everything is measured in
//! turn with what it is compared with, in short rounds, and every ratio is computed within a round:
//! anything that slows the machine down affects both. `bench/run` runs the benchmarks, and
//! `bench/README.md` explains each figure.

pub mod bench;
pub mod client;
pub mod load;
pub mod machine;
pub mod parts;
pub mod process;
pub mod report;
pub mod rounds;
pub mod seed;
pub mod targets;
