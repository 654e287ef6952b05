//! Administration of the instance.

pub(super) mod users;
