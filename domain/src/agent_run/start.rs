use crate::access::{Actor, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::token::{Scope, Secret, Token, TokenId, TokenKind, TokenName, TokenWithSecret, Trace};

use super::{
    AgentId, AgentRun, AgentRunError, AgentRuns, RunTtl, StartRun, StartRunOutcome, WorkItemKey,
};

/// What a new run is to be.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Which agent works with it.
    pub agent: AgentId,
    /// The only work item that it may change; `None` lets it change any.
    pub work_item: Option<WorkItemKey>,
    /// For how long.
    pub ttl: RunTtl,
    /// The token of the user that issues it, where a browser session acts; `None` where a token
    /// does, which issues it itself.
    pub issuer: Option<TokenId>,
}

impl AgentRuns {
    /// Starts a run that acts for the user of `principal`, with the scope `read_write` whatever that
    /// user may do. It ends with its time, with the token that started it, with its work item, with
    /// its owner's standing, or when it is [ended](Self::end), whichever comes first.
    ///
    /// # Errors
    ///
    /// [`AgentRunError`]: refused unless `principal` is a personal access token, or a browser session
    /// that names one of the user's; the work item must be there and open; the quota and the rate
    /// must have room; [`ActorError::FormUsed`](crate::access::ActorError::FormUsed) when the form of
    /// `context` started a run before.
    pub async fn start(
        &self,
        principal: &Principal,
        wanted: NewRun,
        context: &RequestContext,
    ) -> Result<TokenWithSecret, AgentRunError> {
        let requirement = Requirement::HUMAN;
        principal.authorize(requirement)?;
        let issuer = match (principal.token(), wanted.issuer) {
            (Some(token), None) => token.id,
            (None, Some(named)) => named,
            // With another token as its issuer, a run would outlive the one that acts.
            (Some(_), Some(_)) | (None, None) => return Err(AgentRunError::TokenRequired),
        };
        let now = self.clock.now();
        let kind = TokenKind::AgentRun;
        let secret = Secret::generate(kind, &*self.entropy)?;
        let run = Token {
            id: TokenId::generate(kind, now, &*self.entropy)?,
            owner: principal.user_id(),
            name: TokenName::of_agent(&wanted.agent),
            scope: Scope::ReadWrite,
            created_at: now,
            expires_at: Some(now.saturating_add_seconds(wanted.ttl.seconds().into())),
            revoked_at: None,
            last_used_at: None,
            successor: None,
            run: Some(AgentRun {
                agent: wanted.agent,
                work_item: wanted.work_item,
                issuer,
            }),
            trace: Trace::of_new(&secret, context.client_address),
        };
        let (action, subject) = (AuditAction::AgentRunStarted, Subject::Token(run.id));
        let actor = principal.audit_actor();
        let mut audit = AuditEvent::new(actor, action, subject, context, now, &*self.entropy)?;
        audit.related = wanted.work_item.map(Subject::WorkItem);
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
        match (outcome, wanted.work_item) {
            (StartRunOutcome::Started(token), _) => Ok(TokenWithSecret { token, secret }),
            (StartRunOutcome::NoSuchWorkItem, Some(key)) => Err(AgentRunError::NoSuchWorkItem(key)),
            (StartRunOutcome::WorkItemResolved, Some(key)) => {
                Err(AgentRunError::WorkItemResolved(key))
            }
            // Nothing was to be found, so a store that says so is wrong.
            (StartRunOutcome::NoSuchWorkItem | StartRunOutcome::WorkItemResolved, None) => {
                Err(crate::StoreError::corrupt("a work item that was not asked for").into())
            }
            (StartRunOutcome::NoSuchIssuer, _) => Err(AgentRunError::NoSuchIssuer(issuer)),
            (StartRunOutcome::QuotaReached, _) => {
                Err(AgentRunError::QuotaReached { quota: self.quota })
            }
            (StartRunOutcome::RateReached(reached), _) => Err(reached.into()),
            (StartRunOutcome::NotAuthorized(refusal), _) => Err(refusal.into()),
        }
    }
}
