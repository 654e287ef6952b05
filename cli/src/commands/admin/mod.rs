//! `oi settings admin`: administers the instance.

mod audit;
mod invites;
mod stats;
mod time_filter;
mod tokens;
mod user_ref;
mod users;

use crate::parts::NoArguments;

commands! {
    /// Manage users
    #[command(subcommand)]
    Users(users::Command),
    /// Manage invites
    #[command(subcommand)]
    Invites(invites::Command),
    /// List and revoke the tokens of all users
    #[command(subcommand)]
    Tokens(tokens::Command),
    /// Read the audit log
    #[command(subcommand)]
    Audit(audit::Command),
    /// Count users, tokens and invites
    #[command(after_help = "\
Requires an administrator's token with the admin scope.

Examples:
  oi settings admin stats
  oi settings admin stats --json | jq .tokensLive")]
    Stats(NoArguments) -> "Stats" = stats::count,
}

#[cfg(test)]
pub(super) mod tests;
