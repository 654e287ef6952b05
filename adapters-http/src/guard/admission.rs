use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts as RequestParts;
use openindex_domain::access::{Principal, Requirement};
use openindex_domain::audit::{Audit, RequestContext};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{SecretPrefixes, TokenKind, Tokens, VerifyError};
use tracing::{Instrument as _, debug_span};

use super::credentials::bearer;
use super::outage::DATABASE;
use super::{Context, GuardSettings, Problem};

type Observer = Arc<dyn Fn(Option<TokenKind>, &Result<Principal, VerifyError>) + Send + Sync>;

/// What tells whether a presented secret is a live token: the use cases of this process, or another
/// server.
#[async_trait]
pub trait Verify: Send + Sync {
    /// Verifies a secret that was presented from this client address.
    ///
    /// # Errors
    ///
    /// As for [`Tokens::verify`].
    async fn verify(&self, presented: &str, from: Option<IpAddr>)
    -> Result<Principal, VerifyError>;

    /// Returns the prefixes of the secrets that it accepts.
    fn prefixes(&self) -> SecretPrefixes {
        SecretPrefixes::DEFAULT
    }

    /// Returns the current time, if it has a clock.
    fn now(&self) -> Option<Timestamp> {
        None
    }

    /// Returns what verification depends on, as problem documents and the log name it.
    fn depends_on(&self) -> &'static str {
        DATABASE
    }
}

#[async_trait]
impl Verify for Tokens {
    async fn verify(
        &self,
        presented: &str,
        from: Option<IpAddr>,
    ) -> Result<Principal, VerifyError> {
        self.verify_from(presented, from).await
    }

    fn prefixes(&self) -> SecretPrefixes {
        Self::prefixes(self)
    }

    fn now(&self) -> Option<Timestamp> {
        Some(Self::now(self))
    }
}

/// The state that the permission extractors require: implement `FromRef<YourState> for Guard`, or
/// use `Guard` as the state. Cheap to clone.
#[derive(Clone)]
pub struct Guard(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    verifier: Arc<dyn Verify>,
    audit: Option<Audit>,
    observer: Option<Observer>,
    settings: Arc<GuardSettings>,
}

impl Guard {
    /// Creates a guard that verifies tokens with the use cases of this process or with another
    /// server.
    #[must_use]
    pub fn new(verifier: impl Verify + 'static) -> Self {
        Self(Arc::new(Parts {
            verifier: Arc::new(verifier),
            audit: None,
            observer: None,
            settings: Arc::default(),
        }))
    }

    /// Sets how this service presents rejections.
    #[must_use]
    pub fn with_settings(self, settings: GuardSettings) -> Self {
        Self(Arc::new(Parts {
            settings: Arc::new(settings),
            ..Arc::unwrap_or_clone(self.0)
        }))
    }

    /// Returns an error as a problem of this service, in the terms of its settings: for handlers
    /// that create, rotate or revoke tokens.
    #[must_use]
    pub fn problem(&self, error: impl Into<Problem>) -> Problem {
        let problem: Problem = error.into();
        problem.presented(&self.0.settings, self.prefixes())
    }

    /// Also records denied administration requests in the audit log.
    #[must_use]
    pub fn with_audit(self, audit: Audit) -> Self {
        Self(Arc::new(Parts {
            audit: Some(audit),
            ..Arc::unwrap_or_clone(self.0)
        }))
    }

    /// Also passes every verification to `observer`, with the kind that the prefix of the presented
    /// text claims.
    #[must_use]
    pub fn with_observer(
        self,
        observer: impl Fn(Option<TokenKind>, &Result<Principal, VerifyError>) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Parts {
            observer: Some(Arc::new(observer)),
            ..Arc::unwrap_or_clone(self.0)
        }))
    }

    /// Returns the current time by the clock of the verifier, if it has one.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.0.verifier.now()
    }

    /// Returns the prefixes of the secrets that the verifier accepts.
    fn prefixes(&self) -> SecretPrefixes {
        self.0.verifier.prefixes()
    }

    /// Verifies a secret that was presented from this client address.
    ///
    /// # Errors
    ///
    /// As for [`Tokens::verify`].
    pub async fn verify(
        &self,
        presented: &str,
        from: Option<IpAddr>,
    ) -> Result<Principal, VerifyError> {
        let verifying = self.0.verifier.verify(presented, from);
        let verified = verifying.instrument(debug_span!("verify")).await;
        if let Some(observe) = &self.0.observer {
            observe(self.prefixes().kind_of(presented), &verified);
        }
        verified
    }

    /// Verifies the bearer token of a request and authorizes its principal. A principal among the
    /// request's extensions, which [`layer`](Self::layer) puts there, is not verified again.
    ///
    /// # Errors
    ///
    /// A [`Problem`] with status 400, 401, 403 or 503.
    pub async fn admit(
        &self,
        request: &RequestParts,
        requirement: Requirement,
    ) -> Result<Principal, Problem> {
        let admitted = self.try_admit(request, requirement).await;
        admitted.map_err(|problem| self.problem(problem))
    }

    async fn try_admit(
        &self,
        request: &RequestParts,
        requirement: Requirement,
    ) -> Result<Principal, Problem> {
        let context = Context::of(request);
        let principal = if let Some(verified) = request.extensions.get::<Principal>() {
            verified.clone()
        } else {
            let presented = bearer(&request.headers)?;
            let presented = presented.ok_or_else(Problem::authentication_required)?;
            let verified = self.verify(presented, context.client_address).await;
            verified.map_err(|error| {
                let claimed = self.prefixes().kind_of(presented);
                Problem::unverified(error, claimed, self.0.verifier.depends_on())
            })?
        };
        authorize(&principal, requirement, self.0.audit.as_ref(), &context).await?;
        Ok(principal)
    }
}

/// Authorizes a principal, verified by a token or a session. A denied administration request is
/// recorded in the audit log first.
///
/// # Errors
///
/// A [`Problem`] with status 403, or 503 if the denial cannot be recorded: fail closed.
pub(crate) async fn authorize(
    principal: &Principal,
    requirement: Requirement,
    audit: Option<&Audit>,
    context: &RequestContext,
) -> Result<(), Problem> {
    let Err(denied) = principal.authorize(requirement) else {
        return Ok(());
    };
    if requirement == Requirement::HUMAN_ADMIN
        && let Some(audit) = audit
    {
        audit.record_denial(principal, context).await?;
    }
    Err(denied.into())
}
