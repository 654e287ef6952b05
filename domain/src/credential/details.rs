use std::net::IpAddr;

use crate::secret::{LastFour, Secret};
use crate::vocabulary::vocabulary;

/// Details about a token that help its owner to recognize it. No decision depends on them:
/// verification does not read them, so [`find_by_digest`](crate::token::TokenStore::find_by_digest)
/// returns them empty, and a value that cannot be decoded counts as absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenDetails {
    /// The last four characters of its secret; `None` for a token that was created before they were
    /// stored.
    pub last_four: Option<LastFour>,
    /// The client address of the request that created it; `None` when unknown.
    pub created_from: Option<IpAddr>,
    /// The client address of the request at [`last_used_at`](super::Token::last_used_at); `None`
    /// when unknown.
    pub last_used_from: Option<IpAddr>,
    /// Why it was revoked; `None` for a token that is not revoked, an agent run, or a token that
    /// was revoked before reasons were stored.
    pub revoked_by: Option<RevokedBy>,
}

impl TokenDetails {
    /// Returns the details of a new token with this secret, created by a request from `from`.
    pub(crate) fn of_new(secret: &Secret, from: Option<IpAddr>) -> Self {
        Self {
            last_four: Some(secret.last_four()),
            created_from: from,
            last_used_from: None,
            revoked_by: None,
        }
    }
}

vocabulary! {
    /// Why a personal access token was revoked.
    RevokedBy, InvalidRevokedBy {
        /// Its owner deleted it.
        Owner = "owner",
        /// An administrator other than its owner revoked it.
        Administrator = "administrator",
        /// It was replaced by its successor without an overlap.
        Rotation = "rotation",
        /// Its secret was reported as leaked.
        Leak = "leak",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_round_trip_and_other_text_is_rejected() {
        for reason in RevokedBy::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        assert_eq!("".parse::<RevokedBy>(), Err(InvalidRevokedBy));
    }
}
