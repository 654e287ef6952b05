//! A line on a terminal that says how far a command is.

use std::io::{IsTerminal as _, Write as _, stderr};

/// A line on standard error that is overwritten; nothing if that is no terminal.
pub(crate) struct Progress {
    is_shown: bool,
    width: usize,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            is_shown: stderr().is_terminal(),
            width: 0,
        }
    }

    /// Replaces the line.
    pub(crate) fn show(&mut self, line: &str) {
        if self.is_shown {
            let width = line.chars().count();
            let rest = self.width.saturating_sub(width);
            let _ = write!(stderr(), "\r{line}{:rest$}", "");
            self.width = width;
        }
    }
}

impl Drop for Progress {
    /// Clears the line.
    fn drop(&mut self) {
        let width = self.width;
        if width > 0 {
            let _ = write!(stderr(), "\r{:width$}\r", "");
        }
    }
}

/// Returns a size as an operator reads it, such as `12.5 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| {
        let tenths = bytes / (unit / 10);
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}

/// Returns a number with its noun, such as `1 token` or `2 tokens`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit_that_fits() {
        for (bytes, text) in [
            (0, "0 kB"),
            (1, "1 kB"),
            (999_999, "1000 kB"),
            (1_000_000, "1.0 MB"),
            (12_550_000, "12.5 MB"),
            (3_000_000_000, "3.0 GB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
