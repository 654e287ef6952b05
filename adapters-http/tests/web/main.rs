//! The web interface over the in-memory store, without a socket.

mod access;
mod account;
mod administration;
mod dead_links;
mod forgery;
mod invited;
mod names;
mod once;
mod outage;
mod runs;
mod secrets;
mod sign_in;
mod support;
mod table;
mod tokens;
mod work;
