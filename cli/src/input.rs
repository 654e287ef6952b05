//! Reads text from files and pipes: with a byte-order mark, or in UTF-16.

use std::io::{self, Read};

use zeroize::Zeroizing;

/// Why text cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("larger than {} KiB", .0 / 1024)]
    TooLarge(u64),
    #[error("not UTF-8 text")]
    NotText,
}

/// Reads text of at most `limit` bytes: UTF-8, or UTF-16 with a byte-order mark, which `>` of
/// Windows PowerShell writes. The mark is removed.
pub(crate) fn read_text(input: &mut dyn Read, limit: u64) -> Result<Zeroizing<String>, Unreadable> {
    let mut bytes = Zeroizing::new(Vec::new());
    input.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Unreadable::TooLarge(limit));
    }
    let text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => std::str::from_utf8(rest).ok().map(str::to_owned),
    };
    text.map(Zeroizing::new).ok_or(Unreadable::NotText)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Zeroizing<Vec<u16>> = Zeroizing::new(pairs.iter().copied().map(unit).collect());
    rest.is_empty()
        .then(|| String::from_utf16(&units).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_every_encoding_that_shells_write() {
        let text = "é界\r\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        let little = units.iter().flat_map(|unit| unit.to_le_bytes());
        let big = units.iter().flat_map(|unit| unit.to_be_bytes());
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [0xff, 0xfe].into_iter().chain(little).collect(),
            [0xfe, 0xff].into_iter().chain(big).collect(),
        ] {
            assert_eq!(*read_text(&mut bytes.as_slice(), 100).unwrap(), text);
        }
    }

    #[test]
    fn binary_or_overlong_input_is_an_error() {
        for (bytes, message) in [
            (&b"a\xff"[..], "not UTF-8 text"),
            (b"\xff\xfea", "not UTF-8 text"),
            (&[b'a'; 1025], "larger than 1 KiB"),
        ] {
            let error = read_text(&mut &*bytes, 1024).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
