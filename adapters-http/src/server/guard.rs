use std::sync::Arc;

use http::HeaderMap;
use openindex_domain::access::{Principal, Requirement};
use openindex_domain::audit::{Audit, RequestContext};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::Tokens;

use super::credentials::bearer;
use super::{HttpMetrics, Problem};

/// The state that the permission extractors require: implement `FromRef<YourState> for Guard`, or
/// use `Guard` as the state. Cheap to clone.
#[derive(Clone)]
pub struct Guard(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    tokens: Tokens,
    audit: Option<Audit>,
    metrics: Option<Arc<HttpMetrics>>,
}

impl Guard {
    /// Creates a guard that verifies tokens with these use cases.
    #[must_use]
    pub fn new(tokens: Tokens) -> Self {
        Self(Arc::new(Parts {
            tokens,
            audit: None,
            metrics: None,
        }))
    }

    /// Also records denied administration requests in the audit log.
    #[must_use]
    pub fn with_audit(self, audit: Audit) -> Self {
        Self(Arc::new(Parts {
            audit: Some(audit),
            ..Arc::unwrap_or_clone(self.0)
        }))
    }

    /// Also counts verifications by outcome.
    #[must_use]
    pub fn with_metrics(self, metrics: Arc<HttpMetrics>) -> Self {
        Self(Arc::new(Parts {
            metrics: Some(metrics),
            ..Arc::unwrap_or_clone(self.0)
        }))
    }

    /// Returns the current time by the clock of the use cases.
    pub(super) fn now(&self) -> Timestamp {
        self.0.tokens.now()
    }

    /// Verifies the request's bearer token and authorizes its principal.
    ///
    /// # Errors
    ///
    /// A [`Problem`] with status 400, 401, 403 or 503.
    pub async fn admit(
        &self,
        headers: &HeaderMap,
        requirement: Requirement,
        context: &RequestContext,
    ) -> Result<Principal, Problem> {
        let presented = bearer(headers)?.ok_or_else(Problem::authentication_required)?;
        let verified = self.0.tokens.verify_from(presented, context.client_address);
        let verified = verified.await;
        if let Some(metrics) = &self.0.metrics {
            metrics.verifications.verified(presented, &verified);
        }
        let principal = verified.map_err(|error| Problem::unverified(error, presented))?;
        if let Err(denied) = principal.authorize(requirement) {
            if requirement == Requirement::HUMAN_ADMIN
                && let Some(audit) = &self.0.audit
            {
                // If the denial cannot be audited, return 503 instead of 403: fail closed.
                audit.record_denial(&principal, context).await?;
            }
            return Err(denied.into());
        }
        Ok(principal)
    }
}
