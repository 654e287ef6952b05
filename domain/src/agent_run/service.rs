use std::sync::Arc;

use crate::access::{Actor, ActorError, Denial, Principal, Requirement};
use crate::agent_run::AgentRunAction;
use crate::audit::{AuditEvent, RequestContext, Subject};
use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, EntropyError};
use crate::id::UserId;
use crate::page::PageSize;
use crate::store::{Listing, StoreError};
use crate::token::{
    CreationRate, RateReached, Scope, SecretPrefixes, Token, TokenDetails, TokenId, TokenKind,
    TokenName, TokenWithSecret,
};

use super::{
    AgentRun, AgentRunStore, EndRuns, EndRunsOutcome, NewRun, RunFilter, StartRun, StartRunOutcome,
    WorkItemKey,
};

/// The maximum number of rows that a count reads.
const MAX_COUNTED: u32 = 100_000;

/// The default maximum number of live runs per user.
pub const DEFAULT_RUN_QUOTA: u32 = 1_000;

/// The use cases of agent runs: [`start`](Self::start), [`list`](Self::list), [`get`](Self::get)
/// and [`end`](Self::end). Cheap to clone.
#[derive(Clone)]
pub struct AgentRuns {
    store: Arc<dyn AgentRunStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    prefixes: SecretPrefixes,
    quota: u32,
    rate: CreationRate,
}

/// A failure of a use case on agent runs.
#[derive(Debug, thiserror::Error)]
pub enum AgentRunError {
    /// The acting credential is invalid, or not permitted to do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// A run ends with its issuing token, so a browser session must name one, and a token can only
    /// name itself.
    #[error(
        "a run must be started with the acting personal access token, or from a browser session \
         with one that it names"
    )]
    TokenRequired,
    /// The user has no live personal access token with this id.
    #[error("there is no live token {0} to start a run with")]
    IssuerNotFound(TokenId),
    /// The user has no such run, or it has already ended.
    #[error("agent run not found")]
    NotFound,
    /// The work item to bind the run to does not exist.
    #[error("work item {0} not found")]
    WorkItemNotFound(WorkItemKey),
    /// The work item is done or cancelled.
    #[error("{0} is done or cancelled")]
    WorkItemResolved(WorkItemKey),
    /// The user has reached the maximum number of live runs.
    #[error("the limit of {quota} active agent runs is reached")]
    QuotaReached {
        /// The maximum number of live runs per user.
        quota: u32,
    },
    /// The user has reached the maximum number of runs started within 24 hours.
    #[error(transparent)]
    RateReached(#[from] RateReached),
    /// No secret could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Denial> for AgentRunError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}

/// A page of runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunPage {
    /// The runs, newest first.
    pub runs: Listing<Token>,
    /// Pass it as `after` for the next page; `None` on the last page.
    pub next: Option<TokenId>,
}

