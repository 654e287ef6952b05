//! Finds tokens in a stream of bytes.

use openindex_domain::token::{Secret, TokenKind};
use zeroize::Zeroizing;

use crate::error::Failure;

/// The number of characters of a word to buffer. A longer word is searched in parts.
const MAX_WORD: usize = 4_096;
/// The minimum number of characters after a token's prefix; fewer are a mention of tokens.
const MIN_CHARS: usize = 8;
/// The length of a token's prefix.
const PREFIX_CHARS: usize = TokenKind::Personal.secret_prefix().len();

/// A match in the text.
pub(crate) enum Found {
    Secret(Secret, Place),
    /// A word that contains the start of a token, and no valid one.
    Malformed,
}

/// A position in the text: line and column from 1. Columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

impl Place {
    const START: Self = Self { line: 1, column: 1 };

    /// Moves behind a byte of UTF-8.
    const fn pass(&mut self, byte: u8) {
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else if byte & 0xc0 != 0x80 {
            self.column += 1;
        }
    }
}

/// Scans a stream in chunks for tokens with a valid checksum, whatever surrounds them. A word (of
/// letters, digits and underscores) is buffered until it ends, since it may continue in the next
/// chunk.
pub(crate) struct Scanner {
    word: Zeroizing<Vec<u8>>,
    /// The position of the first character in the buffer.
    start: Place,
    /// The position of the next byte.
    here: Place,
    /// What the word contained so far.
    has_secret: bool,
    has_malformed: bool,
    /// The first three bytes of the stream.
    mark: Vec<u8>,
    /// Whether the stream starts with a UTF-16 byte-order mark, so that zero bytes are skipped.
    utf16: bool,
}

impl Default for Scanner {
    fn default() -> Self {
        Self {
            word: Zeroizing::default(),
            start: Place::START,
            here: Place::START,
            has_secret: false,
            has_malformed: false,
            mark: Vec::new(),
            utf16: false,
        }
    }
}

impl Scanner {
    /// Scans a chunk and calls `on_found` for each match.
    pub(crate) fn feed(
        &mut self,
        chunk: &[u8],
        on_found: &mut impl FnMut(Found) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for byte in chunk {
            if self.utf16 && *byte == 0 {
                continue;
            }
            if byte.is_ascii_alphanumeric() || *byte == b'_' {
                if self.word.is_empty() {
                    self.start = self.here;
                    // Growing would leave a copy of a possible secret in memory.
                    if self.word.capacity() == 0 {
                        self.word.reserve_exact(MAX_WORD);
                    }
                } else if self.word.len() == MAX_WORD {
                    self.search(on_found)?;
                    // Part of a token may be at the end, but not a whole one.
                    let searched = MAX_WORD - (Secret::CHARS - 1);
                    self.word.drain(..searched);
                    self.start.column += searched as u64;
                }
                self.word.push(*byte);
            } else if !self.word.is_empty() {
                self.finish(on_found)?;
            }
            self.here.pass(*byte);
            if self.mark.len() < 3 {
                self.read_mark(*byte);
            }
        }
        Ok(())
    }

    /// Ends the current word, and calls `on_found` for the matches in it.
    pub(crate) fn finish(
        &mut self,
        on_found: &mut impl FnMut(Found) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.search(on_found)?;
        self.word.clear();
        let has_secret = std::mem::take(&mut self.has_secret);
        let has_malformed = std::mem::take(&mut self.has_malformed);
        if has_malformed && !has_secret {
            on_found(Found::Malformed)?;
        }
        Ok(())
    }

