//! Invites: links with which new users create their accounts.

mod action;
mod claim;
mod create;
mod service;
mod store;
mod withdraw;

pub use crate::id::InviteId;
pub use crate::user::invite::{INVITE_LIFETIME_SECONDS, Invite, InviteKind, InviteStatus};
pub use action::InviteAction;
pub use claim::{Claim, ClaimInvite, ClaimInviteOutcome, Claimed, NotClaimable};
pub use create::{CreateInvite, CreateInviteOutcome, InviteDecision, NewInvite};
pub use service::{InviteError, InvitePage, Invites};
pub use store::InviteStore;
pub use withdraw::{WithdrawInvite, WithdrawInviteOutcome};

#[cfg(feature = "testing")]
pub use store::MockInviteStore;
