//! The web interface over the in-memory store, without a socket.

mod access;
mod account;
mod administered_lists;
mod administration;
mod bulk;
mod dead_links;
mod docs;
mod drafts;
mod errors;
mod forgery;
mod invalid_addresses;
mod invited;
mod names;
mod once;
mod outage;
mod own_tokens;
mod runs;
mod secrets;
mod sign_in;
mod sign_in_links;
mod support;
mod table;
mod tokens;
mod work_items;