    /// Finds the tokens in the buffer.
    fn search(
        &mut self,
        on_found: &mut impl FnMut(Found) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Ok(text) = std::str::from_utf8(&self.word) else {
            return Ok(());
        };
        let mut from = 0;
        // Most words are too short.
        while text.len() - from >= PREFIX_CHARS + MIN_CHARS {
            let starts = TokenKind::ALL.map(|kind| text[from..].find(kind.secret_prefix()));
            let Some(start) = starts.into_iter().flatten().min().map(|at| from + at) else {
                break;
            };
            let candidate = text.get(start..start + Secret::CHARS);
            if let Some(Ok(secret)) = candidate.map(Secret::parse) {
                self.has_secret = true;
                let column = self.start.column + start as u64;
                on_found(Found::Secret(
                    secret,
                    Place {
                        column,
                        ..self.start
                    },
                ))?;
                from = start + Secret::CHARS;
            } else {
                self.has_malformed |= text.len() - start >= PREFIX_CHARS + MIN_CHARS;
                from = start + 1;
            }
        }
        Ok(())
    }

    /// Recognizes a byte-order mark, which is not a column.
    fn read_mark(&mut self, byte: u8) {
        self.mark.push(byte);
        let is_utf16 = matches!(self.mark.as_slice(), [0xff, 0xfe] | [0xfe, 0xff]);
        self.utf16 |= is_utf16;
        if is_utf16 || self.mark == [0xef, 0xbb, 0xbf] {
            self.here = Place::START;
        }
    }
}

#[cfg(test)]
mod tests {
    use openindex_domain::testing::SeededEntropy;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

    /// Scans the text in chunks of `size` bytes.
    fn found(text: &[u8], size: usize) -> (Vec<String>, usize) {
        let (mut secrets, mut malformed) = (Vec::new(), 0);
        let mut on_found = |found| {
            match found {
                Found::Secret(secret, _) => secrets.push(secret.expose().to_owned()),
                Found::Malformed => malformed += 1,
            }
            Ok(())
        };
        let mut scanner = Scanner::default();
        for chunk in text.chunks(size) {
            scanner.feed(chunk, &mut on_found).unwrap();
        }
        scanner.finish(&mut on_found).unwrap();
        (secrets, malformed)
    }

