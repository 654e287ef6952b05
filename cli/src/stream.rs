//! Standard output for results of any size that arrive in chunks.

use std::io::{self, Write};

use crate::render::for_terminal;

/// Copies chunks to a pipe or a file byte for byte. On a terminal, it replaces unsafe characters,
/// and buffers a character that is split between two chunks.
pub(crate) struct Stream<'a> {
    out: &'a mut dyn Write,
    terminal: bool,
    began: bool,
    partial: Vec<u8>,
}

impl<'a> Stream<'a> {
    pub(crate) const fn new(out: &'a mut dyn Write, terminal: bool) -> Self {
        Self {
            out,
            terminal,
            began: false,
            partial: Vec::new(),
        }
    }

    /// Returns whether anything was written.
    pub(crate) const fn began(&self) -> bool {
        self.began
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.began |= !piece.is_empty();
        if !self.terminal {
            self.out.write_all(piece)?;
            return Ok(piece.len());
        }
        self.partial.extend_from_slice(piece);
        let whole = match std::str::from_utf8(&self.partial) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.partial.len(),
        };
        let text = String::from_utf8_lossy(&self.partial[..whole]);
        self.out.write_all(for_terminal(&text).as_bytes())?;
        self.partial.drain(..whole);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streamed(text: &[u8], size: usize, terminal: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let mut stream = Stream::new(&mut out, terminal);
        for piece in text.chunks(size) {
            stream.write_all(piece).unwrap();
        }
        out
    }

    #[test]
    fn a_pipe_gets_every_byte_and_a_terminal_no_control_characters() {
        let text = "a,Zoë\r\nb\u{1b}[2J,\u{202e}界\n".as_bytes();
        for size in [1, 2, 5, 100] {
            assert_eq!(streamed(text, size, false), text);
            let shown = String::from_utf8(streamed(text, size, true)).unwrap();
            assert_eq!(shown, "a,Zoë\nb�[2J,�界\n", "{size}");
        }
        assert_eq!(streamed(b"a\xffb", 1, true), "a\u{fffd}b".as_bytes());
    }
}
