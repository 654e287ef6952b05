use crate::access::{Actor, Principal, Requirement};
use crate::audit::{RequestContext, Subject};
use crate::token::{
    CreateToken, CreateTokenOutcome, NewToken, TokenAction, TokenError, TokenWithSecret,
};

use super::Tokens;

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
        let expires = request.expires.resolve(now)?;
        let (owner, from) = (principal.user_id(), context.client_address);
        let (prefixes, entropy) = (self.prefixes, &*self.entropy);
        let issued = TokenWithSecret::mint(owner, request, expires, now, from, prefixes, entropy)?;
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
                TokenAction::CREATED,
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
