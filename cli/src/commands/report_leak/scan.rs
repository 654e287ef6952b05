//! Finds tokens in a stream of bytes.

use openindex_domain::token::{Secret, TokenKind};
use zeroize::Zeroizing;

use crate::error::Failure;

/// The most that is kept of a run of word characters: no token is this long, and what comes
/// before one in the same word, as in an escape, is shorter.
const MAX_WORD: usize = 4_096;
/// What begins like a token and has less than this behind it is somebody speaking of tokens.
const LEAST_CHARS: usize = 8;

/// Something in the text.
pub(crate) enum Found {
    Secret(Secret),
    /// It begins like a token, and is none.
    Malformed,
}

/// Keeps the word that a piece of the stream ends in, since it may go on in the next.
#[derive(Default)]
pub(crate) struct Scanner {
    word: Zeroizing<Vec<u8>>,
    /// The word is longer than what is kept of it.
    overlong: bool,
    /// The first bytes of the stream, until they are two.
    mark: Vec<u8>,
    /// A byte-order mark says that it is UTF-16, in which every other byte of ASCII is zero.
    utf16: bool,
}

impl Scanner {
    /// Reads a piece.
    pub(crate) fn feed(
        &mut self,
        piece: &[u8],
        take: &mut impl FnMut(Found) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for byte in piece {
            if self.mark.len() < 2 {
                self.mark.push(*byte);
                self.utf16 = matches!(self.mark.as_slice(), [0xff, 0xfe] | [0xfe, 0xff]);
            }
            if self.utf16 && *byte == 0 {
                continue;
            }
            if byte.is_ascii_alphanumeric() || *byte == b'_' {
                if self.word.len() < MAX_WORD {
                    // Growing would leave a copy of what may be a secret behind.
                    if self.word.capacity() == 0 {
                        self.word.reserve_exact(MAX_WORD);
                    }
                    self.word.push(*byte);
                } else {
                    self.overlong = true;
                }
            } else if !self.word.is_empty() {
                self.finish(take)?;
            }
        }
        Ok(())
    }

    /// The text ends here, or the word does.
    pub(crate) fn finish(
        &mut self,
        take: &mut impl FnMut(Found) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let overlong = std::mem::take(&mut self.overlong);
        let found = find(&self.word, overlong);
        self.word.clear();
        found.map_or(Ok(()), take)
    }
}

/// The token that a word ends in: something may stand before it, as the `n` of an escaped line
/// break, but nothing behind it.
fn find(word: &[u8], overlong: bool) -> Option<Found> {
    let text = std::str::from_utf8(word).ok()?;
    let starts = TokenKind::ALL.map(TokenKind::secret_prefix);
    let start = starts
        .iter()
        .filter_map(|prefix| text.rfind(prefix))
        .max()?;
    match Secret::parse(&text[start..]) {
        Ok(secret) if !overlong => Some(Found::Secret(secret)),
        _ => {
            let behind = text.len() - start - starts[0].len();
            (behind >= LEAST_CHARS).then_some(Found::Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

    /// What is found when the text comes in pieces of a size.
    fn found(text: &[u8], size: usize) -> (Vec<String>, usize) {
        let (mut secrets, mut malformed) = (Vec::new(), 0);
        let mut take = |found| {
            match found {
                Found::Secret(secret) => secrets.push(secret.expose().to_owned()),
                Found::Malformed => malformed += 1,
            }
            Ok(())
        };
        let mut scanner = Scanner::default();
        for piece in text.chunks(size) {
            scanner.feed(piece, &mut take).unwrap();
        }
        scanner.finish(&mut take).unwrap();
        (secrets, malformed)
    }

    #[test]
    fn tokens_are_found_in_any_text_however_it_is_cut() {
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
    fn tokens_are_found_in_utf_16_and_between_zeros() {
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
    fn what_only_begins_like_a_token_is_counted_and_not_taken() {
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
