//! Tokens, their secrets and digests, and the use cases on them.
//!
//! A *token* is the credential as an entity. Its *secret* is the plaintext, shown once; its
//! *digest* is the SHA-256 of the secret and the only form that stores receive.

mod create;
mod details;
mod entity;
mod error;
mod expiry;
mod get;
mod list;
mod name;
mod rate;
mod revocable;
mod revoke;
mod rotate;
mod scope;
mod service;
mod store;
mod usage;
mod verify;

pub use crate::digest::{Digest, InvalidDigest};
pub use crate::id::{TokenId, TokenKind};
pub use crate::secret::{InvalidLastFour, LastFour, MalformedSecret, Secret};
pub use create::{NewToken, TokenWithSecret};
pub use details::{InvalidRevokedBy, RevokedBy, TokenDetails};
pub use entity::{NotRotatable, PredecessorEnd, RETENTION_DAYS, Status, Token};
pub use error::TokenError;
pub use expiry::{Day, Expiry, ExpiryError, Lifetime, RequestedExpiry};
pub use list::{
    InvalidListCursor, ListCursor, ListFilter, ListPage, ListedStatus, Search, Seek, Sort, SortKey,
};
pub(crate) use name::check_name;
pub use name::{InvalidName, TokenName};
pub use rate::{CreationRate, RateReached};
pub use revocable::RevocableTokens;
pub use rotate::{MAX_OVERLAP_SECONDS, Overlap, OverlapError, RotationOptions};
pub use scope::{InvalidScope, Scope};
pub use service::{DEFAULT_TOKEN_QUOTA, PURGE_BATCH, Tokens};
pub use store::{
    CreateToken, CreateTokenOutcome, EndedToken, RevokeToken, RevokeTokenOutcome, RotateToken,
    RotateTokenOutcome, TokenCounts, TokenRecord, TokenStore,
};
pub use usage::{LastUsed, TokenUse};
pub use verify::{Rejection, RejectionReason, VerifyError};

#[cfg(feature = "testing")]
pub use store::MockTokenStore;
