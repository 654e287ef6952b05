//! `oi invite`: joins an instance with an invite.

mod claim;
mod link;
mod server;

use claim::Claim;

commands! {
    /// Claim an invite and create your account
    Claim(Claim) -> "ClaimedInvite" = claim::run,
}
