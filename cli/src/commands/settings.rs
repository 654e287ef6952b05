//! `oi settings`: what concerns the caller, and what concerns all users.

use super::{admin, personal};

commands! {
    /// Manage your tokens and account
    #[command(subcommand)]
    Personal(personal::Command),
    /// Administer the instance (requires an admin token)
    #[command(subcommand)]
    Admin(admin::Command),
}
