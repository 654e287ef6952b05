use std::collections::BTreeMap;

use crate::access::{ActingRecord, Actor, ActorError};
use crate::audit::{AuditEvent, AuditEventId, Subject};
use crate::page::MAX_PAGE;
use crate::store::Listing;
use crate::token::{RevocableTokens, RevokedBy, Token, TokenId, TokenKind};
use crate::user::{Notice, NoticeAbout, UserId};

use super::{OwnedToken, Review, ReviewDigest, TokenFilter};

/// The maximum number of tokens that can be revoked without a [`ReviewDigest`]: one page of the
/// largest size.
pub const MAX_UNREVIEWED: usize = MAX_PAGE as usize;

/// The change that revokes every personal access token that matches a filter, of all users. The
/// store selects the tokens inside the transaction, so that concurrent creations and uses are taken
/// into account and no token is revoked that was not reviewed.
#[derive(Debug, Clone)]
pub struct RevokeMatching {
    /// The acting credential.
    pub actor: Actor,
    /// The filter that selects the tokens.
    pub filter: TokenFilter,
    /// A token that is not revoked even if it matches: the acting one.
    pub kept: Option<TokenId>,
    /// The digest of the reviewed tokens: exactly these are revoked, or none. `None` permits at
    /// most [`MAX_UNREVIEWED`].
    pub expected: Option<ReviewDigest>,
    /// The template of the audit events: each revoked token gets a copy, with an id derived from
    /// this one's.
    pub audit: AuditEvent,
}

/// The outcome of a [`RevokeMatching`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum RevokeMatchingOutcome {
    /// This call revoked these tokens, given in their previous state, newest first.
    Revoked(Listing<OwnedToken>),
    /// The tokens that match, of which this is the review, are not those that were reviewed;
    /// nothing changed.
    ReviewOutdated(Review),
    /// More than [`MAX_UNREVIEWED`] tokens match, of which this is the review, and none were
    /// reviewed; nothing changed.
    ReviewRequired(Review),
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl RevokeMatching {
    /// Checks the acting credential, given its record as read inside the transaction.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn check_actor(&self, actor: Option<&ActingRecord>) -> Result<(), RevokeMatchingOutcome> {
        self.actor
            .check(actor)
            .map_err(RevokeMatchingOutcome::NotAuthorized)
    }

    /// Decides the change, given all tokens that the store's query returned inside the transaction.
    /// Returns the revoked tokens to write, each with its audit event.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written: the tokens are not those that were
    /// reviewed.
    pub fn decide(
        &self,
        found: &RevocableTokens,
    ) -> Result<Vec<(Token, AuditEvent)>, RevokeMatchingOutcome> {
        let matching = found.iter().filter(|token| {
            // A damaged row cannot be matched again here; the store's query has matched it.
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

    /// Returns the notices for the owners of these decided revocations: one for each owner except
    /// the actor. Tokens that had already expired are not counted.
    #[must_use]
    pub fn notices(&self, decided: &[(Token, AuditEvent)]) -> Vec<(UserId, Notice)> {
        let now = self.actor.now;
        let mut owners: BTreeMap<UserId, (AuditEventId, u64)> = BTreeMap::new();
        for (token, event) in decided {
            let worked = token.expires_at.is_none_or(|at| now < at);
            if worked && self.audit.actor.user() != Some(token.owner) {
                owners.entry(token.owner).or_insert((event.id, 0)).1 += 1;
            }
        }
        let notice = |(owner, (event, count))| {
            let about = NoticeAbout::RevokedTokens { event, count };
            (owner, Notice { about, at: now })
        };
        owners.into_iter().map(notice).collect()
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
        let (subject, owner) = (Subject::Token(token.id), Subject::User(token.owner));
        self.audit.derived(self.audit.action, subject, owner)
    }
}

/// The result of a bulk revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkRevocation {
    /// The revoked tokens in their previous state, newest first.
    pub tokens: Listing<OwnedToken>,
    /// Whether the acting token matches too; it is not revoked.
    pub kept_own: bool,
}
