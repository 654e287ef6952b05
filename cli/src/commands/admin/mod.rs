//! `oi settings admin`: administers the instance.

mod audit;
mod invites;
mod stats;
mod time_filter;
mod tokens;
mod user_ref;
mod users;

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
    Stats(stats::Count) -> "Stats",
}

#[cfg(test)]
pub(super) mod tests;
