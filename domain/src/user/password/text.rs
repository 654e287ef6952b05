use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// The maximum length of a password in characters, counted as in [`Password::parse`].
pub const MAX_PASSWORD_CHARS: usize = 256;

/// No character decomposes canonically into more than four, so text with more characters than this
/// cannot be composed into [`MAX_PASSWORD_CHARS`]. Limits what normalization has to buffer for a
/// sequence of combining marks.
const MAX_TYPED_CHARS: usize = 4 * MAX_PASSWORD_CHARS;

/// A password as typed, normalized to NFKC, because different systems may encode the same key as
/// different code points (NIST SP 800-63B-4 §3.1.1.2). Nothing else is changed: white space and
/// case are significant.
///
/// Any `Password` can be used to sign in; [`Password::check_new`] checks whether it may be
/// *chosen*.
///
/// The memory is zeroed on drop; there is no `Clone`, no `Display` and no serialization, and
/// `Debug` is redacted. [`Password::expose`] is the only way to read it.
pub struct Password(Zeroizing<String>);

/// The password is too long. It is rejected instead of truncated, so that every typed character
/// counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {MAX_PASSWORD_CHARS} characters")]
pub struct TooLongPassword;

impl Password {
    /// Normalizes a typed password. Its length is the number of Unicode scalar values of the
    /// result.
    ///
    /// # Errors
    ///
    /// [`TooLongPassword`] for more than [`MAX_PASSWORD_CHARS`].
    pub fn parse(text: &str) -> Result<Self, TooLongPassword> {
        if text.chars().nth(MAX_TYPED_CHARS).is_some() {
            return Err(TooLongPassword);
        }
        // The maximum size: growing would leave a copy that is not zeroed.
        let mut normalized = Zeroizing::new(String::with_capacity(
            MAX_PASSWORD_CHARS * char::MAX_LEN_UTF8,
        ));
        for (at, c) in text.nfkc().enumerate() {
            if at == MAX_PASSWORD_CHARS {
                return Err(TooLongPassword);
            }
            normalized.push(c);
        }
        Ok(Self(normalized))
    }

    /// Returns the plaintext, for a hasher, or to compare two that the caller knows.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not even the length, which would narrow a search.
        f.write_str("Password[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> String {
        Password::parse(text).unwrap().expose().to_owned()
    }

    #[test]
    fn one_character_has_one_encoding() {
        assert_eq!(parsed("cafe\u{301}"), "caf\u{e9}");
        assert_eq!(parsed("\u{ff41}\u{ff11}"), "a1");
        assert_eq!(parsed("a\u{a0}b"), "a b");
    }

    #[test]
    fn white_space_and_case_are_significant() {
        assert_eq!(parsed("  Two  Words "), "  Two  Words ");
        assert_eq!(parsed(""), "");
    }

    #[test]
    fn up_to_256_characters_are_accepted_and_more_are_rejected() {
        for c in [
            "x",
            "é",
            "e\u{301}",
            "字",
            "🦀",
            "\u{3b1}\u{313}\u{300}\u{345}",
        ] {
            let longest = c.repeat(MAX_PASSWORD_CHARS);
            assert_eq!(parsed(&longest).chars().count(), MAX_PASSWORD_CHARS, "{c}");
            let longer = longest + c;
            assert_eq!(Password::parse(&longer).err(), Some(TooLongPassword), "{c}");
        }
        // NFKC expands this character to eighteen.
        assert!(Password::parse(&"\u{fdfa}".repeat(15)).is_err());
        assert!(Password::parse(&"\u{301}".repeat(1_000_000)).is_err());
    }

    #[test]
    fn debug_shows_nothing() {
        let password = Password::parse("correct horse battery staple").unwrap();
        assert_eq!(format!("{password:?}"), "Password[redacted]");
    }

    proptest! {
        #[test]
        fn equal_text_yields_equal_passwords(text in "\\PC{0,256}") {
            if let Ok(password) = Password::parse(&text) {
                prop_assert_eq!(parsed(password.expose()), password.expose());
                let decomposed: String = text.nfd().collect();
                prop_assert_eq!(parsed(&decomposed), password.expose());
            }
        }

        #[test]
        fn long_text_never_panics(text in "\\PC*") {
            prop_assert_eq!(
                Password::parse(&text).is_ok(),
                text.nfkc().count() <= MAX_PASSWORD_CHARS
            );
        }
    }
}
