//! Estimates how many guesses a password withstands against an attacker who knows the common
//! passwords, the user's own words and the usual ways to extend them. It is a rule for rejecting
//! weak passwords, not a measure of strength: only a low estimate is meaningful.
//!
//! The text is split into pieces, each of which has a cost in tenths of a bit; the split with the
//! lowest total counts. Time and memory grow with the square of the length, which
//! [`super::Password`] limits.

use std::iter;

use zeroize::Zeroizing;

use super::common::{self, is_common};

/// One of at most 4,096 entries of the list.
pub(super) const COMMON: u32 = 120;
/// One of the few words associated with the user.
const PERSONAL: u32 = 30;
/// One of [`SMALL_WORDS`].
const SMALL_WORD: u32 = 46;
/// A repetition of earlier text.
const REPEAT: u32 = 40;
/// A part of a keyboard row, the alphabet or the digits.
const SEQUENCE: u32 = 50;
/// A year of the last or the current century.
const YEAR: u32 = 66;
/// A letter is one of 26 (4.7 bits), but most letters belong to words.
const LETTER: u32 = 40;
const DIGIT: u32 = 33;
const SEPARATOR: u32 = 10;
const SYMBOL: u32 = 50;
/// A symbol that occurred before, such as a separator between words.
const SYMBOL_AGAIN: u32 = 5;

/// The minimum length of a repetition or sequence; shorter ones cost little as single characters.
const SHORTEST_RUN: usize = 3;

/// Short words that join others, so that `thisismypassword` is no stronger than `password`.
const SMALL_WORDS: [&str; 24] = [
    "am", "and", "are", "at", "be", "for", "in", "is", "it", "me", "my", "new", "not", "of", "on",
    "our", "that", "the", "this", "to", "very", "we", "with", "your",
];

/// Keyboard rows and columns of QWERTY, QWERTZ and AZERTY, the number pad and the alphabet. Each is
/// matched in both directions.
const ROWS: [&str; 21] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "02468",
    "13579",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiopü",
    "asdfghjklöä",
    "yxcvbnm,.-",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "!@#$%^&*()_+",
    "!\"§$%&/()=",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "qazwsxedcrfvtgbyhnujmikolp",
    "147258369",
    "zaq1xsw2cde3vfr4bgt5nhy6mju7",
];

/// Returns the cost of `text`, which is in lower case, in tenths of a bit, for an attacker who
/// knows the words `personal`.
pub(super) fn cost(text: &str, personal: &[String]) -> u32 {
    let chars = Zeroizing::new(text.chars().collect::<Vec<_>>());
    let bounds: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain(iter::once(text.len()))
        .collect();
    let repeats = longest_repeats(&chars);
    let mut costs = vec![u32::MAX; chars.len() + 1];
    costs[0] = 0;
    for at in 0..chars.len() {
        let (done, rest) = (&chars[..at], &text[bounds[at]..]);
        // Every single character has a cost, so this index is always reached.
        let before = costs[at];
        let mut offer = |length: usize, cost: u32| {
            let end = &mut costs[at + length];
            *end = before.saturating_add(cost).min(*end);
        };
        offer(1, character(chars[at], done));
        for length in SHORTEST_RUN..=repeats[at] {
            offer(length, REPEAT);
        }
        for length in SHORTEST_RUN..=longest_sequence(&chars[at..]) {
            offer(length, SEQUENCE);
        }
        if is_year(rest) {
            offer(4, YEAR);
        }
        for word in SMALL_WORDS.iter().filter(|word| rest.starts_with(**word)) {
            offer(word.len(), SMALL_WORD);
        }
        for word in personal.iter().filter(|word| rest.starts_with(&***word)) {
            offer(word.chars().count(), PERSONAL);
        }
        for end in at + 1..=chars.len() {
            let piece = &text[bounds[at]..bounds[end]];
            if piece.len() > common::LONGEST {
                break;
            }
            if is_common(piece) {
                offer(end - at, COMMON);
            }
        }
    }
    costs[chars.len()]
}

