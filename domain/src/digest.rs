use std::fmt;
use std::hash::Hasher;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// The longest text that SHA-256 hashes in one block, and the length of nearly every secret.
const BLOCK_TEXT: usize = 55;

/// The SHA-256 digest of a secret, the only form of it that stores receive.
///
/// A fast hash is sufficient, and a password hash is unnecessary: a secret has 256 random bits, so
/// it cannot be guessed (NIST SP 800-63B-4 §3.1.2.2 on look-up secrets of at least 112 bits).
/// `Debug` is redacted, because a digest read in a log could be looked up in a stolen database.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// A stored digest that is not 32 bytes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest must have 32 bytes")]
pub struct InvalidDigest;

impl Digest {
    /// A digest that belongs to no secret; compared against when a lookup finds nothing.
    pub(crate) const NONE: Self = Self([0; 32]);

    pub(crate) fn of(secret: &[u8]) -> Self {
        // Where the compiler knows the length, padding the block takes a third less time.
        let digest = match <&[u8; BLOCK_TEXT]>::try_from(secret) {
            Ok(secret) => Sha256::digest(secret),
            Err(_) => Sha256::digest(secret),
        };
        Self(digest.into())
    }

    /// Creates a digest from stored bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidDigest`] unless there are exactly 32 bytes.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, InvalidDigest> {
        bytes.try_into().map(Self).map_err(|_| InvalidDigest)
    }

    /// Returns the 32 bytes, for a store to persist and look up.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares two digests in constant time. It compares 8 bytes at a time, because `subtle` sets
    /// an optimization barrier at each step and the barrier dominates the cost.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        let differences = self.words().zip(other.words());
        let difference = differences.fold(0, |sum, (ours, theirs)| sum | (ours ^ theirs));
        difference.ct_eq(&0).into()
    }

    fn words(&self) -> impl Iterator<Item = u64> + '_ {
        let (words, _) = self.0.as_chunks();
        words.iter().copied().map(u64::from_ne_bytes)
    }
}

/// A hasher that uses the first bytes of a [`Digest`], for maps of existing tokens. These bytes are
/// uniformly distributed, and clients cannot choose them, because secrets are random.
#[derive(Debug, Default)]
pub struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_sha_256_of_the_whole_text() {
        // The example "abc" of FIPS 180-4.
        let expected = [
            0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae,
            0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61,
            0xf2, 0x00, 0x15, 0xad,
        ];
        assert_eq!(Digest::of(b"abc").as_bytes(), &expected);
        assert!(Digest::of(b"abc").matches(&Digest(expected)));
        assert!(!Digest::of(b"abd").matches(&Digest(expected)));
    }

    #[test]
    fn a_difference_in_any_single_bit_does_not_match() {
        let digest = Digest::of(b"abc");
        for bit in 0..256 {
            let mut other = digest;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!digest.matches(&other), "bit {bit}");
        }
    }

    #[test]
    fn debug_is_redacted() {
        assert_eq!(format!("{:?}", Digest::of(b"abc")), "Digest([redacted])");
    }

    #[test]
    fn a_stored_digest_has_32_bytes() {
        assert_eq!(Digest::from_stored(&[0; 31]), Err(InvalidDigest));
        assert_eq!(Digest::from_stored(&[0; 33]), Err(InvalidDigest));
        assert_eq!(Digest::from_stored(&[0; 32]), Ok(Digest::NONE));
    }
}
