//! What people go through: invites, passwords, browser sessions, administration. On the in-memory
//! store with a clock that stands still.

mod administration;
mod joining;
mod reviews;
mod signing_in;
mod world;
