//! Routes that check a secret: of an invite, or a token for another service.

pub(super) mod introspect;
pub(super) mod invites;
pub(super) mod verify;
