//! Manual pages, generated from the help texts.

use std::fs;
use std::io;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

/// Returns the manual page of a program, in the format of man.
///
/// # Errors
///
/// None in practice: the page is written to memory.
pub fn manual_page(program: Command) -> io::Result<String> {
    page(built(program)).map(|(_, page)| page)
}

/// Writes a page for the program and for each of its commands, such as `oi-auth-check.1`, to a
/// directory, which is created if missing. Returns the names of the files.
///
/// # Errors
///
/// The directory or a file cannot be written.
pub fn write_manual(program: Command, directory: &Path) -> io::Result<Vec<String>> {
    fs::create_dir_all(directory)?;
    let mut written = Vec::new();
    write(&built(program), directory, &mut written)?;
    Ok(written)
}

fn built(program: Command) -> Command {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    program
}

/// Renders the page of a command and returns its file name and content.
fn page(command: Command) -> io::Result<(String, String)> {
    let man = Man::new(command);
    let name = man.get_filename();
    let mut page = Vec::new();
    man.render(&mut page)?;
    let page = String::from_utf8_lossy(&page);
    // Preserve the line breaks of the examples.
    Ok((name, page.replace(".SH EXTRA\n", ".SH NOTES\n.nf\n")))
}

fn write(command: &Command, directory: &Path, written: &mut Vec<String>) -> io::Result<()> {
    let (name, page) = page(command.clone())?;
    fs::write(directory.join(&name), page)?;
    written.push(name);
    command
        .get_subcommands()
        .try_for_each(|child| write(child, directory, written))
}
