//! `oi settings personal`: what concerns the caller.

use super::{account, tokens};

commands! {
    /// Create, list, rotate and delete your personal access tokens
    #[command(subcommand)]
    Tokens(tokens::Command),
    /// Manage your account
    #[command(subcommand)]
    Account(account::Command),
}
