//! Manual pages, generated from the help texts.

use std::fs;
use std::io;
use std::path::Path;

use clap::builder::{Resettable, StyledStr};
use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// The parts of a help text, after the options, that are sections of their own in a page, in the
/// order of man-pages(7). Each begins with its name and a colon, and is indented.
const SECTIONS: [(&str, &str); 4] = [
    ("Exit status:", "EXIT STATUS"),
    ("Environment:", "ENVIRONMENT"),
    ("Files:", "FILES"),
    ("Examples:", "EXAMPLES"),
];
const EXAMPLES: &str = "Examples:";

/// Returns the manual page of a program, in the format of man.
///
/// # Errors
///
/// None in practice: the page is written to memory.
pub fn manual_page(program: Command) -> io::Result<String> {
    page(built(program), None).map(|(_, page)| page)
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
    write(&built(program), None, directory, &mut written)?;
    Ok(written)
}

fn built(program: Command) -> Command {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    program
}

/// Renders the page of a command, which refers to the page of its parent, and returns its file name
/// and content.
fn page(command: Command, parent: Option<&str>) -> io::Result<(String, String)> {
    let help = command.get_after_help().map(StyledStr::to_string);
    let parts = parts(help.as_deref().unwrap_or_default());
    let variables = variables(&command);
    let man = Man::new(command.after_help(Resettable::Reset));
    let name = man.get_filename();
    let mut page = Vec::new();
    man.render(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    let version = page.find(".SH VERSION\n").unwrap_or(page.len());
    let version = page.split_off(version);
    page.push_str(&sections(&parts, variables));
    page.push_str(&version);
    if let Some(parent) = parent {
        let mut roff = Roff::new();
        roff.control("SH", ["SEE ALSO"]);
        roff.text([bold(parent), roman("(1)")]);
        page.push_str(&rendered(&roff));
    }
    Ok((name, page))
}

/// Splits a help text into the lines of each section, and of what is in none.
fn parts(help: &str) -> Vec<(Option<&str>, Vec<&str>)> {
    let mut parts: Vec<(Option<&str>, Vec<&str>)> = vec![(None, Vec::new())];
    for line in help.lines() {
        let begins = SECTIONS.iter().any(|(begin, _)| *begin == line);
        let ends = !line.is_empty() && !line.starts_with(' ');
        if begins || (ends && parts.last().is_some_and(|(section, _)| section.is_some())) {
            parts.push((begins.then_some(line), Vec::new()));
        }
        if let Some((_, lines)) = parts.last_mut().filter(|_| !begins) {
            lines.push(line);
        }
    }
    parts
}

/// Returns the variables that set arguments of the command, each with its description.
fn variables(command: &Command) -> Vec<(String, String)> {
    let arguments = command.get_arguments().filter(|it| !it.is_hide_set());
    let variable = |argument: &Arg| {
        let name = argument.get_env()?.to_string_lossy().into_owned();
        Some((name, format!("Same as --{}", argument.get_long()?)))
    };
    arguments.filter_map(variable).collect()
}

/// Renders the sections that clap knows nothing of.
fn sections(parts: &[(Option<&str>, Vec<&str>)], mut variables: Vec<(String, String)>) -> String {
    let of = |name: Option<&str>| -> Vec<&str> {
        let lines = parts.iter().filter(|(section, _)| *section == name);
        lines.flat_map(|(_, lines)| lines.iter().copied()).collect()
    };
    let mut roff = Roff::new();
    for (begin, title) in SECTIONS.into_iter().filter(|it| it.0 != EXAMPLES) {
        let mut entries = if title == "ENVIRONMENT" {
            std::mem::take(&mut variables)
        } else {
            Vec::new()
        };
        entries.extend(entries_of(&of(Some(begin))));
        if !entries.is_empty() {
            roff.control("SH", [title]);
        }
        for (term, text) in entries {
            roff.control("TP", []);
            roff.text([bold(term)]);
            roff.text([roman(text)]);
        }
    }
    for (title, lines) in [("NOTES", of(None)), ("EXAMPLES", of(Some(EXAMPLES)))] {
        let text = lines.join("\n");
        let text = text.trim_matches('\n');
        if !text.is_empty() {
            // Preserve the line breaks.
            roff.control("SH", [title]);
            roff.control("nf", []);
            roff.text([roman(text)]);
            roff.control("fi", []);
        }
    }
    rendered(&roff)
}

/// Returns the text of a part of a page, without what begins each page.
fn rendered(roff: &Roff) -> String {
    let text = roff.render();
    let begin = Roff::new().render();
    text.strip_prefix(&begin).unwrap_or(&text).to_owned()
}

/// Parses lines such as `  NAME  Description`, whose further lines are indented more. A name that is
/// too long has its description on the next line.
fn entries_of(lines: &[&str]) -> Vec<(String, String)> {
    let mut entries: Vec<(String, String)> = Vec::new();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        if let (Some(rest), Some((_, text))) = (line.strip_prefix("   "), entries.last_mut()) {
            let space = if text.is_empty() { "" } else { " " };
            *text = format!("{text}{space}{}", rest.trim());
        } else {
            let (term, text) = line.trim().split_once("  ").unwrap_or((line.trim(), ""));
            entries.push((term.to_owned(), text.trim().to_owned()));
        }
    }
    entries
}

