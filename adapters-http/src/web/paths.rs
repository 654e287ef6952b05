//! Paths of pages that others link to.

pub(in crate::web) const ACCOUNT: &str = "/settings/account";
pub(in crate::web) const ALL_TOKENS: &str = "/settings/admin/tokens";
pub(in crate::web) const AUDIT: &str = "/settings/admin/audit";
pub(in crate::web) const BULK_REVOCATION: &str = "/settings/admin/tokens/revoke";
pub(in crate::web) const INVITES: &str = "/settings/admin/invites";
pub(in crate::web) const RUNS: &str = "/settings/agent-runs";
pub(in crate::web) const TOKENS: &str = crate::TOKENS_PAGE;
pub(in crate::web) const USERS: &str = "/settings/admin/users";
pub(in crate::web) const WORK_ITEMS: &str = "/work";
