//! What needs no token: the secret is in the body.

use crate::wire::{ClaimInvite, ClaimedInvite, ReportCredentials};

use super::{Client, ClientError};

impl Client {
    /// Whether it would send a secret, so that nobody is asked for one in vain. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ClientError::InsecureTransport`] where it would not.
    pub fn check_confidential(&self) -> Result<(), ClientError> {
        self.0.check_confidential()
    }

    /// Claims an invite: whoever does becomes a user. The client's own token is not sent. Not to
    /// be repeated without looking when the answer got lost: see [`ClientError::Transport`].
    ///
    /// # Errors
    ///
    /// [`ClientError::InsecureTransport`] where a token would not be sent either.
    pub fn invite_claim(&self, claim: &ClaimInvite) -> Result<ClaimedInvite, ClientError> {
        let answer = self.0.post_public("/auth/invites/claim", claim)?;
        self.0.read(&answer)
    }

    /// Reports leaked secrets, so that those of them that are live are revoked. The server says
    /// nothing about which were. The client's own token is not sent.
    ///
    /// # Errors
    ///
    /// [`ClientError::InsecureTransport`] where a token would not be sent either.
    pub fn credentials_revoke(&self, report: &ReportCredentials) -> Result<(), ClientError> {
        let answer = self.0.post_public("/credentials/revoke", report)?;
        self.0.confirm(&answer, 202)
    }
}
