use std::net::IpAddr;

use crate::access::{Actor, Principal, Requirement};
use crate::audit::{AuditAction, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::entropy::{Entropy, EntropyError};
use crate::user::UserId;

use super::{
    CreateToken, CreateTokenOutcome, Expiry, RequestedExpiry, Scope, Secret, Token, TokenDetails,
    TokenError, TokenId, TokenKind, TokenName, Tokens,
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
        name: TokenName,
        scope: Scope,
        expires: Expiry,
        now: Timestamp,
        from: Option<IpAddr>,
        entropy: &dyn Entropy,
    ) -> Result<Self, EntropyError> {
        let kind = TokenKind::Personal;
        let secret = Secret::generate(kind, entropy)?;
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

impl Tokens {
    /// Creates a personal access token for the user that `principal` acts as.
    ///
    /// # Errors
    ///
    /// - [`TokenError::NotAuthorized`] unless `principal` is a human whose effective scope contains
    ///   the requested one.
    /// - [`TokenError::Expiry`] when the expiry is not in the future.
    /// - [`TokenError::QuotaReached`] and [`TokenError::RateReached`] when the user has reached a
    ///   limit.
    /// - [`TokenError::Entropy`] and [`TokenError::Store`] when a port fails.
    pub async fn create(
        &self,
        principal: &Principal,
        request: NewToken,
        context: &RequestContext,
    ) -> Result<TokenWithSecret, TokenError> {
        let requirement = Requirement::human_with(request.scope);
        principal.authorize(requirement)?;
        let now = self.clock.now();
        let issued = TokenWithSecret::mint(
            principal.user_id(),
            request.name,
            request.scope,
            request.expires.resolve(now)?,
            now,
            context.client_address,
            &*self.entropy,
        )?;
        let change = CreateToken {
            actor: Actor::of(principal, requirement, now).with_form(
                context.form,
                principal.user_id(),
                Subject::Token(issued.token.id),
            ),
            token: issued.token.clone(),
            digest: issued.secret.digest(),
            quota: self.quota,
            rate: self.rate,
            audit: self.audit(
                principal,
                context,
                now,
                AuditAction::TokenCreated,
                issued.token.id,
            )?,
        };
        match self.store.create_token(change).await? {
            CreateTokenOutcome::Created => Ok(issued),
            CreateTokenOutcome::QuotaReached => Err(TokenError::QuotaReached { quota: self.quota }),
            CreateTokenOutcome::RateReached(reached) => Err(reached.into()),
            CreateTokenOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }
}
