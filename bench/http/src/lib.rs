//! Measuring servers from outside.
//!
//! A figure by itself says as much about the machine as about the server. So whatever is measured
//! takes turns with what it is compared with, in short rounds, and every ratio is formed within
//! one round: what slows the machine down for a while slows both. `bench/run` starts it all;
//! `bench/README.md` tells what each figure means.

pub mod bench;
pub mod client;
pub mod histogram;
pub mod load;
pub mod machine;
pub mod parts;
pub mod process;
pub mod report;
pub mod response;
pub mod rounds;
pub mod seed;
pub mod targets;
