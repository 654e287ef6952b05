//! Routes that authenticate by a secret in the body.

pub(super) mod invites;
