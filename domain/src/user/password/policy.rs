use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use zeroize::Zeroizing;

use super::Password;
use super::guess::{self, is_one_piece_repeated};

/// The minimum length of a new password in characters, counted as in [`Password::parse`] (NIST SP
/// 800-63B-4 §3.1.1.2, for a password that is the only factor).
pub const MIN_PASSWORD_CHARS: usize = 15;

/// The minimum cost of a password: that of three independent entries of the list of common
/// passwords, so that a few unrelated words always pass.
const ENOUGH: u32 = 3 * guess::COMMON;

/// The minimum length of a personal word; shorter ones occur by chance in too many passwords.
const SHORTEST_PERSONAL: usize = 3;

/// The name of the service, a common choice for its passwords.
const SERVICE: &str = "openindex";

/// Why a password must not be chosen. The message is shown to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Shorter than [`MIN_PASSWORD_CHARS`].
    #[error(
        "must have at least {MIN_PASSWORD_CHARS} characters; several unrelated words are easy to \
         remember"
    )]
    TooShort,
    /// Consists mostly of common passwords, sequences or repetitions.
    #[error("is too easy to guess; try several unrelated words")]
    Common,
    /// Consists mostly of words that are associated with the user.
    #[error(
        "must not be based on your name, your email address or \"openindex\"; try several \
         unrelated words"
    )]
    Personal,
    /// The password that it would replace.
    #[error("must not be your current password")]
    Current,
}

impl Password {
    /// Checks that this may be chosen as a new password: long enough, and not among an attacker's
    /// first guesses. There are no composition rules, and case is ignored.
    ///
    /// `person` contains texts associated with the user, such as their name and email address,
    /// which are split into words here.
    ///
    /// # Errors
    ///
    /// [`WeakPassword`] when it violates a rule.
    pub fn check_new(&self, person: &[&str]) -> Result<(), WeakPassword> {
        if self.expose().chars().count() < MIN_PASSWORD_CHARS {
            return Err(WeakPassword::TooShort);
        }
        let text = lower_case(self.expose());
        let personal = guess::cost(&text, &words_of(person));
        let common = guess::cost(&text, &[]);
        if personal < ENOUGH && personal < common {
            return Err(WeakPassword::Personal);
        }
        if common < ENOUGH || is_one_piece_repeated(&text, MIN_PASSWORD_CHARS) {
            return Err(WeakPassword::Common);
        }
        Ok(())
    }
}

fn lower_case(text: &str) -> Zeroizing<String> {
    // Lower case is at most three times as long; growing would leave a copy that is not zeroed.
    let mut lower = Zeroizing::new(String::with_capacity(3 * text.len()));
    lower.extend(text.chars().flat_map(char::to_lowercase));
    lower
}

