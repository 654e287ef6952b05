use crate::access::{ActingRecord, Actor, Principal, Refusal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::store::Listing;
use crate::token::{Status, Token, TokenId, TokenKind};
use crate::user::MAX_PAGE;

use super::{Inventory, InventoryError, OwnedToken, TokenFilter};

/// The change: every personal access token that the filter wants is revoked, whoever owns it. The
/// store selects them inside the transaction, so that none which is issued meanwhile escapes, and
/// none that is used meanwhile is taken for unused.
#[derive(Debug, Clone)]
pub struct RevokeMatching {
    /// Who does it.
    pub actor: Actor,
    /// Which tokens.
    pub filter: TokenFilter,
    /// A token that is kept although the filter wants it: the acting one.
    pub kept: Option<TokenId>,
    /// The trail that each revocation leaves, with the id that their ids are derived from.
    pub audit: AuditEvent,
}

/// What became of a [`RevokeMatching`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum RevokeMatchingOutcome {
    /// These are revoked, and this call did it; as they were before, the newest first.
    Revoked(Listing<OwnedToken>),
    /// The acting credential is not good any more; nothing changed.
    ActorRefused(Refusal),
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
            .map_err(RevokeMatchingOutcome::ActorRefused)
    }

    /// Decides on one token as read inside the transaction. Answers it as it is to be written, with
    /// its event; `None` when nothing is to be done.
    #[must_use]
    pub fn decide(&self, token: &Token) -> Option<(Token, AuditEvent)> {
        let now = self.actor.now;
        let wanted = token.kind() == TokenKind::Personal
            && self.kept != Some(token.id)
            && self.filter.wants(token, now);
        if wanted { self.end(token) } else { None }
    }

    /// The same of a damaged row that the store's query found: what the filter wants cannot be asked
    /// of it again.
    #[must_use]
    pub fn end(&self, token: &Token) -> Option<(Token, AuditEvent)> {
        let revoked = token.revoked(self.actor.now)?;
        let event = AuditEvent {
            id: self.audit.id.derive(token.id.uuid()),
            subject: Subject::Token(token.id),
            related: Some(Subject::User(token.owner)),
            ..self.audit.clone()
        };
        Some((revoked, event))
    }
}

/// What a bulk revocation ended, or would end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkRevocation {
    /// The tokens, the newest first.
    pub tokens: Listing<OwnedToken>,
    /// Whether the filter wanted the acting token too. That one is kept: whoever ends everything
    /// must be able to go on.
    pub kept_own: bool,
}

impl Inventory {
    /// Revokes every personal access token that the filter wants, of all users, as one change. With
    /// `dry_run` it only answers which those are. The acting token itself is kept.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Refused`] unless an administrator asks;
    /// [`InventoryError::FilterRequired`]; [`InventoryError::Store`].
    pub async fn revoke_matching(
        &self,
        principal: &Principal,
        filter: &TokenFilter,
        dry_run: bool,
        context: &RequestContext,
    ) -> Result<BulkRevocation, InventoryError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        if filter.is_empty() {
            return Err(InventoryError::FilterRequired);
        }
        let now = self.clock.now();
        let own = principal.token();
        let kept = own.map(|token| token.id);
        let kept_own = own.is_some_and(|token| filter.wants(token, now));
        if dry_run {
            let mut tokens = Listing::default();
            let mut after = None;
            loop {
                let page = self.list(principal, filter, after, MAX_PAGE).await?;
                tokens.append(page.tokens);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let tokens = tokens.only(|owned| {
                Some(owned.token.id) != kept && owned.token.status(now) != Status::Revoked
            });
            return Ok(BulkRevocation { tokens, kept_own });
        }
        let tokens = self
            .revoke_all(principal, *filter, kept, now, context)
            .await?;
        Ok(BulkRevocation { tokens, kept_own })
    }

    /// Revokes what the filter wants, but for `kept`.
    pub(super) async fn revoke_all(
        &self,
        principal: &Principal,
        filter: TokenFilter,
        kept: Option<TokenId>,
        now: Timestamp,
        context: &RequestContext,
    ) -> Result<Listing<OwnedToken>, InventoryError> {
        let change = RevokeMatching {
            actor: Actor::of(principal, Requirement::HUMAN_ADMIN, now),
            filter,
            kept,
            // Each event gets a subject of its own.
            audit: AuditEvent::new(
                principal.audit_actor(),
                AuditAction::TokenRevoked,
                Subject::User(principal.user_id()),
                context,
                now,
                &*self.entropy,
            )?,
        };
        match self.store.revoke_matching(change).await? {
            RevokeMatchingOutcome::Revoked(tokens) => Ok(tokens),
            RevokeMatchingOutcome::ActorRefused(refusal) => Err(refusal.into()),
        }
    }
}
