//! `oi-server man`.

use std::io::Write as _;

use anyhow::Context as _;
use clap::CommandFactory as _;
use openindex_command_line::{manual_page, write_manual};

use crate::args::{Args, Man};

pub(crate) fn run(command: &Man) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match &command.directory {
        None => write!(out, "{}", manual_page(Args::command())?)?,
        Some(directory) => {
            let shown = directory.display();
            let written = write_manual(Args::command(), directory)
                .with_context(|| format!("cannot write to {shown}"))?;
            writeln!(out, "Wrote {} pages to {shown}", written.len())?;
        }
    }
    Ok(())
}
