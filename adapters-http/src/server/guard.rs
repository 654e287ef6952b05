use http::HeaderMap;
use openindex_domain::token::{Principal, Requirement, Tokens};

use super::Problem;
use super::credentials::bearer;

/// What the permission extractors need of an application's state: implement
/// `FromRef<YourState> for Guard`, or use `Guard` as the state.
#[derive(Clone)]
pub struct Guard {
    tokens: Tokens,
}

impl Guard {
    /// A guard that verifies with these use cases.
    #[must_use]
    pub const fn new(tokens: Tokens) -> Self {
        Self { tokens }
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
    ) -> Result<Principal, Problem> {
        let presented = bearer(headers)?.ok_or_else(Problem::authentication_required)?;
        let principal = self.tokens.verify(presented).await?;
        principal.authorize(requirement)?;
        Ok(principal)
    }
}
