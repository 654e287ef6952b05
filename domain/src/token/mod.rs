//! Tokens: the secret and its digest, the entity, and everything that happens to it.
//!
//! A *token* is the credential as an entity. Its *secret* is the plaintext, seen once; its
//! *digest* is the SHA-256 of the secret and the only form that a store ever sees.

mod digest;
mod entity;
mod error;
mod expiry;
mod get;
mod id;
mod issue;
mod list;
mod name;
mod revoke;
mod rotate;
mod scope;
mod secret;
mod service;
mod store;
mod usage;
mod verify;

pub use digest::{Digest, InvalidDigest};
pub use entity::{NotRotatable, PredecessorEnd, Status, TOMBSTONE_RETENTION_DAYS, Token};
pub use error::TokenError;
pub use expiry::{Expiry, ExpiryError, Lifetime, RequestedExpiry};
pub use id::{TokenId, TokenKind};
pub use issue::{IssueToken, Issued};
pub use name::{InvalidName, TokenName};
pub(crate) use name::{check_name, check_stored_name};
pub use rotate::{MAX_OVERLAP_SECONDS, Overlap, OverlapError, RotateToken};
pub use scope::{InvalidScope, Scope};
pub use secret::{MalformedSecret, Secret};
pub use service::{DEFAULT_TOKEN_QUOTA, Tokens};
pub use store::{
    EndedToken, InsertOutcome, InsertToken, ReplaceOutcome, ReplaceToken, RevokeOutcome,
    RevokeToken, TokenRecord, TokenStore,
};
pub use usage::LastUsed;
pub use verify::{Rejection, VerifyError};

#[cfg(feature = "testing")]
pub use store::MockTokenStore;
