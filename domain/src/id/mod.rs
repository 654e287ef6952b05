//! The ids of everything that is stored: a type prefix and a UUID, such as
//! `usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`, or the key of a work item. No module depends on another
//! only to name one of its ids.

mod subject;
mod token;
mod work_item;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::entropy::{Entropy, EntropyError};

pub use subject::Subject;
pub use token::{TokenId, TokenKind};
pub use work_item::{DomainKey, InvalidDomainKey, InvalidWorkItemKey, WorkItemKey};

/// The text is not an id of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid id")]
pub struct InvalidId;

/// Returns a new UUID version 7 (RFC 9562 §5.7) with the time `now`, so that ids sort by creation.
fn new_uuid(now: Timestamp, entropy: &dyn Entropy) -> Result<Uuid, EntropyError> {
    let mut random = [0; 10];
    entropy.fill(&mut random)?;
    let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

/// Derives a UUID from `uuid` and `parts`, deterministically: equal inputs yield equal UUIDs,
/// different inputs different ones. The result is a custom UUID (RFC 9562 §5.8) that keeps the
/// leading timestamp of `uuid`, so that it sorts next to it.
pub(crate) fn derived(uuid: Uuid, parts: &[&[u8]]) -> Uuid {
    let mut digest = Sha256::new_with_prefix(uuid);
    for part in parts {
        digest.update(part);
    }
    let mut bytes = uuid.into_bytes();
    bytes[6..].copy_from_slice(&digest.finalize()[..10]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Parses the UUID after `prefix`. Accepts exactly 32 lower-case hexadecimal digits, so that an id
/// has one spelling.
fn parse_uuid(text: &str, prefix: &str) -> Result<Uuid, InvalidId> {
    let digits = text.strip_prefix(prefix).ok_or(InvalidId)?;
    if digits.len() != 32 || digits.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(InvalidId);
    }
    Uuid::try_parse(digits).map_err(|_| InvalidId)
}

/// Defines an id type with the given prefix.
macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// The prefix of every id of this type.
            pub const PREFIX: &'static str = $prefix;

            /// Generates a new id with the time `now`.
            ///
            /// # Errors
            ///
            /// [`EntropyError`] when the source of entropy is
            /// unavailable.
            pub fn generate(
                now: Timestamp,
                entropy: &dyn Entropy,
            ) -> Result<Self, EntropyError> {
                new_uuid(now, entropy).map(Self)
            }

            /// Creates an id from a stored UUID.
            #[must_use]
            pub const fn from_uuid(uuid: uuid::Uuid) -> Self {
                Self(uuid)
            }

            /// Returns the UUID without its prefix, which is what stores persist.
            #[must_use]
            pub const fn uuid(self) -> uuid::Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}{}", Self::PREFIX, self.0.simple())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse_uuid(text, Self::PREFIX).map(Self)
            }
        }
    };
}

prefixed_id! {
    /// The id of a user: `usr_` and a UUID.
    UserId, "usr_"
}

prefixed_id! {
    /// The id of a browser session: `ses_` and a UUID. It is not a secret.
    SessionId, "ses_"
}

prefixed_id! {
    /// The id of a sign-in link: `lnk_` and a UUID. It is not a secret.
    SignInLinkId, "lnk_"
}

prefixed_id! {
    /// The id of an invite: `inv_` and a UUID. It is not a secret.
    InviteId, "inv_"
}

prefixed_id! {
    /// The id of a rendered form: `frm_` and a UUID. It is not a secret and grants nothing.
    FormId, "frm_"
}

prefixed_id! {
    /// The id of an audit event: `evt_` and a UUID.
    AuditEventId, "evt_"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let text = "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
        assert!(parse_uuid(text, "usr_").is_ok());
        for other in [
            "0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
            "usr_0199F3A1C6D07C35B2F0E8A4D1C7B9E2",
            "usr_0199f3a1-c6d0-7c35-b2f0-e8a4d1c7b9e2",
            "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e",
            "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 ",
            "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
            "usr_",
            "",
        ] {
            assert_eq!(parse_uuid(other, "usr_"), Err(InvalidId), "{other:?}");
        }
    }
}
