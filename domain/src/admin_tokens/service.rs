use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use crate::access::{ActorError, Denial, Principal, Requirement};
use crate::audit::{AuditEventId, RequestContext, Subject};
use crate::change::begin;
use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, EntropyError};
use crate::page::PageSize;
use crate::rate_limit::{RateLimited, RateLimits};
use crate::store::{Listing, StoreError};
use crate::token::{Secret, Status, Token, TokenAction, TokenId, TokenKind};

use super::{
    AdminTokenStore, BulkRevocation, MAX_REPORTED, MAX_UNREVIEWED, OwnedToken, ReportLeakedTokens,
    Review, ReviewDigest, ReviewPage, RevokeMatching, RevokeMatchingOutcome, Stats, TokenFilter,
    TokenPage,
};

/// The use cases on the tokens of all users: [`list`](Self::list), [`revoke`](Self::revoke),
/// [`review`](Self::review), [`revoke_matching`](Self::revoke_matching),
/// [`report_leaked`](Self::report_leaked) and [`stats`](Self::stats). Cheap to clone.
#[derive(Clone)]
pub struct AdminTokens {
    pub(super) store: Arc<dyn AdminTokenStore>,
    pub(super) rate_limits: RateLimits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// A failure of a use case on the tokens of all users.
#[derive(Debug, thiserror::Error)]
pub enum AdminTokenError {
    /// The acting credential is invalid, or not permitted to do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// The token does not exist or was revoked before.
    #[error("token not found")]
    NotFound,
    /// The filter is empty, so a bulk revocation would revoke everything.
    #[error("a filter is required")]
    FilterRequired,
    /// The tokens that match, of which this is the review, are not those that were reviewed;
    /// nothing was revoked.
    #[error("the matching tokens have changed since they were reviewed; nothing was revoked")]
    ReviewOutdated(Review),
    /// Too many tokens match to revoke them without a review; this is their review, and nothing was
    /// revoked.
    #[error("revoking more than {MAX_UNREVIEWED} tokens requires a review; nothing was revoked")]
    ReviewRequired(Review),
    /// The report has more than [`MAX_REPORTED`] secrets.
    #[error("a report can contain at most {MAX_REPORTED} tokens")]
    TooMany,
    /// The rate limit is reached.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// No id could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

crate::rate_limit::from_attempt_error!(AdminTokenError);

impl From<Denial> for AdminTokenError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}

impl AdminTokens {
    /// Creates the use cases on these ports.
    #[must_use]
    pub fn new(
        store: Arc<dyn AdminTokenStore>,
        rate_limits: RateLimits,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            rate_limits,
            clock,
            entropy,
        }
    }

