//! Secrets without a format of their own: what a browser keeps in its cookie, and what stands in a
//! one-time link.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};
use crate::token::Digest;

const BYTES: usize = 32;
/// 32 bytes make 43 base64url characters (RFC 4648 §5) without padding.
const CHARS: usize = 43;

/// 256 random bits as 43 characters that fit into a cookie and a URL. A store sees its digest
/// alone; the memory is wiped on drop, and `Debug` is redacted.
pub struct OpaqueSecret(Zeroizing<[u8; CHARS]>);

impl OpaqueSecret {
    /// Makes a new one.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] when there is no entropy to make it from.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut random = Zeroizing::new([0; BYTES]);
        entropy.fill(&mut random[..])?;
        let mut text = Zeroizing::new([0; CHARS]);
        URL_SAFE_NO_PAD
            .encode_slice(&random[..], &mut text[..])
            .map_err(|_| EntropyError)?;
        Ok(Self(text))
    }

    /// Reads one that is presented; `None` when it cannot be one, so that no store is asked.
    #[must_use]
    pub fn parse(presented: &str) -> Option<Self> {
        let text: &[u8; CHARS] = presented.as_bytes().try_into().ok()?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        text.iter().all(plain).then(|| Self(Zeroizing::new(*text)))
    }

    /// The SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0[..])
    }

    /// The plaintext, for the one who is to have it.
    #[must_use]
    pub fn expose(&self) -> &str {
        // Both constructors let only ASCII through.
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
        fn what_is_made_can_be_read(seed in any::<u64>()) {
            let secret = OpaqueSecret::generate(&SeededEntropy::new(seed)).unwrap();
            let read = OpaqueSecret::parse(secret.expose()).unwrap();
            prop_assert_eq!(read.digest(), secret.digest());
            let shown = format!("{secret:?}");
            prop_assert!(!shown.contains(secret.expose()));
        }

        #[test]
        fn anything_else_is_refused_without_a_panic(text in ".{0,60}") {
            let plain = text.len() == CHARS
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            prop_assert_eq!(OpaqueSecret::parse(&text).is_some(), plain);
        }
    }
}
