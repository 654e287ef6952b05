//! Prints every text that the product shows, by source.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut source = String::new();
    for text in openindex_tests::texts::all() {
        if text.source != source {
            source = text.source;
            writeln!(out, "\n== {source}")?;
        }
        writeln!(out, "{}", text.text)?;
    }
    Ok(())
}
