//! The statements of each table. What a change does with them is in [`ports`](crate::ports).

pub(crate) mod audit;
pub(crate) mod forms;
pub(crate) mod invites;
pub(crate) mod notices;
pub(crate) mod owners;
pub(crate) mod rate_limits;
pub(crate) mod sessions;
pub(crate) mod sign_in_links;
pub(crate) mod stats;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod work_items;