/// Returns the words in the texts associated with a user: parts between white space and
/// punctuation, and the letters and the digits of each part, with and without accents.
fn words_of(person: &[&str]) -> Vec<String> {
    let mut words = vec![SERVICE.to_owned()];
    for known in person {
        let normalized: String = known.nfkc().flat_map(char::to_lowercase).collect();
        let plain: String = normalized
            .nfkd()
            .filter(|c| !is_combining_mark(*c))
            .collect();
        for text in [normalized, plain] {
            for part in text.split(|c: char| !c.is_alphanumeric()) {
                words.push(part.to_owned());
                words.extend(part.split(char::is_numeric).map(str::to_owned));
                words.extend(part.split(char::is_alphabetic).map(str::to_owned));
            }
        }
    }
    words.retain(|word| word.chars().count() >= SHORTEST_PERSONAL);
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADA: [&str; 2] = ["Ada Lovelace-Byron", "ada.1815@analytical-engine.example"];

    fn check(text: &str) -> Result<(), WeakPassword> {
        Password::parse(text).unwrap().check_new(&ADA)
    }

    #[test]
    fn fifteen_characters_are_enough_and_fourteen_are_not() {
        assert_eq!(check("vk3 tmq xw zrb"), Err(WeakPassword::TooShort));
        assert_eq!(check("vk3 tmq xw zrbj"), Ok(()));
        assert_eq!(check("ёжик в тумане и"), Ok(()));
        assert_eq!(check("馬電池釘正確天地玄黄宇宙洪荒日"), Ok(()));
        // Fifteen bytes or code points, but fewer characters.
        assert_eq!(check("éééééééé"), Err(WeakPassword::TooShort));
        assert_eq!(
            check("k\u{301}q\u{308}ze\u{301}xe\u{301}wo\u{308}a\u{300}u\u{301}"),
            Err(WeakPassword::TooShort)
        );
        assert_eq!(check(""), Err(WeakPassword::TooShort));
    }

    #[test]
    fn a_few_unrelated_words_may_be_chosen() {
        for text in [
            "correct horse battery staple",
            "correcthorsebatterystaple",
            "Correct-Horse-Battery-Staple",
            "monkey dragon sunshine",
            "princess-football-shadow",
            "elephant umbrella",
            "the kettle sings at noon",
            "me and my dog rex",
            "purple walrus 1987 teapot",
            "adas kettle sings at noon",
            "wir fahren nach Travemünde",
            "i would rather not say",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn no_kind_of_character_is_required() {
        for text in [
            "vkqtmexwzrbjhpd",
            "VKQTMEXWZRBJHPD",
            "839106427950183",
            "=#%&)~@?*$(}{+|",
            "               vkqtmexwzrb",
            "🦀🌵🎻🧊🪁🍋🚲🦉🧲🪵🛶🎲🧵🏺🥁",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn common_choices_are_rejected() {
        for text in [
            "aaaaaaaaaaaaaaa",
            "               ",
            "abcdefghijklmnop",
            "zyxwvutsrqponml",
            "123456789012345",
            "1234567890987654321",
            "qwertyuiopasdfgh",
            "qwertyuiop[]asdfghjkl;'",
            "1q2w3e4r5t6y7u8i9o0p",
            "1qaz2wsx3edc4rfv",
            "abcabcabcabcabcabc",
            "x7f!x7f!x7f!x7f!",
            "vkqtmexwzvkqtmexwz",
            "passwordpassword",
            "PasswordPassword1!",
            "password12345678",
            "password1234567890!!!!!!",
            "iloveyouprincess",
            "Letmein-Letmein-12",
            "thisismypassword",
            "My password is secret",
            "Password-Monkey-2024!",
            "sunshine 1999 sunshine",
            "manchesterunited",
            "2024202420242024",
        ] {
            assert_eq!(check(text), Err(WeakPassword::Common), "{text}");
        }
    }

    #[test]
    fn passwords_based_on_personal_texts_are_rejected() {
        for text in [
            "ada lovelace-byron",
            "AdaLovelaceByron",
            "ada.1815@analytical-engine.example",
            "lovelace18151815",
            "lovelace12345678",
            "adaadaadaadaada",
            "passwordlovelace",
            "openindexopenindex",
            "OpenIndex-Password-2024",
        ] {
            assert_eq!(check(text), Err(WeakPassword::Personal), "{text}");
        }
        let text = Password::parse("lovelace-kettle-noon").unwrap();
        assert_eq!(text.check_new(&ADA), Ok(()));
    }

    #[test]
    fn a_name_counts_with_and_without_accents() {
        for text in ["renée müller 1234", "reneemuller123456"] {
            let password = Password::parse(text).unwrap();
            assert_eq!(
                password.check_new(&["Renée Müller"]),
                Err(WeakPassword::Personal),
                "{text}"
            );
        }
    }

    #[test]
    fn nothing_is_rejected_for_empty_personal_texts() {
        let password = Password::parse("correct horse battery staple").unwrap();
        assert_eq!(password.check_new(&[]), Ok(()));
        assert_eq!(password.check_new(&["", " ", "-@-", "B"]), Ok(()));
    }

    proptest! {
        #[test]
        fn random_letters_pass(text in "[a-z]{20}") {
            prop_assert_eq!(check(&text), Ok(()));
        }

        #[test]
        fn case_makes_no_difference(text in "[ -~]{15,40}") {
            prop_assert_eq!(check(&text), check(&text.to_ascii_uppercase()));
        }

        #[test]
        fn a_short_repeated_piece_is_rejected(piece in "[a-z0-9!é字 ]{1,7}", times in 15_usize..30) {
            prop_assert!(check(&piece.repeat(times)).is_err());
        }

        #[test]
        fn one_common_password_does_not_help(
            word in prop::sample::select(vec!["password", "iloveyou", "dragon", "qwerty"]),
            before in "[0-9!. ]{0,2}", after in "[0-9!]{0,3}"
        ) {
            let text = format!("{before}{word}{word}{word}{after}");
            prop_assert_eq!(check(&text), Err(WeakPassword::Common));
        }

        #[test]
        fn every_text_has_a_cost(text in "\\PC{0,256}", known in "\\PC{0,60}") {
            if let Ok(password) = Password::parse(&text) {
                let _ = password.check_new(&[&known]);
            }
        }
    }
}
