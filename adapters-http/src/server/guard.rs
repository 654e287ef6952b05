use std::sync::Arc;

use http::HeaderMap;
use openindex_domain::access::{Principal, Requirement};
use openindex_domain::audit::{Audit, RequestContext};
use openindex_domain::token::Tokens;

use super::credentials::bearer;
use super::{Metrics, Problem};

/// What the permission extractors need of an application's state: implement
/// `FromRef<YourState> for Guard`, or use `Guard` as the state.
#[derive(Clone)]
pub struct Guard {
    tokens: Tokens,
    audit: Option<Audit>,
    metrics: Option<Arc<Metrics>>,
}

impl Guard {
    /// A guard that verifies with these use cases.
    #[must_use]
    pub const fn new(tokens: Tokens) -> Self {
        Self {
            tokens,
            audit: None,
            metrics: None,
        }
    }

    /// The same, and it notes in the trail when administration is refused to somebody.
    #[must_use]
    pub fn with_audit(self, audit: Audit) -> Self {
        Self {
            audit: Some(audit),
            ..self
        }
    }

    /// The same, and it counts verifications by their outcome.
    #[must_use]
    pub fn with_metrics(self, metrics: Arc<Metrics>) -> Self {
        Self {
            metrics: Some(metrics),
            ..self
        }
    }

    /// Verifies the request's bearer token and authorizes its principal.
    ///
    /// # Errors
    ///
    /// 400, 401, 403 or 503 as a [`Problem`].
    pub async fn admit(
        &self,
        headers: &HeaderMap,
        requirement: Requirement,
        context: &RequestContext,
    ) -> Result<Principal, Problem> {
        let presented = bearer(headers)?.ok_or_else(Problem::authentication_required)?;
        let verified = self.tokens.verify(presented).await;
        if let Some(metrics) = &self.metrics {
            metrics.verifications.verified(presented, &verified);
        }
        let principal = verified.map_err(|error| Problem::unverified(error, presented))?;
        if let Err(denied) = principal.authorize(requirement) {
            if requirement == Requirement::HUMAN_ADMIN
                && let Some(audit) = &self.audit
            {
                // A refusal that cannot be noted is not given: fail closed, and say so.
                audit.note_refusal(&principal, context).await?;
            }
            return Err(denied.into());
        }
        Ok(principal)
    }
}
