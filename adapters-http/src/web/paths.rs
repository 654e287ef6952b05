//! Paths of lists, which other pages link to.

pub(in crate::web) const ALL_TOKENS: &str = "/settings/admin/tokens";
pub(in crate::web) const AUDIT: &str = "/settings/admin/audit";
pub(in crate::web) const INVITES: &str = "/settings/admin/invites";
pub(in crate::web) const RUNS: &str = "/settings/agent-runs";
pub(in crate::web) const USERS: &str = "/settings/admin/users";
pub(in crate::web) const WORK_ITEMS: &str = "/work";
