use crate::audit::{AuditAction, AuditActor, AuditEvent, AuditEventId, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::token::{Digest, RevokedBy, Secret, Token};
use crate::user::{Notice, NoticeAbout, UserId};

use super::{AdminTokenError, AdminTokens};

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
            action: AuditAction::TokenReportedLeaked,
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

impl AdminTokens {
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
