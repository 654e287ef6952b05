//! Secrets without a prefix or checksum, for session cookies and one-time links.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::digest::Digest;
use crate::entropy::{Entropy, EntropyError};

const BYTES: usize = 32;
/// The length of 32 bytes in base64url (RFC 4648 §5) without padding.
const CHARS: usize = 43;

/// A secret of 256 random bits, written as 43 characters that are safe in cookies and URLs. Stores
/// receive only its digest. The memory is zeroed on drop, and `Debug` is redacted.
pub struct OpaqueSecret(Zeroizing<[u8; CHARS]>);

impl OpaqueSecret {
    /// Generates a new secret.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] when the source of entropy is unavailable.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut random = Zeroizing::new([0; BYTES]);
        entropy.fill(&mut random[..])?;
        let mut text = Zeroizing::new([0; CHARS]);
        URL_SAFE_NO_PAD
            .encode_slice(&random[..], &mut text[..])
            .map_err(|_| EntropyError)?;
        Ok(Self(text))
    }

    /// Parses a presented secret. Returns `None` when the length or a character is invalid, so that
    /// no store lookup is needed.
    #[must_use]
    pub fn parse(presented: &str) -> Option<Self> {
        let text: &[u8; CHARS] = presented.as_bytes().try_into().ok()?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        text.iter().all(plain).then(|| Self(Zeroizing::new(*text)))
    }

    /// Returns the SHA-256 digest of the text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0[..])
    }

    /// Returns the plaintext. Pass it to its recipient only.
    #[must_use]
    pub fn expose(&self) -> &str {
        // Both constructors accept only ASCII.
        std::str::from_utf8(&self.0[..]).unwrap_or_default()
    }
}

impl fmt::Debug for OpaqueSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueSecret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::SeededEntropy;

    proptest! {
        #[test]
        fn generated_secrets_round_trip(seed in any::<u64>()) {
            let secret = OpaqueSecret::generate(&SeededEntropy::new(seed)).unwrap();
            let read = OpaqueSecret::parse(secret.expose()).unwrap();
            prop_assert_eq!(read.digest(), secret.digest());
            let shown = format!("{secret:?}");
            prop_assert!(!shown.contains(secret.expose()));
        }

        #[test]
        fn other_text_is_rejected_without_a_panic(text in ".{0,60}") {
            let plain = text.len() == CHARS
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            prop_assert_eq!(OpaqueSecret::parse(&text).is_some(), plain);
        }
    }
}
