//! What a database can be besides one that is there and lets everything pass: one that another role
//! owns, one behind a pooler, one that refuses.

mod errors;
mod faults;
mod full;
mod limits;
mod pooler;
mod roles;
mod settings;
mod sign_in;
mod support;
mod surplus;
mod urls;
