//! The built `oi` against a stub of a server: what it prints, where, and how it exits.

mod audit;
mod auth;
mod inventory;
mod invite;
mod invites;
mod leak;
mod network;
mod output;
mod profile;
mod queue;
mod runs;
mod stub;
mod support;
mod tokens;
mod undelivered;
mod users;
mod versions;
mod work;
