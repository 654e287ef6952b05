use crate::audit::{AuditActor, AuditEvent, AuditEventId, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::token::{Digest, RevokedBy, Token, TokenAction};
use crate::user::{Notice, NoticeAbout, UserId};

/// The maximum number of secrets in one report.
pub const MAX_REPORTED: usize = 1_000;

/// The change that revokes tokens whose secrets were reported as leaked.
#[derive(Debug, Clone)]
pub struct ReportLeakedTokens {
    /// The digest of each secret, with the id of the audit event if its token is revoked.
    pub reported: Vec<(Digest, AuditEventId)>,
    /// The time of the report.
    pub now: Timestamp,
    /// The request that contained the report.
    pub context: RequestContext,
}

impl ReportLeakedTokens {
    /// Decides on one reported token as read inside the transaction. Returns the revoked token to
    /// write and its audit event, or `None` when the token is not live and nothing is to be
    /// written.
    #[must_use]
    pub fn decide(&self, token: &Token, event: AuditEventId) -> Option<(Token, AuditEvent)> {
        if !token.status(self.now).is_revoked_by_leak() {
            return None;
        }
        let event = AuditEvent {
            id: event,
            at: self.now,
            actor: AuditActor::Anonymous,
            action: TokenAction::REPORTED_LEAKED,
            subject: Subject::Token(token.id),
            related: Some(Subject::User(token.owner)),
            email_change: None,
            context: self.context.clone(),
        };
        token
            .revoked_by(RevokedBy::Leak, self.now)
            .map(|revoked| (revoked, event))
    }

    /// Returns the notice for the owner of a revoked token.
    #[must_use]
    pub fn notice(&self, revoked: &Token) -> (UserId, Notice) {
        let about = NoticeAbout::LeakedToken {
            token: revoked.id,
            name: revoked.name.clone(),
        };
        let at = self.now;
        (revoked.owner, Notice { about, at })
    }
}
