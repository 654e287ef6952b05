//! The use cases of invites, passwords, browser sessions and administration, on the in-memory store
//! with a fixed clock.

mod administration;
mod joining;
mod restoring;
mod reviews;
mod signing_in;
mod world;
