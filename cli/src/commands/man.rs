//! `oi man`: manual pages, generated from the help texts.

use std::path::{Path, PathBuf};

use openindex_command_line::{manual_page, write_manual};
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
    let root = (app.grammar)();
    let directory = match args.directory.as_deref() {
        None => return print(root, app),
        Some(path) if path == Path::new("-") => return print(root, app),
        Some(directory) => directory,
    };
    let written = write_manual(root, directory).map_err(|error| {
        let message = format!("cannot write to {}: {error}", directory.display());
        Failure::of("output_failed", message)
    })?;
    app.out.print(&json!({ "written": written }), |style| {
        let directory = plain(&directory.display().to_string());
        let wrote = format!("Wrote {} pages to", written.len());
        done(&wrote, &directory, &[], style)
    })
}

fn print(root: clap::Command, app: &mut App<'_>) -> Result<(), CliError> {
    let page = manual_page(root)?;
    app.out.raw(&page)
}
