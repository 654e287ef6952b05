use crate::access::{ActingRecord, Actor, ActorError, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::store::Listing;
use crate::token::{Endings, RevokedBy, Token, TokenId, TokenKind};
use crate::user::MAX_PAGE;

use super::review::kept;
use super::{AdminTokenError, AdminTokens, OwnedToken, Review, ReviewDigest, TokenFilter};

/// How many tokens are revoked without a [`ReviewDigest`] at most: what the largest page of a list
/// shows.
pub const MAX_UNREVIEWED: usize = MAX_PAGE as usize;

/// The change: every personal access token that the filter matches is revoked, whoever owns it. The
/// store selects them inside the transaction, so that none which is issued meanwhile escapes, none
/// that is used meanwhile is taken for unused, and none is revoked that was not reviewed.
#[derive(Debug, Clone)]
pub struct RevokeMatching {
    /// Who does it.
    pub actor: Actor,
    /// Which tokens.
    pub filter: TokenFilter,
    /// A token that is kept although the filter wants it: the acting one.
    pub kept: Option<TokenId>,
    /// Exactly these tokens are revoked, or none. `None` revokes at most [`MAX_UNREVIEWED`].
    pub expected: Option<ReviewDigest>,
    /// The trail that each revocation leaves, with the id that their ids are derived from.
    pub audit: AuditEvent,
}

/// What became of a [`RevokeMatching`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum RevokeMatchingOutcome {
    /// These are revoked, and this call did it; as they were before, the newest first.
    Revoked(Listing<OwnedToken>),
    /// The filter matches these tokens, which are not those that were reviewed; nothing changed.
    ReviewOutdated(Review),
    /// The filter matches these tokens, too many to revoke without a review; nothing changed.
    ReviewRequired(Review),
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

impl RevokeMatching {
    /// Whether the acting credential may do this, from its record as read inside the transaction.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn check_actor(&self, actor: Option<&ActingRecord>) -> Result<(), RevokeMatchingOutcome> {
        self.actor
            .check(actor)
            .map_err(RevokeMatchingOutcome::NotAuthorized)
    }

    /// Decides on all tokens that the store's query found, as read inside the transaction. Returns
    /// those that are revoked, as they are to be written, each with its event.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written: the tokens are not those that were
    /// reviewed.
    pub fn decide(
        &self,
        found: &Endings,
    ) -> Result<Vec<(Token, AuditEvent)>, RevokeMatchingOutcome> {
        let matching = found.iter().filter(|token| {
            // The filter cannot be applied to a damaged row again; the store's query found it.
            found.is_damaged(token.id) || self.filter.matches(token, self.actor.now)
        });
        let decided: Vec<(Token, AuditEvent)> = matching
            .filter(|token| token.kind() == TokenKind::Personal && self.kept != Some(token.id))
            .filter_map(|token| Some((self.revoked(token)?, self.event(token))))
            .collect();
        let review = Review::of(decided.iter().map(|(token, _)| token.id));
        match self.expected {
            Some(expected) if expected != review.digest => {
                Err(RevokeMatchingOutcome::ReviewOutdated(review))
            }
            None if review.count > MAX_UNREVIEWED => {
                Err(RevokeMatchingOutcome::ReviewRequired(review))
            }
            _ => Ok(decided),
        }
    }

    fn revoked(&self, token: &Token) -> Option<Token> {
        let reason = if self.audit.actor.user() == Some(token.owner) {
            RevokedBy::Owner
        } else {
            RevokedBy::Administrator
        };
        token.revoked_by(reason, self.actor.now)
    }

    fn event(&self, token: &Token) -> AuditEvent {
        AuditEvent {
            id: self.audit.id.derive(token.id.uuid()),
            subject: Subject::Token(token.id),
            related: Some(Subject::User(token.owner)),
            ..self.audit.clone()
        }
    }
}

/// What a bulk revocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkRevocation {
    /// The tokens as they were, the newest first.
    pub tokens: Listing<OwnedToken>,
    /// Whether the filter matches the acting token too, which is not revoked.
    pub kept_own: bool,
}

impl AdminTokens {
    /// Revokes every personal access token that the filter matches, of all users, as one change, if
    /// they are exactly those of the [`review`](Self::review) that `expected` names. Without it, at
    /// most [`MAX_UNREVIEWED`] are revoked. The acting token is never among them.
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::ReviewOutdated`] and [`AdminTokenError::ReviewRequired`], which revoke
    /// nothing; [`AdminTokenError::NotAuthorized`] unless an administrator asks;
    /// [`AdminTokenError::FilterRequired`]; [`AdminTokenError::Store`].
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

    /// Prepares the revocation of what the filter matches, the acting token included.
    pub(super) fn revocation(
        &self,
        principal: &Principal,
        filter: TokenFilter,
        context: &RequestContext,
    ) -> Result<RevokeMatching, AdminTokenError> {
        let now = self.clock.now();
        Ok(RevokeMatching {
            actor: Actor::of(principal, Requirement::HUMAN_ADMIN, now),
            filter,
            kept: None,
            expected: None,
            // Each event gets a subject of its own.
            audit: AuditEvent::new(
                principal.audit_actor(),
                AuditAction::TokenRevoked,
                Subject::User(principal.user_id()),
                context,
                now,
                &*self.entropy,
            )?,
        })
    }

    pub(super) async fn revoke_all(
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
            RevokeMatchingOutcome::NotAuthorized(refusal) => Err(refusal.into()),
        }
    }
}
