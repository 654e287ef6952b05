//! The web interface over the in-memory store, without a socket.

mod access;
mod account;
mod administered_lists;
mod administration;
mod dead_links;
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
