//! The web interface over the in-memory store, without a socket.

mod access;
mod account;
mod administration;
mod dead_links;
mod docs;
mod forgery;
mod invited;
mod names;
mod once;
mod outage;
mod secrets;
mod sign_in;
mod support;
mod table;
mod tokens;