/// Returns whether `text` is one piece of fewer than `longest` characters, repeated at least once;
/// the last repetition may be incomplete.
pub(super) fn is_one_piece_repeated(text: &str, longest: usize) -> bool {
    let chars = Zeroizing::new(text.chars().collect::<Vec<_>>());
    (1..longest)
        .take_while(|period| 2 * period <= chars.len())
        .any(|period| chars[period..] == chars[..chars.len() - period])
}

fn character(c: char, done: &[char]) -> u32 {
    match c {
        _ if c.is_alphabetic() => LETTER,
        _ if c.is_numeric() => DIGIT,
        _ if done.contains(&c) => SYMBOL_AGAIN,
        ' ' | '-' | '_' | '.' | ',' | '!' => SEPARATOR,
        _ => SYMBOL,
    }
}

fn is_year(rest: &str) -> bool {
    let mut chars = rest.chars();
    matches!(
        (chars.next(), chars.next()),
        (Some('1'), Some('9')) | (Some('2'), Some('0'))
    ) && chars.by_ref().take(2).filter(char::is_ascii_digit).count() == 2
}

/// For each index, returns the length of the longest text from there that also starts at an earlier
/// index. The two may overlap, so `aaaa` is an `a` and a repetition.
fn longest_repeats(chars: &[char]) -> Vec<usize> {
    let mut longest = vec![0; chars.len()];
    for distance in 1..chars.len() {
        let mut length = 0;
        for at in (distance..chars.len()).rev() {
            length = if chars[at] == chars[at - distance] {
                length + 1
            } else {
                0
            };
            longest[at] = longest[at].max(length);
        }
    }
    longest
}

/// Returns how many leading characters follow one of [`ROWS`], forward or backward.
fn longest_sequence(chars: &[char]) -> usize {
    let common = |row: &mut dyn Iterator<Item = char>| {
        row.zip(chars).take_while(|(key, c)| key == *c).count()
    };
    ROWS.iter()
        .flat_map(|row| {
            row.char_indices().map(move |(at, key)| {
                let forward = common(&mut row[at..].chars());
                let backward = common(&mut row[..at + key.len_utf8()].chars().rev());
                forward.max(backward)
            })
        })
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_has_its_cost() {
        for (text, expected) in [
            ("", 0),
            ("k", LETTER),
            ("princess", COMMON),
            ("princessprincess", COMMON + REPEAT),
            ("this is", 2 * SMALL_WORD + SEPARATOR),
            ("aaaaaaaaaaaaaaa", LETTER + REPEAT),
            ("hijklmnop", SEQUENCE),
            ("ponmlkjih", SEQUENCE),
            ("öäöäö", 2 * LETTER + REPEAT),
            ("1984", YEAR),
            ("1894", 4 * DIGIT),
            ("a-b-c", 3 * LETTER + SEPARATOR + SYMBOL_AGAIN),
        ] {
            assert_eq!(cost(text, &[]), expected, "{text}");
        }
    }

    #[test]
    fn the_users_own_words_cost_least() {
        let words = ["lovelace".to_owned(), "renée".to_owned()];
        assert_eq!(cost("lovelace", &words), PERSONAL);
        assert_eq!(cost("renée1815", &words), PERSONAL + 4 * DIGIT);
        assert_eq!(cost("lovelace", &[]), COMMON + 4 * LETTER);
    }

    #[test]
    fn a_repetition_can_be_incomplete_and_have_a_long_piece() {
        assert!(is_one_piece_repeated("x7f!x7f!x7f!x7", 15));
        assert!(is_one_piece_repeated("字字", 15));
        assert!(!is_one_piece_repeated("x7f!x7f?", 15));
        assert!(!is_one_piece_repeated("abcdefgabcdefg", 7));
        assert!(!is_one_piece_repeated("", 15));
    }
}