impl AgentRuns {
    /// Creates the use cases on a store, a clock and a source of entropy, with
    /// [`DEFAULT_RUN_QUOTA`] and [`CreationRate::DEFAULT_RUNS`].
    #[must_use]
    pub fn new(
        store: Arc<dyn AgentRunStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
            prefixes: SecretPrefixes::DEFAULT,
            quota: DEFAULT_RUN_QUOTA,
            rate: CreationRate::DEFAULT_RUNS,
        }
    }

    /// Sets the maximum number of live runs per user.
    #[must_use]
    pub fn with_quota(mut self, quota: u32) -> Self {
        self.quota = quota;
        self
    }

    /// Sets the maximum number of runs that a user can start within 24 hours.
    #[must_use]
    pub fn with_rate(mut self, rate: CreationRate) -> Self {
        self.rate = rate;
        self
    }

    /// Sets the prefixes of the secrets that are created: those of
    /// [`Tokens::with_prefixes`](crate::token::Tokens::with_prefixes), which verifies them.
    #[must_use]
    pub fn with_prefixes(mut self, prefixes: SecretPrefixes) -> Self {
        self.prefixes = prefixes;
        self
    }

    /// Returns the current time of the clock behind every decision here. Use it to compute a run's
    /// status for display.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns a page of the runs that match the filter, of the user that `principal` acts as.
    /// Ended runs are stored for [`RETENTION_DAYS`](crate::token::RETENTION_DAYS). `limit` is
    /// clamped to 1 to [`MAX_TOKEN_PAGE`](crate::page::MAX_TOKEN_PAGE).
    ///
    /// # Errors
    ///
    /// [`AgentRunError::NotAuthorized`] unless `principal` is a human; [`AgentRunError::Store`]
    /// when the store fails.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &RunFilter,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<RunPage, AgentRunError> {
        principal.authorize(Requirement::HUMAN)?;
        let limit = PageSize::clamp_tokens(limit);
        let now = self.clock.now();
        let owner = principal.user_id();
        let found = self
            .store
            .runs(owner, filter, now, after, limit.rows_to_read());
        let mut runs = found.await?;
        let next = limit.truncate(&mut runs, |run| run.id);
        Ok(RunPage { runs, next })
    }

    /// Returns the number of live runs that end with the token `issuer` of this user, or with the
    /// user if `issuer` is `None`. Confirmation pages show it.
    ///
    /// # Errors
    ///
    /// [`AgentRunError::NotAuthorized`] unless `principal` is that user or an administrator, and a
    /// human; [`AgentRunError::Store`] when the store fails.
    pub async fn count_live(
        &self,
        principal: &Principal,
        owner: UserId,
        issuer: Option<TokenId>,
    ) -> Result<usize, AgentRunError> {
        principal.authorize(if owner == principal.user_id() {
            Requirement::HUMAN
        } else {
            Requirement::HUMAN_ADMIN
        })?;
        let filter = RunFilter {
            issuer,
            ..RunFilter::LIVE
        };
        // The quota limits the number of live runs.
        let now = self.clock.now();
        let found = self.store.runs(owner, &filter, now, None, MAX_COUNTED);
        Ok(found.await?.count())
    }

    /// Returns one run of the user that `principal` acts as, live or ended.
    ///
    /// # Errors
    ///
    /// [`AgentRunError::NotFound`] when the user has no such run; [`AgentRunError::NotAuthorized`]
    /// unless `principal` is a human; [`AgentRunError::Store`] when the store fails.
    pub async fn get(&self, principal: &Principal, id: TokenId) -> Result<Token, AgentRunError> {
        principal.authorize(Requirement::HUMAN)?;
        if id.kind() != TokenKind::AgentRun {
            return Err(AgentRunError::NotFound);
        }
        let found = self.store.run(principal.user_id(), id).await?;
        found.ok_or(AgentRunError::NotFound)
    }

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
        let secret = self.prefixes.generate(kind, &*self.entropy)?;
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
        let (action, subject) = (AgentRunAction::STARTED, Subject::Token(run.id));
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
                Err(StoreError::corrupt("a work item that was not asked for").into())
            }
            (StartRunOutcome::IssuerNotFound, _) => Err(AgentRunError::IssuerNotFound(issuer)),
            (StartRunOutcome::QuotaReached, _) => {
                Err(AgentRunError::QuotaReached { quota: self.quota })
            }
            (StartRunOutcome::RateReached(reached), _) => Err(reached.into()),
            (StartRunOutcome::NotAuthorized(error), _) => Err(error.into()),
        }
    }

    /// Ends a run of the user that `principal` acts as. Once this returns, no verification that
    /// starts later accepts its token. A run can end itself.
    ///
    /// # Errors
    ///
    /// [`AgentRunError::NotFound`] when it is unknown, already ended or belongs to someone else
    /// (the error does not say which); [`AgentRunError::NotAuthorized`] unless `principal` is a
    /// human or this run; [`AgentRunError::Store`] when the store fails.
    pub async fn end(
        &self,
        principal: &Principal,
        id: TokenId,
        context: &RequestContext,
    ) -> Result<(), AgentRunError> {
        match self.end_all(principal, vec![id], context).await? {
            0 => Err(AgentRunError::NotFound),
            _ => Ok(()),
        }
    }

    /// Ends these runs of the user that `principal` acts as, in one step. Returns how many this
    /// call ended: runs that are unknown, already ended or belong to someone else are skipped.
    ///
    /// # Errors
    ///
    /// [`AgentRunError::NotAuthorized`] unless `principal` is a human or the only run of `runs`;
    /// [`AgentRunError::Store`] when the store fails.
    pub async fn end_all(
        &self,
        principal: &Principal,
        mut runs: Vec<TokenId>,
        context: &RequestContext,
    ) -> Result<usize, AgentRunError> {
        let is_itself = principal.token().is_some_and(|own| runs == [own.id]);
        let requirement = if is_itself {
            Requirement::ANY_TOKEN
        } else {
            Requirement::HUMAN
        };
        principal.authorize(requirement)?;
        runs.retain(|id| id.kind() == TokenKind::AgentRun);
        let Some(first) = runs.first() else {
            return Ok(0);
        };
        let now = self.clock.now();
        let (action, subject) = (AgentRunAction::ENDED, Subject::Token(*first));
        let actor = principal.audit_actor();
        let change = EndRuns {
            actor: Actor::of(principal, requirement, now),
            owner: principal.user_id(),
            audit: AuditEvent::new(actor, action, subject, context, now, &*self.entropy)?,
            runs,
        };
        match self.store.end_runs(change).await? {
            EndRunsOutcome::Ended(count) => Ok(count),
            EndRunsOutcome::NotFound => Ok(0),
            EndRunsOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }
}
