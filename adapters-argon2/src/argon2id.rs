use argon2::password_hash::phc::{Output, PasswordHash as Phc, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, CustomizedPasswordHasher, Params, Version};

/// 19 MiB, two passes, one lane, 32 bytes of output: one of the minimum configurations of equal
/// strength in the OWASP Password Storage Cheat Sheet. A stored hash contains its own parameters,
/// so raising these keeps existing passwords working.
pub(crate) const PARAMS: Params = Params::DEFAULT;

/// A random salt of 128 bits (RFC 9106 §3.1; NIST requires at least 32 bits).
pub(crate) const SALT_BYTES: usize = Salt::RECOMMENDED_LENGTH;

/// Maximum cost of a stored hash, in KiB and in KiB times passes: a tampered row in the database
/// must not exhaust this process's memory, or occupy a thread for minutes.
const MAX_MEMORY: u32 = 64 * 1024;
const MAX_WORK: u64 = 4 * MAX_MEMORY as u64;

/// The type of [`derive`], which tests replace to count and block calls.
pub(crate) type Derive = dyn Fn(&[u8], &[u8], Params) -> Result<Phc, Argon2idError> + Send + Sync;

/// Why hashing failed. Contains no part of a password or a stored hash.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Argon2idError {
    #[error("the stored password hash is not a PHC string of argon2id version 19")]
    NotArgon2id,
    #[error("the stored password hash exceeds the limit on memory or passes")]
    TooCostly,
    #[error("argon2id failed")]
    Argon2(#[from] argon2::password_hash::Error),
}

/// Hashes a password and a salt with argon2id version 19 (1.3).
pub(crate) fn derive(password: &[u8], salt: &[u8], params: Params) -> Result<Phc, Argon2idError> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    Ok(argon2.hash_password_customized(
        password,
        salt,
        Some(Algorithm::Argon2id.as_str()),
        Some(Version::V0x13.into()),
        params,
    )?)
}

/// The parts of a stored hash that verifying a password requires.
#[derive(Clone)]
pub(crate) struct Stored {
    salt: Salt,
    params: Params,
    output: Output,
}

impl Stored {
    /// Parses a PHC string.
    pub(crate) fn parse(phc: &str) -> Result<Self, Argon2idError> {
        let phc = Phc::new(phc).map_err(|_| Argon2idError::NotArgon2id)?;
        let (ARGON2ID_IDENT, Some(version), Some(salt), Some(output)) =
            (phc.algorithm, phc.version, phc.salt, phc.hash)
        else {
            return Err(Argon2idError::NotArgon2id);
        };
        if version != u32::from(Version::V0x13) {
            return Err(Argon2idError::NotArgon2id);
        }
        let params = Params::try_from(&phc).map_err(|_| Argon2idError::NotArgon2id)?;
        let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
        if params.m_cost() > MAX_MEMORY || work > MAX_WORK {
            return Err(Argon2idError::TooCostly);
        }
        Ok(Self {
            salt,
            params,
            output,
        })
    }

    /// Returns a hash that matches no known password: a random salt and output, at the cost of a
    /// new hash. Finding a matching password is as hard as guessing 256 bits.
    pub(crate) fn dummy(
        random: &[u8; SALT_BYTES + Params::DEFAULT_OUTPUT_LEN],
    ) -> Result<Self, Argon2idError> {
        let (salt, output) = random.split_at(SALT_BYTES);
        Ok(Self {
            salt: Salt::new(salt).map_err(argon2::password_hash::Error::from)?,
            params: PARAMS,
            output: Output::new(output).map_err(argon2::password_hash::Error::from)?,
        })
    }

    /// Returns whether `password` matches, at the cost of the stored parameters. The comparison
    /// takes constant time.
    pub(crate) fn matches(&self, password: &[u8], derive: &Derive) -> Result<bool, Argon2idError> {
        let derived = derive(password, &self.salt, self.params.clone())?;
        Ok(derived.hash.as_ref() == Some(&self.output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash of `password` and `somesalt`, from the tests of the reference implementation
    /// (P-H-C/phc-winner-argon2, `src/test.c`).
    const REFERENCE: &str =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[test]
    fn a_hash_of_the_reference_implementation_verifies() {
        let stored = Stored::parse(REFERENCE).unwrap();
        assert!(stored.matches(b"password", &derive).unwrap());
        assert!(!stored.matches(b"Password", &derive).unwrap());
    }

    #[test]
    fn a_stored_hash_of_another_algorithm_or_version_is_an_error() {
        for phc in [
            "",
            "password",
            &REFERENCE.replace("argon2id", "argon2i"),
            &REFERENCE.replace("v=19", "v=16"),
            &REFERENCE.replace("$v=19", ""),
            &REFERENCE.replace("m=65536", "m=1"),
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ",
            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        ] {
            let parsed = Stored::parse(phc);
            assert!(matches!(parsed, Err(Argon2idError::NotArgon2id)), "{phc}");
        }
    }

    #[test]
    fn a_stored_hash_beyond_the_cost_limits_is_an_error() {
        for costly in ["m=65537", "m=4294967295"] {
            let parsed = Stored::parse(&REFERENCE.replace("m=65536", costly));
            assert!(matches!(parsed, Err(Argon2idError::TooCostly)), "{costly}");
        }
        let parsed = Stored::parse(&REFERENCE.replace("t=2", "t=5"));
        assert!(matches!(parsed, Err(Argon2idError::TooCostly)));
    }
}