    /// Returns the numbers of users, tokens and invites.
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotAuthorized`] unless `principal` is an administrator;
    /// [`AdminTokenError::Store`] when the store fails.
    pub async fn stats(&self, principal: &Principal) -> Result<Stats, AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        Ok(self.store.stats(self.clock.now()).await?)
    }

    /// Returns the same numbers for the operator's monitoring: any caller controls the instance.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails.
    pub async fn stats_for_operator(&self) -> Result<Stats, StoreError> {
        self.store.stats(self.clock.now()).await
    }

    /// Returns the stored tokens with these ids, including agent runs and revoked tokens.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    pub async fn tokens_by_id(
        &self,
        principal: &Principal,
        ids: Vec<TokenId>,
    ) -> Result<HashMap<TokenId, Token>, AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found = self.store.tokens_by_id(&ids).await?;
        let tokens = found.iter().map(|owned| owned.token.clone());
        Ok(tokens
            .filter(|token| ids.contains(&token.id))
            .map(|token| (token.id, token))
            .collect())
    }

    /// Returns a page of the personal access tokens that match the filter, of all users, starting
    /// after `after`. `limit` is clamped to 1 to [`MAX_PAGE`](crate::page::MAX_PAGE).
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotAuthorized`] unless `principal` is an administrator;
    /// [`AdminTokenError::Store`] when the store fails.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &TokenFilter,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<TokenPage, AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        let limit = PageSize::clamp(limit);
        let now = self.clock.now();
        let mut tokens = self
            .store
            .tokens(filter, now, after, limit.rows_to_read())
            .await?;
        let next = limit.truncate(&mut tokens, |owned| owned.token.id);
        Ok(TokenPage { tokens, next })
    }

    /// Revokes one personal access token of any user, which may be the acting token.
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotFound`] when there is none or it was revoked before;
    /// [`AdminTokenError::NotAuthorized`] unless `principal` is an administrator;
    /// [`AdminTokenError::Store`] when the store fails.
    pub async fn revoke(
        &self,
        principal: &Principal,
        id: TokenId,
        context: &RequestContext,
    ) -> Result<(), AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        if id.kind() != TokenKind::Personal {
            return Err(AdminTokenError::NotFound);
        }
        let filter = TokenFilter {
            token: Some(id),
            ..TokenFilter::default()
        };
        let change = self.revocation(principal, filter, context)?;
        let revoked = self.revoke_all(change).await?;
        if revoked.count() == 0 {
            return Err(AdminTokenError::NotFound);
        }
        Ok(())
    }

    /// Returns a page of the personal access tokens that [`revoke_matching`](Self::revoke_matching)
    /// would revoke, at most `limit` (at least 1), starting after `after`, with the digest of all
    /// of them.
    ///
    /// Every token that the digest covers is on one of the pages, unless it is deleted in the
    /// meantime, in which case the digest becomes invalid.
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotAuthorized`] unless `principal` is an administrator;
    /// [`AdminTokenError::FilterRequired`] when the filter is empty; [`AdminTokenError::Store`]
    /// when the store fails.
    pub async fn review(
        &self,
        principal: &Principal,
        filter: &TokenFilter,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<ReviewPage, AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        if filter.is_empty() {
            return Err(AdminTokenError::FilterRequired);
        }
        let now = self.clock.now();
        let (kept, kept_own) = kept(principal, filter, now);
        let mut ids = match filter.status {
            Some(Status::Revoked) => Vec::new(),
            _ => self.store.matching_ids(filter, now).await?,
        };
        ids.retain(|id| Some(*id) != kept);
        ids.sort_unstable_by_key(|id| Reverse(*id));
        let limit = PageSize::clamp_tokens(limit).rows() as usize;
        let skipped = after.map_or(0, |after| ids.partition_point(|id| *id >= after));
        let page = &ids[skipped..ids.len().min(skipped + limit)];
        let is_last = skipped + page.len() == ids.len();
        let before_previous = skipped.checked_sub(limit + 1);
        Ok(ReviewPage {
            tokens: self.store.tokens_by_id(page).await?,
            review: Review::of(ids.iter().copied()),
            kept_own,
            skipped,
            previous: before_previous.map(|index| ids[index]),
            next: page.last().copied().filter(|_| !is_last),
        })
    }

    /// Revokes every personal access token that matches the filter, of all users, as one change,
    /// provided that they are exactly those of the [`review`](Self::review) with the digest
    /// `expected`. Without a digest, at most [`MAX_UNREVIEWED`] are revoked. The acting token is
    /// never revoked.
    ///
    /// # Errors
    ///
    /// - [`AdminTokenError::ReviewOutdated`] and [`AdminTokenError::ReviewRequired`]; nothing was
    ///   revoked.
    /// - [`AdminTokenError::FilterRequired`] when the filter is empty.
    /// - [`AdminTokenError::NotAuthorized`] unless `principal` is an administrator.
    /// - [`AdminTokenError::Store`] when the store fails.
    pub async fn revoke_matching(
        &self,
        principal: &Principal,
        filter: &TokenFilter,
        expected: Option<ReviewDigest>,
        context: &RequestContext,
    ) -> Result<BulkRevocation, AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        if filter.is_empty() {
            return Err(AdminTokenError::FilterRequired);
        }
        let change = self.revocation(principal, filter.clone(), context)?;
        let (kept, kept_own) = kept(principal, filter, change.actor.now);
        let tokens = self
            .revoke_all(RevokeMatching {
                kept,
                expected,
                ..change
            })
            .await?;
        Ok(BulkRevocation { tokens, kept_own })
    }

    /// Builds the change that revokes the matching tokens, without a token to keep.
    fn revocation(
        &self,
        principal: &Principal,
        filter: TokenFilter,
        context: &RequestContext,
    ) -> Result<RevokeMatching, AdminTokenError> {
        // The subject is replaced in each event.
        let subject = Subject::User(principal.user_id());
        let (actor, audit) = begin::<AdminTokenError>(
            principal,
            Requirement::HUMAN_ADMIN,
            (TokenAction::REVOKED, subject),
            context,
            self.clock.now(),
            &*self.entropy,
        )?;
        Ok(RevokeMatching {
            actor,
            filter,
            kept: None,
            expected: None,
            audit,
        })
    }

    async fn revoke_all(
        &self,
        change: RevokeMatching,
    ) -> Result<Listing<OwnedToken>, AdminTokenError> {
        match self.store.revoke_matching(change).await? {
            RevokeMatchingOutcome::Revoked(tokens) => Ok(tokens),
            RevokeMatchingOutcome::ReviewOutdated(review) => {
                Err(AdminTokenError::ReviewOutdated(review))
            }
            RevokeMatchingOutcome::ReviewRequired(review) => {
                Err(AdminTokenError::ReviewRequired(review))
            }
            RevokeMatchingOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }

    /// Accepts a report of leaked secrets from anyone: revokes the tokens that are live and
    /// notifies their owners. The result discloses nothing to the reporter, not even whether any
    /// token was live.
    ///
    /// # Errors
    ///
    /// - [`AdminTokenError::TooMany`] for more than [`MAX_REPORTED`] secrets.
    /// - [`AdminTokenError::RateLimited`] after too many reports from one address.
    /// - [`AdminTokenError::Entropy`] and [`AdminTokenError::Store`] when a port fails.
    pub async fn report_leaked(
        &self,
        secrets: &[impl AsRef<str> + Sync],
        context: &RequestContext,
    ) -> Result<(), AdminTokenError> {
        if secrets.len() > MAX_REPORTED {
            return Err(AdminTokenError::TooMany);
        }
        let now = self.clock.now();
        self.rate_limits
            .unauthenticated_route("report", context.client_address, now)
            .await?;
        let mut reported = Vec::new();
        for secret in secrets {
            if let Ok(secret) = Secret::parse(secret.as_ref().trim()) {
                let event = AuditEventId::generate(now, &*self.entropy)?;
                reported.push((secret.digest(), event));
            }
        }
        if !reported.is_empty() {
            let change = ReportLeakedTokens {
                reported,
                now,
                context: context.clone(),
            };
            self.store.report_leaked_tokens(change).await?;
        }
        Ok(())
    }
}

/// Returns the id of the acting token, which a bulk revocation never revokes, and whether it
/// matches the filter.
fn kept(principal: &Principal, filter: &TokenFilter, now: Timestamp) -> (Option<TokenId>, bool) {
    let own = principal.token();
    (
        own.map(|token| token.id),
        own.is_some_and(|token| filter.matches(token, now)),
    )
}