fn write(
    command: &Command,
    parent: Option<&str>,
    directory: &Path,
    written: &mut Vec<String>,
) -> io::Result<()> {
    let (name, page) = page(command.clone(), parent)?;
    fs::write(directory.join(&name), page)?;
    let own = name.trim_end_matches(".1").to_owned();
    written.push(name);
    command
        .get_subcommands()
        .try_for_each(|child| write(child, Some(&own), directory, written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_help_text_are_sections_in_the_usual_order() {
        let listen = Arg::new("listen").long("listen").env("A_LISTEN");
        let hidden = Arg::new("hidden").long("hidden").env("A_HIDDEN").hide(true);
        let program = Command::new("a").version("1").args([listen, hidden]);
        let program = program.after_help(
            "Read this:\n\n  - first\n\nExamples:\n  a --listen 1\n\n  # Again\n  a\n\nEnvironment:\n  \
             A_TOKEN  Token to use,\n           if any\n  A_LONG_NAME\n           Other\n\nFiles:\n  \
             ~/.a  The file\n\nExit status:\n  0  Success\n\nThat is all.",
        );
        let page = manual_page(program).expect("a page");
        let (_, sections) = page.split_once("Print version\n").expect("options first");
        assert_eq!(
            sections,
            ".SH \"EXIT STATUS\"\n.TP\n\\fB0\\fR\nSuccess\n.SH ENVIRONMENT\n.TP\n\\fBA_LISTEN\\fR\nSame \
             as \\-\\-listen\n.TP\n\\fBA_TOKEN\\fR\nToken to use, if any\n.TP\n\\fBA_LONG_NAME\\fR\n\
             Other\n.SH FILES\n.TP\n\\fB~/.a\\fR\nThe file\n.SH NOTES\n.nf\nRead this:\n\n  \\- \
             first\n\nThat is all.\n.fi\n.SH EXAMPLES\n.nf\n  a \\-\\-listen 1\n\n  # Again\n  a\n.fi\n\
             .SH VERSION\nv1\n"
        );
    }

    #[test]
    fn the_page_of_a_command_refers_to_that_of_its_parent() {
        let directory = std::env::temp_dir().join(format!("manual-{}", std::process::id()));
        let group = Command::new("b").subcommand(Command::new("c"));
        let written = write_manual(Command::new("a").subcommand(group), &directory);
        let page = fs::read_to_string(directory.join("a-b-c.1"));
        fs::remove_dir_all(&directory).expect("removed");
        assert_eq!(written.expect("written"), ["a.1", "a-b.1", "a-b-c.1"]);
        let page = page.expect("a page");
        assert!(
            page.ends_with(".SH \"SEE ALSO\"\n\\fBa\\-b\\fR(1)\n"),
            "{page}"
        );
    }
}
