//! The built `oi` against a stub of a server: what it prints, where, and how it exits.

mod auth;
mod output;
mod profile;
mod stub;
mod support;
mod tokens;
