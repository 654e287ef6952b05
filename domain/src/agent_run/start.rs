use crate::access::{Actor, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::token::{
    Scope, Secret, Token, TokenDetails, TokenId, TokenKind, TokenName, TokenWithSecret,
};

use super::{
    AgentId, AgentRun, AgentRunError, AgentRuns, RunTtl, StartRun, StartRunOutcome, WorkItemKey,
};

/// The properties of a run to start.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The agent that will use the token.
    pub agent: AgentId,
    /// The only work item that the run may change; `None` permits any.
    pub work_item: Option<WorkItemKey>,
    /// The lifetime.
    pub ttl: RunTtl,
    /// The user's token to start the run with, if a browser session acts; `None` if a token acts,
    /// which is then the issuer.
    pub issuer: Option<TokenId>,
}

impl AgentRuns {
    /// Starts a run that acts for the user of `principal`, with the scope `read_write` whatever
    /// that user's role. It ends when it expires, when its issuing token or its work item
    /// ends, when its owner is suspended or deleted, or when it is [ended](Self::end), whichever
    /// comes first.
    ///
    /// # Errors
    ///
    /// - [`AgentRunError::NotAuthorized`] unless `principal` is a human; with
    ///   [`ActorError::FormUsed`](crate::access::ActorError::FormUsed) when the form of `context`
    ///   has started a run before.
    /// - [`AgentRunError::TokenRequired`] unless `principal` is a personal access token, or a
    ///   browser session that names one of the user's.
    /// - [`AgentRunError::IssuerNotFound`], [`AgentRunError::WorkItemNotFound`] and
    ///   [`AgentRunError::WorkItemResolved`] when the token or the work item cannot be used.
    /// - [`AgentRunError::QuotaReached`] and [`AgentRunError::RateReached`] when the user has
    ///   reached a limit.
    /// - [`AgentRunError::Entropy`] and [`AgentRunError::Store`] when a port fails.
    pub async fn start(
        &self,
        principal: &Principal,
        request: NewRun,
        context: &RequestContext,
    ) -> Result<TokenWithSecret, AgentRunError> {
        let requirement = Requirement::HUMAN;
        principal.authorize(requirement)?;
        let issuer = match (principal.token(), request.issuer) {
            (Some(token), None) => token.id,
            (None, Some(named)) => named,
            // With another token as its issuer, a run would outlive the acting token.
            (Some(_), Some(_)) | (None, None) => return Err(AgentRunError::TokenRequired),
        };
        let now = self.clock.now();
        let kind = TokenKind::AgentRun;
        let secret = Secret::generate(kind, &*self.entropy)?;
        let run = Token {
            id: TokenId::generate(kind, now, &*self.entropy)?,
            owner: principal.user_id(),
            name: TokenName::of_agent(&request.agent),
            scope: Scope::ReadWrite,
            created_at: now,
            expires_at: Some(now.saturating_add_seconds(request.ttl.seconds().into())),
            revoked_at: None,
            last_used_at: None,
            successor: None,
            run: Some(AgentRun {
                agent: request.agent,
                work_item: request.work_item,
                issuer,
            }),
            details: TokenDetails::of_new(&secret, context.client_address),
        };
        let (action, subject) = (AuditAction::AgentRunStarted, Subject::Token(run.id));
        let actor = principal.audit_actor();
        let mut audit = AuditEvent::new(actor, action, subject, context, now, &*self.entropy)?;
        audit.related = request.work_item.map(Subject::WorkItem);
        let change = StartRun {
            actor: Actor::of(principal, requirement, now).with_form(
                context.form,
                principal.user_id(),
                subject,
            ),
            run,
            digest: secret.digest(),
            quota: self.quota,
            rate: self.rate,
            audit,
        };
        let outcome = self.store.start_run(change).await?;
        match (outcome, request.work_item) {
            (StartRunOutcome::Started(token), _) => Ok(TokenWithSecret { token, secret }),
            (StartRunOutcome::WorkItemNotFound, Some(key)) => {
                Err(AgentRunError::WorkItemNotFound(key))
            }
            (StartRunOutcome::WorkItemResolved, Some(key)) => {
                Err(AgentRunError::WorkItemResolved(key))
            }
            // No work item was requested, so such an outcome is an error of the store.
            (StartRunOutcome::WorkItemNotFound | StartRunOutcome::WorkItemResolved, None) => {
                Err(crate::StoreError::corrupt("a work item that was not asked for").into())
            }
            (StartRunOutcome::IssuerNotFound, _) => Err(AgentRunError::IssuerNotFound(issuer)),
            (StartRunOutcome::QuotaReached, _) => {
                Err(AgentRunError::QuotaReached { quota: self.quota })
            }
            (StartRunOutcome::RateReached(reached), _) => Err(reached.into()),
            (StartRunOutcome::NotAuthorized(error), _) => Err(error.into()),
        }
    }
}
