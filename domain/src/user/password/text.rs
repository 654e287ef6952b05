use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// The most characters a password may have, counted as [`Password::parse`] does.
pub const MAX_PASSWORD_CHARS: usize = 256;

/// No character decomposes canonically into more than four, so a text with more characters than
/// this cannot be composed into [`MAX_PASSWORD_CHARS`]. Normalization must buffer a run of combining
/// marks; this bounds it.
const MAX_TYPED_CHARS: usize = 4 * MAX_PASSWORD_CHARS;

/// What a person typed as their password, in normalization form NFKC: the keyboards of two
/// systems may spell one character with different code points (NIST SP 800-63B-4 §3.1.1.2).
/// Nothing else is changed; white space and case count.
///
/// Signing in takes any `Password`; whether one may be *chosen* is [`Password::check_new`].
///
/// The memory is wiped on drop; there is no `Clone`, no `Display` and no serialization, and
/// `Debug` is redacted. [`Password::expose`] is the only way to read it.
pub struct Password(Zeroizing<String>);

/// The password is longer than any that is accepted. It is refused rather than cut, so that each
/// typed character counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {MAX_PASSWORD_CHARS} characters")]
pub struct TooLongPassword;

impl Password {
    /// Normalizes what was typed. The length is that of the outcome in Unicode scalar values.
    ///
    /// # Errors
    ///
    /// [`TooLongPassword`] for more than [`MAX_PASSWORD_CHARS`].
    pub fn parse(text: &str) -> Result<Self, TooLongPassword> {
        if text.chars().nth(MAX_TYPED_CHARS).is_some() {
            return Err(TooLongPassword);
        }
        // As large as it can get: growing would leave an unwiped copy behind.
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

    /// The plaintext, for a hasher and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not even the length: that alone narrows a search.
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
    fn one_character_has_one_spelling() {
        assert_eq!(parsed("cafe\u{301}"), "caf\u{e9}");
        assert_eq!(parsed("\u{ff41}\u{ff11}"), "a1");
        assert_eq!(parsed("a\u{a0}b"), "a b");
    }

    #[test]
    fn white_space_and_case_are_left_alone() {
        assert_eq!(parsed("  Two  Words "), "  Two  Words ");
        assert_eq!(parsed(""), "");
    }

    #[test]
    fn up_to_256_characters_are_taken_whole_and_more_are_refused() {
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
        // One character that NFKC turns into eighteen.
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
        fn what_was_typed_twice_is_the_same(text in "\\PC{0,256}") {
            if let Ok(password) = Password::parse(&text) {
                prop_assert_eq!(parsed(password.expose()), password.expose());
                let decomposed: String = text.nfd().collect();
                prop_assert_eq!(parsed(&decomposed), password.expose());
            }
        }

        #[test]
        fn no_text_is_too_much(text in "\\PC*") {
            prop_assert_eq!(
                Password::parse(&text).is_ok(),
                text.nfkc().count() <= MAX_PASSWORD_CHARS
            );
        }
    }
}
