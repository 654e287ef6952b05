use argon2::password_hash::phc::{Output, PasswordHash as Phc, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, CustomizedPasswordHasher, Params, Version};

/// 19 MiB, two passes, one lane, 32 bytes out: the least that the OWASP Password Storage Cheat
/// Sheet recommends, and one of its sets of equal strength. A stored hash names its own, so raising
/// these locks nobody out.
pub(crate) const PARAMS: Params = Params::DEFAULT;

/// A random salt of 128 bits (RFC 9106 §3.1; NIST asks for 32 at least).
pub(crate) const SALT_BYTES: usize = Salt::RECOMMENDED_LENGTH;

/// What a stored hash may cost at most, in KiB and in KiB times passes: a row that somebody wrote
/// into the database must not take this process's memory or a thread for minutes.
const MOST_MEMORY: u32 = 64 * 1024;
const MOST_WORK: u64 = 4 * MOST_MEMORY as u64;

/// The function that does the work, in a place of its own so that tests can count and hold it.
pub(crate) type Derive = dyn Fn(&[u8], &[u8], Params) -> Result<Phc, Broken> + Send + Sync;

/// Why there is no hash. Nothing of a password or a stored hash is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("the stored password hash is not a PHC string of argon2id version 19")]
    NotArgon2id,
    #[error("the stored password hash asks for more memory or passes than are allowed")]
    TooCostly,
    #[error("argon2id failed")]
    Argon2(#[from] argon2::password_hash::Error),
}

/// Argon2id, version 19 (1.3), of a password and a salt.
pub(crate) fn derive(password: &[u8], salt: &[u8], params: Params) -> Result<Phc, Broken> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    Ok(argon2.hash_password_customized(
        password,
        salt,
        Some(Algorithm::Argon2id.as_str()),
        Some(Version::V0x13.into()),
        params,
    )?)
}

/// What is needed of a stored hash to compare a password with it.
#[derive(Clone)]
pub(crate) struct Stored {
    salt: Salt,
    params: Params,
    output: Output,
}

impl Stored {
    /// Reads a PHC string.
    pub(crate) fn parse(phc: &str) -> Result<Self, Broken> {
        let phc = Phc::new(phc).map_err(|_| Broken::NotArgon2id)?;
        let (ARGON2ID_IDENT, Some(version), Some(salt), Some(output)) =
            (phc.algorithm, phc.version, phc.salt, phc.hash)
        else {
            return Err(Broken::NotArgon2id);
        };
        if version != u32::from(Version::V0x13) {
            return Err(Broken::NotArgon2id);
        }
        let params = Params::try_from(&phc).map_err(|_| Broken::NotArgon2id)?;
        let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
        if params.m_cost() > MOST_MEMORY || work > MOST_WORK {
            return Err(Broken::TooCostly);
        }
        Ok(Self {
            salt,
            params,
            output,
        })
    }

    /// A hash of no password: a salt and an output that are random, at the cost of a new hash.
    /// To find a password that fits is as hard as to break 256 bits.
    pub(crate) fn of_nobody(
        random: &[u8; SALT_BYTES + Params::DEFAULT_OUTPUT_LEN],
    ) -> Result<Self, Broken> {
        let (salt, output) = random.split_at(SALT_BYTES);
        Ok(Self {
            salt: Salt::new(salt).map_err(argon2::password_hash::Error::from)?,
            params: PARAMS,
            output: Output::new(output).map_err(argon2::password_hash::Error::from)?,
        })
    }

    /// Whether `password` is the one, in the time that its parameters cost; the comparison takes
    /// the same time wherever the first difference is.
    pub(crate) fn is_of(&self, password: &[u8], derive: &Derive) -> Result<bool, Broken> {
        let derived = derive(password, &self.salt, self.params.clone())?;
        Ok(derived.hash.as_ref() == Some(&self.output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `password` and `somesalt`, from the tests of the reference implementation
    /// (P-H-C/phc-winner-argon2, `src/test.c`).
    const REFERENCE: &str =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    #[test]
    fn reads_what_the_reference_implementation_writes() {
        let stored = Stored::parse(REFERENCE).unwrap();
        assert!(stored.is_of(b"password", &derive).unwrap());
        assert!(!stored.is_of(b"Password", &derive).unwrap());
    }

    #[test]
    fn what_is_not_argon2id_of_this_version_is_refused() {
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
            assert!(matches!(parsed, Err(Broken::NotArgon2id)), "{phc}");
        }
    }

    #[test]
    fn a_stored_hash_cannot_ask_for_any_memory_and_any_time() {
        for costly in ["m=65537", "m=4294967295"] {
            let parsed = Stored::parse(&REFERENCE.replace("m=65536", costly));
            assert!(matches!(parsed, Err(Broken::TooCostly)), "{costly}");
        }
        let parsed = Stored::parse(&REFERENCE.replace("t=2", "t=5"));
        assert!(matches!(parsed, Err(Broken::TooCostly)));
    }
}
