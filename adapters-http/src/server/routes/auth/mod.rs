//! What is open to whoever holds the right secret.

pub(super) mod invites;
