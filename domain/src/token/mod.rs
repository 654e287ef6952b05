//! Tokens, their secrets and digests, and the use cases on them.
//!
//! A *token* is the credential as an entity. Its *secret* is the plaintext, shown once; its
//! *digest* is the SHA-256 of the secret and the only form that stores receive.

mod action;
mod create;
mod ended_runs;
mod error;
mod expiry;
mod list;
mod owner;
mod rate;
mod revocable;
mod revoke;
mod rotate;
mod service;
mod store;
mod usage;

#[cfg(feature = "text")]
pub use crate::credential::InvalidName;
#[cfg(feature = "text")]
pub(crate) use crate::credential::check_name;
pub use crate::credential::{
    InvalidRevokedBy, InvalidScope, NotRotatable, Owner, PredecessorEnd, Profile, RETENTION_DAYS,
    Rejection, RejectionReason, RevokedBy, Scope, Status, Token, TokenDetails, TokenName,
    TokenRecord,
};
pub use crate::digest::{Digest, DigestHasher, InvalidDigest};
pub use crate::id::{TokenId, TokenKind};
pub use crate::secret::{InvalidLastFour, LastFour, MalformedSecret, Secret};
pub use crate::secret_prefix::{InvalidSecretPrefixes, SecretPrefixes};
pub use action::{AgentRunAction, OwnerAction, TokenAction};
pub use create::{CreateToken, CreateTokenOutcome, NewToken, TokenCounts, TokenWithSecret};
pub use ended_runs::{CLOCK_MARGIN_SECONDS, EndedRuns};
pub use error::TokenError;
pub use expiry::{Day, Expiry, ExpiryError, Lifetime, RequestedExpiry};
pub use list::{InvalidListCursor, ListCursor, ListFilter, Search, Seek, Sort, SortKey};
pub use owner::{ChangeOwner, ChangeOwnerOutcome, OwnerChange, OwnerDecision};
pub use rate::{CreationRate, RateReached};
pub use revocable::RevocableTokens;
pub use revoke::{EndedToken, RevokeToken, RevokeTokenOutcome};
pub use rotate::{
    MAX_OVERLAP_SECONDS, Overlap, OverlapError, RotateToken, RotateTokenOutcome, RotationOptions,
};
pub use service::{DEFAULT_TOKEN_QUOTA, ListPage, OwnerError, PURGE_BATCH, Tokens, VerifyError};
pub use store::{TokenMemory, TokenStore, TokenUse};
pub use usage::LastUsed;

#[cfg(feature = "testing")]
pub use store::MockTokenStore;
