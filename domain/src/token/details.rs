use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::vocabulary::vocabulary;

use super::Secret;

/// Details about a token that help its owner to recognize it. No decision depends on them:
/// verification does not read them, so [`find_by_digest`](super::TokenStore::find_by_digest)
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
            ..Self::default()
        }
    }
}

/// The last four characters of a secret. They encode 24 bits of its checksum and none of its random
/// bytes, so at least 230 bits remain to be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastFour([u8; Self::CHARS]);

/// The text cannot be the last four characters of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 4 letters, digits or underscores")]
pub struct InvalidLastFour;

impl LastFour {
    /// The length in characters.
    pub const CHARS: usize = 4;

    pub(super) const fn of(end: [u8; Self::CHARS]) -> Self {
        Self(end)
    }

    /// Returns the characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Both constructors accept only ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for LastFour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LastFour {
    type Err = InvalidLastFour;

    fn from_str(text: &str) -> Result<Self, InvalidLastFour> {
        let end: [u8; Self::CHARS] = text.as_bytes().try_into().map_err(|_| InvalidLastFour)?;
        let is_end = end.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
        is_end.then_some(Self(end)).ok_or(InvalidLastFour)
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
        assert_eq!(
            "a_9Z".parse::<LastFour>().map(|end| end.to_string()),
            Ok("a_9Z".to_owned())
        );
        for text in ["", "abc", "abcde", "ab-d", "a\nbc", "äbc"] {
            assert_eq!(text.parse::<LastFour>(), Err(InvalidLastFour), "{text:?}");
        }
    }
}
