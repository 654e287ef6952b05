//! `oi man`: manual pages, generated from the help texts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap_mangen::Man;
use serde_json::json;

use crate::commands::prelude::*;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes one page per command, such as oi-auth-check.1. Without a directory, or with -, prints oi(1).

Examples:
  oi man | man -l -
  oi man ~/.local/share/man/man1
  man oi-settings-personal-tokens-create")]
pub(crate) struct Generate {
    /// Directory to write the pages to; created if missing
    #[arg(value_name = "DIR|-")]
    directory: Option<PathBuf>,
}

pub(super) fn run(args: &Generate, app: &mut App<'_>) -> Result<(), CliError> {
    let mut root = (app.grammar)().disable_help_subcommand(true);
    root.build();
    let directory = match args.directory.as_deref() {
        None => return print(root, app),
        Some(path) if path == Path::new("-") => return print(root, app),
        Some(directory) => directory,
    };
    let unwritable = |error: io::Error| {
        let message = format!("cannot write to {}: {error}", directory.display());
        Failure::of("output_failed", message)
    };
    fs::create_dir_all(directory).map_err(unwritable)?;
    let mut written = Vec::new();
    write(&root, directory, &mut written).map_err(unwritable)?;
    app.out.print(&json!({ "written": written }), |style| {
        let directory = plain(&directory.display().to_string());
        let wrote = format!("Wrote {} pages to", written.len());
        done(&wrote, &directory, &[], style)
    })
}

fn print(root: clap::Command, app: &mut App<'_>) -> Result<(), CliError> {
    let (_, page) = page(root)?;
    app.out.raw(&page)
}

/// Renders the page of a command and returns its file name and content.
fn page(command: clap::Command) -> io::Result<(String, String)> {
    let man = Man::new(command);
    let name = man.get_filename();
    let mut page = Vec::new();
    man.render(&mut page)?;
    let page = String::from_utf8_lossy(&page);
    // Preserve the line breaks of the examples.
    Ok((name, page.replace(".SH EXTRA\n", ".SH NOTES\n.nf\n")))
}

/// Writes the pages of a command and its subcommands.
fn write(command: &clap::Command, directory: &Path, written: &mut Vec<String>) -> io::Result<()> {
    let (name, page) = page(command.clone())?;
    fs::write(directory.join(&name), page)?;
    written.push(name);
    command
        .get_subcommands()
        .try_for_each(|child| write(child, directory, written))
}
