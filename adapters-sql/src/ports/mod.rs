//! The ports of the domain. Each change is one transaction: it locks what it depends on, reads the
//! facts that the domain's `decide` requires, and writes only if `decide` agrees. No rule is in SQL.

mod acting;
mod admin_tokens;
mod agent_runs;
mod audit;
mod invites;
mod links;
mod rate_limits;
mod runs;
mod sessions;
mod tokens;
mod users;
mod work_items;
