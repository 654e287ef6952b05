use crate::audit::{AuditAction, AuditActor, AuditEvent, AuditEventId, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::token::{Digest, RevokedBy, Secret, Status, Token};

use super::{AdminTokenError, AdminTokens};

/// The most secrets in one report.
pub const MAX_REPORTED: usize = 1_000;

/// The change: tokens whose secrets were found leaked are revoked.
#[derive(Debug, Clone)]
pub struct ReportLeakedTokens {
    /// The digests of the secrets, each with an id for the event that its revocation leaves.
    pub reported: Vec<(Digest, AuditEventId)>,
    /// The time of the report.
    pub now: Timestamp,
    /// The request it came in.
    pub context: RequestContext,
}

impl ReportLeakedTokens {
    /// Decides on one reported token as read inside the transaction. Answers it as it is to be
    /// written, with its event; `None` when it is not live and so nothing is to be done.
    #[must_use]
    pub fn decide(&self, token: &Token, event: AuditEventId) -> Option<(Token, AuditEvent)> {
        if token.status(self.now) != Status::Live {
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
}

impl AdminTokens {
    /// Takes a report of leaked secrets from whoever it comes: those that are live are revoked at
    /// once, and their owners are told. The reporter is told nothing: not which were live, nor
    /// whether any was.
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::TooMany`]; [`AdminTokenError::RateLimited`]; [`AdminTokenError::Store`].
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
            .open_route("report", context.client_address, now)
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
