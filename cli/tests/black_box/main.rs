//! The built `oi` against a stub of a server: what it prints, where, and how it exits.

mod admin_tokens;
mod audit;
mod auth;
mod hints;
mod identity;
mod invite;
mod invites;
mod leak;
mod names;
mod network;
mod output;
mod own_token;
mod profile;
mod queue;
mod runs;
mod scan;
mod shells;
mod stub;
mod support;
mod terminal;
mod tokens;
mod undelivered;
mod users;
mod versions;
mod work_items;