    #[test]
    fn tokens_are_found_in_any_text_and_across_chunks() {
        for text in [
            TOKEN.to_owned(),
            format!("\n{TOKEN}\r\n"),
            format!("curl -H 'Authorization: Bearer {TOKEN}' https://x.example"),
            format!(r#"{{"line":"TOKEN=x\n{TOKEN}\n"}}"#),
            format!("+TOKEN={TOKEN}."),
            format!("oi_pat_ and oi_run_… and {TOKEN}"),
        ] {
            for size in [1, 7, text.len()] {
                let expected = (vec![TOKEN.to_owned()], 0);
                assert_eq!(found(text.as_bytes(), size), expected, "{text}");
            }
        }
        let mut binary = vec![0xff, 0x00];
        binary.extend(TOKEN.as_bytes());
        binary.push(0xc3);
        assert_eq!(found(&binary, 3).0, [TOKEN]);
    }

    #[test]
    fn tokens_are_found_in_utf_16_and_between_zero_bytes() {
        let text = format!("\u{feff}first\r\n{TOKEN}\r\nlast");
        let units = || text.encode_utf16();
        for bytes in [
            units().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
            units().flat_map(u16::to_be_bytes).collect(),
            format!("A={TOKEN}\0B=x\0").into_bytes(),
        ] {
            for size in [1, 3, bytes.len()] {
                assert_eq!(found(&bytes, size).0, [TOKEN]);
            }
        }
    }

    #[test]
    fn tokens_are_found_in_the_middle_of_a_word_of_any_length() {
        for text in [
            format!("{TOKEN}x"),
            format!("{TOKEN}{TOKEN}"),
            format!("oi_pat_{TOKEN}oi_run_"),
            format!("{}{TOKEN}", "x".repeat(MAX_WORD)),
            format!("{}{TOKEN}{}", "x".repeat(4_000), "y".repeat(MAX_WORD)),
            format!("{TOKEN}{}{TOKEN}", "x".repeat(3 * MAX_WORD)),
        ] {
            let count = text.matches(TOKEN).count();
            for size in [1, 54, text.len()] {
                assert_eq!(
                    found(text.as_bytes(), size),
                    (vec![TOKEN.to_owned(); count], 0)
                );
            }
        }
    }

    #[test]
    fn a_place_is_a_line_and_a_column_of_characters() {
        let text = format!(
            "a\u{e9}\u{754c} {TOKEN}\r\n\r\n\t\"{TOKEN}\"{}{TOKEN}",
            "x".repeat(5_000)
        );
        let expected = [(1, 5), (3, 3), (3, 3 + 55 + 1 + 5_000)];
        let marked = format!("\u{feff}{text}");
        let utf16: Vec<u8> = format!("\u{feff}ab\u{e9}{}", &text[6..])
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for bytes in [text.as_bytes(), marked.as_bytes(), &utf16] {
            for size in [1, 7, bytes.len()] {
                let mut places = Vec::new();
                let mut on_found = |found| {
                    if let Found::Secret(_, Place { line, column }) = found {
                        places.push((line, column));
                    }
                    Ok(())
                };
                let mut scanner = Scanner::default();
                for chunk in bytes.chunks(size) {
                    scanner.feed(chunk, &mut on_found).unwrap();
                }
                scanner.finish(&mut on_found).unwrap();
                assert_eq!(places, expected, "{size}");
            }
        }
    }

    fn secret(seed: u64, kind: TokenKind) -> String {
        let secret = Secret::generate(kind, &SeededEntropy::new(seed)).unwrap();
        secret.expose().to_owned()
    }

    proptest! {
        #[test]
        fn a_token_is_found_anywhere_in_any_bytes_and_a_mistyped_one_is_not(
            before in vec(any::<u8>(), 0..300),
            after in vec(any::<u8>(), 0..300),
            word in "[A-Za-z0-9_]{0,5000}",
            seed in any::<u64>(),
            kind in prop_oneof![Just(TokenKind::Personal), Just(TokenKind::AgentRun)],
            sizes in vec(1..200_usize, 1..8),
            mistyped in 0..Secret::CHARS,
            other in "[A-Za-z0-9_-]",
        ) {
            let token = secret(seed, kind);
            // A byte-order mark would make the bytes UTF-16.
            let around = |token: &str| [b"x", &before[..], word.as_bytes(), token.as_bytes(), &after].concat();
            let scan = |bytes: &[u8]| {
                let mut secrets = Vec::new();
                let mut on_found = |found| {
                    if let Found::Secret(secret, place) = found {
                        secrets.push((secret.expose().to_owned(), place));
                    }
                    Ok(())
                };
                let mut scanner = Scanner::default();
                let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
                while let (false, Some(size)) = (rest.is_empty(), sizes.next()) {
                    let (chunk, later) = rest.split_at(rest.len().min(*size));
                    scanner.feed(chunk, &mut on_found).unwrap();
                    rest = later;
                }
                scanner.finish(&mut on_found).unwrap();
                secrets
            };
            let bytes = around(&token);
            let start = bytes.len() - after.len() - token.len();
            let mut place = Place::START;
            bytes[..start].iter().for_each(|byte| place.pass(*byte));
            prop_assert_eq!(scan(&bytes), [(token.clone(), place)]);
            let mut wrong = token.clone();
            wrong.replace_range(mistyped..=mistyped, &other);
            if wrong != token {
                prop_assert_eq!(scan(&around(&wrong)), []);
            }
        }
    }

    #[test]
    fn malformed_tokens_are_only_counted() {
        for text in [
            &TOKEN[..54],
            &TOKEN.replace("jZHv", "jZHw"),
            &format!("{}x", &TOKEN[..54]),
            &format!("{}{}", "x".repeat(MAX_WORD), &TOKEN[..54]),
        ] {
            let (secrets, malformed) = found(text.as_bytes(), 1_000);
            assert!(secrets.is_empty(), "{text}");
            assert!(malformed <= 1, "{text}");
        }
        assert_eq!(found(&TOKEN.as_bytes()[..54], 10), (vec![], 1));
        assert_eq!(found(b"", 1), (vec![], 0));
    }
}
