//! Finds tokens in a stream of bytes.

use openindex_domain::token::{Secret, TokenKind};
use zeroize::Zeroizing;

use crate::error::Failure;

/// The maximum number of characters to buffer of a word: longer than any token with text before it
/// in the same word, such as an escape.
const MAX_WORD: usize = 4_096;
/// The minimum number of characters after a token's prefix; fewer are a mention of tokens.
const MIN_CHARS: usize = 8;

/// A match in the text.
pub(crate) enum Found {
    Secret(Secret),
    /// A string that starts like a token but is malformed.
    Malformed,
}

/// Scans a stream in chunks. A word at the end of a chunk is buffered, since it may continue in the
/// next one.
#[derive(Default)]
pub(crate) struct Scanner {
    word: Zeroizing<Vec<u8>>,
    /// Whether the word is longer than the buffer.
    overlong: bool,
    /// The first two bytes of the stream.
    mark: Vec<u8>,
    /// Whether the stream starts with a UTF-16 byte-order mark, so that zero bytes are skipped.
    utf16: bool,
}

impl Scanner {
    /// Scans a chunk and calls `on_found` for each match.
    pub(crate) fn feed(
        &mut self,
        chunk: &[u8],
        on_found: &mut impl FnMut(Found) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for byte in chunk {
            if self.mark.len() < 2 {
                self.mark.push(*byte);
                self.utf16 = matches!(self.mark.as_slice(), [0xff, 0xfe] | [0xfe, 0xff]);
            }
            if self.utf16 && *byte == 0 {
                continue;
            }
            if byte.is_ascii_alphanumeric() || *byte == b'_' {
                if self.word.len() < MAX_WORD {
                    // Growing would leave a copy of a possible secret in memory.
                    if self.word.capacity() == 0 {
                        self.word.reserve_exact(MAX_WORD);
                    }
                    self.word.push(*byte);
                } else {
                    self.overlong = true;
                }
            } else if !self.word.is_empty() {
                self.finish(on_found)?;
            }
        }
        Ok(())
    }

    /// Ends the current word, and calls `on_found` if it contains a match.
    pub(crate) fn finish(
        &mut self,
        on_found: &mut impl FnMut(Found) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let overlong = std::mem::take(&mut self.overlong);
        let found = find(&self.word, overlong);
        self.word.clear();
        found.map_or(Ok(()), on_found)
    }
}

/// Returns the token at the end of a word. Text before it is allowed, such as the `n` of an escaped
/// line break; text after it is not.
fn find(word: &[u8], overlong: bool) -> Option<Found> {
    let text = std::str::from_utf8(word).ok()?;
    let prefixes = TokenKind::ALL.map(TokenKind::secret_prefix);
    let start = prefixes
        .iter()
        .filter_map(|prefix| text.rfind(prefix))
        .max()?;
    match Secret::parse(&text[start..]) {
        Ok(secret) if !overlong => Some(Found::Secret(secret)),
        _ => {
            let rest = text.len() - start - prefixes[0].len();
            (rest >= MIN_CHARS).then_some(Found::Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

    /// Scans the text in chunks of `size` bytes.
    fn found(text: &[u8], size: usize) -> (Vec<String>, usize) {
        let (mut secrets, mut malformed) = (Vec::new(), 0);
        let mut on_found = |found| {
            match found {
                Found::Secret(secret) => secrets.push(secret.expose().to_owned()),
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
    fn malformed_tokens_are_only_counted() {
        for text in [
            &TOKEN[..54],
            &format!("{TOKEN}x"),
            &TOKEN.replace("jZHv", "jZHw"),
            &format!("{}{TOKEN}", "x".repeat(MAX_WORD)),
            &format!("{}{TOKEN}{}", "x".repeat(4_000), "y".repeat(MAX_WORD)),
        ] {
            let (secrets, malformed) = found(text.as_bytes(), 1_000);
            assert!(secrets.is_empty(), "{text}");
            assert!(malformed <= 1, "{text}");
        }
        assert_eq!(found(&TOKEN.as_bytes()[..54], 10), (vec![], 1));
        assert_eq!(found(b"", 1), (vec![], 0));
    }
}
