use std::net::IpAddr;

use crate::access::{ActingRecord, Actor, ActorError};
use crate::audit::AuditEvent;
use crate::clock::Timestamp;
use crate::entropy::{Entropy, EntropyError};
use crate::id::UserId;

use super::{
    CreationRate, Digest, Expiry, RateReached, RequestedExpiry, Scope, Secret, SecretPrefixes,
    Token, TokenDetails, TokenId, TokenKind, TokenName,
};

/// The properties of a token to create.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The token's name.
    pub name: TokenName,
    /// The token's scope; at most the creating principal's effective scope.
    pub scope: Scope,
    /// When the token expires.
    pub expires: RequestedExpiry,
}

impl NewToken {
    /// Returns properties with only what every token has.
    pub fn new(name: TokenName, scope: Scope, expires: impl Into<RequestedExpiry>) -> Self {
        Self {
            name,
            scope,
            expires: expires.into(),
        }
    }
}

/// A new token and its secret, which is not available anywhere else.
#[derive(Debug)]
pub struct TokenWithSecret {
    /// The token.
    pub token: Token,
    /// Its plaintext secret. Pass it to the owner, then drop it.
    pub secret: Secret,
}

impl TokenWithSecret {
    /// Creates a personal access token and its secret for a request from the client address `from`.
    /// Nothing is stored yet.
    pub(crate) fn mint(
        owner: UserId,
        wanted: NewToken,
        expires: Expiry,
        now: Timestamp,
        from: Option<IpAddr>,
        prefixes: SecretPrefixes,
        entropy: &dyn Entropy,
    ) -> Result<Self, EntropyError> {
        // Without `..`, so that a new property cannot be forgotten here. The caller has resolved
        // the expiry.
        let NewToken {
            name,
            scope,
            expires: _,
        } = wanted;
        let kind = TokenKind::Personal;
        let secret = prefixes.generate(kind, entropy)?;
        Ok(Self {
            token: Token {
                id: TokenId::generate(kind, now, entropy)?,
                owner,
                name,
                scope,
                created_at: now,
                expires_at: expires.instant(),
                revoked_at: None,
                last_used_at: None,
                successor: None,
                run: None,
                details: TokenDetails::of_new(&secret, from),
            },
            secret,
        })
    }
}

/// The change that creates a token; also part of a rotation.
#[derive(Debug, Clone)]
pub struct CreateToken {
    /// The acting credential.
    pub actor: Actor,
    /// The new token.
    pub token: Token,
    /// The digest of the token's secret.
    pub digest: Digest,
    /// The maximum number of live tokens of its owner, including the new one.
    pub quota: u32,
    /// The maximum number of tokens created for its owner within 24 hours.
    pub rate: CreationRate,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`CreateToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CreateTokenOutcome {
    /// The token was created.
    Created,
    /// The owner has reached the maximum number of live tokens; nothing changed.
    QuotaReached,
    /// The owner has reached the maximum number of tokens created within 24 hours; nothing changed.
    RateReached(RateReached),
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

/// The number of a user's tokens of one kind, as read inside the transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// The number of tokens that are live at [`Actor::now`].
    pub live: u32,
    /// When the [`CreationRate::limit`]-th newest of them was created, including expired and
    /// revoked ones; `None` when there are fewer.
    pub nth_newest: Option<Timestamp>,
}

impl CreateToken {
    /// Decides the change, given what the store read inside the transaction: the acting
    /// credential's record and the number of the owner's personal access tokens.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        counts: TokenCounts,
    ) -> Result<(), CreateTokenOutcome> {
        self.actor
            .check(actor)
            .map_err(CreateTokenOutcome::NotAuthorized)?;
        if counts.live >= self.quota {
            return Err(CreateTokenOutcome::QuotaReached);
        }
        self.rate
            .check(counts.nth_newest, self.actor.now)
            .map_err(CreateTokenOutcome::RateReached)
    }
}
