//! Databases that are not simply available: owned by another role, behind a pooler, or rejecting
//! the server.

mod errors;
mod faults;
mod full;
mod hosts;
mod limits;
mod pooler;
mod roles;
mod settings;
mod sign_in;
mod support;
mod surplus;
mod urls;
