//! Administration.

pub(super) mod invites;
pub(super) mod pats;
pub(super) mod users;
