//! Calls without a token: the secret is in the body.

use ureq::http::Method;

use crate::wire::{ClaimInvite, ClaimedInvite, ReportLeakedTokens};

use super::{Client, ClientError};

impl Client {
    /// Checks that a secret would be sent, before a user is asked for one. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`ClientError::InsecureTransport`] if it would not.
    pub fn check_confidential(&self) -> Result<(), ClientError> {
        self.0.check_confidential()
    }

    /// Claims an invite, which creates a user. The client's own token is not sent. Do not retry
    /// blindly after a lost response: see [`ClientError::Transport`].
    ///
    /// # Errors
    ///
    /// [`ClientError::InsecureTransport`] if a token would not be sent either.
    pub fn invite_claim(&self, claim: &ClaimInvite) -> Result<ClaimedInvite, ClientError> {
        self.check_confidential()?;
        let call = self.0.call(Method::POST, "/auth/invites/claim");
        call.public().body(claim).read()
    }

    /// Reports leaked tokens; the live ones are revoked. The response does not say which. The
    /// client's own token is not sent.
    ///
    /// # Errors
    ///
    /// [`ClientError::InsecureTransport`] if a token would not be sent either.
    pub fn report_leaked(&self, report: &ReportLeakedTokens) -> Result<(), ClientError> {
        self.check_confidential()?;
        let call = self.0.call(Method::POST, "/credentials/revoke");
        call.public().body(report).confirm(202)
    }
}
