//! `oi-server completions`.

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::args::{Args, Completions};

pub(crate) fn run(command: &Completions) -> anyhow::Result<()> {
    // In memory first: the library panics if it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(
        command.shell,
        &mut Args::command(),
        "oi-server",
        &mut script,
    );
    std::io::stdout().write_all(&script)?;
    Ok(())
}
