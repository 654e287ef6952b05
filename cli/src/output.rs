//! The output of `oi`: data on standard output, messages on standard error.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};
use std::rc::Rc;

use clap::error::{ContextKind, ContextValue};
use openindex_domain::clock::Timestamp;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::environment::{CLICOLOR_FORCE, Environment, NO_COLOR, TERM};
use crate::error::{CliError, Failure};
use crate::prompt;
use crate::render::{Style, escape_json, plain, redact};
use crate::stream::Stream;

/// The width in columns if the terminal does not report one.
const DEFAULT_WIDTH: usize = 80;

/// Standard output and standard error, with the style of each.
pub(crate) struct Output {
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    json: bool,
    /// Whether standard output is a terminal.
    terminal: bool,
    style: Style,
    /// Whether standard error is a terminal.
    stderr_terminal: bool,
    stderr_style: Style,
    /// The time that relative times ("in 3 days") count from.
    now: Rc<Cell<Timestamp>>,
}

impl Output {
    /// Uses the streams of this process. The output is JSON if requested, or if standard output is
    /// not a terminal.
    pub(crate) fn of_process(json: bool, environment: &Environment, now: Timestamp) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        // A terminal without a size, as in a container, reports 0.
        let width = comfy_table::Table::new()
            .width()
            .filter(|width| *width > 0)
            .map_or(DEFAULT_WIDTH, usize::from);
        let style = |terminal| Style {
            width,
            color: uses_color(environment, terminal),
            now,
        };
        Self {
            json: json || !stdout.is_terminal(),
            terminal: stdout.is_terminal(),
            style: style(stdout.is_terminal()),
            stderr_terminal: stderr.is_terminal(),
            stderr_style: style(stderr.is_terminal()),
            now: Rc::new(Cell::new(now)),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
        }
    }

    /// Returns whether a user is at the terminal and reads the output there. If a script captures
    /// the output, a question that only users need must not delay it.
    pub(crate) fn is_conversation(&self) -> bool {
        self.terminal && prompt::is_interactive()
    }

    /// Prints the result of a command: one JSON document, or text for a user.
    pub(crate) fn print<T: Serialize + ?Sized>(
        &mut self,
        document: &T,
        human: impl FnOnce(&Style) -> String,
    ) -> Result<(), CliError> {
        if self.json {
            self.document(document)
        } else {
            let text = Zeroizing::new(human(&self.at_now(self.style)));
            self.raw(&text)
        }
    }

    /// Prints one JSON document.
    pub(crate) fn document<T: Serialize + ?Sized>(&mut self, document: &T) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(document).map_err(io::Error::from)?;
        let text = Zeroizing::new(text);
        let text = Zeroizing::new(escape_json(&text));
        self.raw(&text)?;
        self.raw("\n")
    }

    /// Prints text unchanged.
    pub(crate) fn raw(&mut self, text: &str) -> Result<(), CliError> {
        self.stdout.write_all(text.as_bytes())?;
        Ok(self.stdout.flush()?)
    }

    /// Returns standard output as a stream, for a result that arrives in chunks.
    pub(crate) fn stream(&mut self) -> Stream<'_> {
        Stream::new(&mut *self.stdout, self.terminal)
    }

    /// Returns the style for prompts on standard error.
    pub(crate) fn message_style(&self) -> Style {
        self.at_now(self.stderr_style)
    }

    /// Returns the time that relative times count from; a session sets it to the server's time.
    pub(crate) fn now(&self) -> Rc<Cell<Timestamp>> {
        Rc::clone(&self.now)
    }

    fn at_now(&self, style: Style) -> Style {
        Style {
            now: self.now.get(),
            ..style
        }
    }

    /// Prints a message that accompanies the result, except in JSON mode.
    pub(crate) fn aside(&mut self, text: impl FnOnce(&Style) -> String) {
        if !self.json {
            let text = text(&self.message_style());
            self.message(&text);
        }
    }

    /// Prints a note, even in JSON mode.
    pub(crate) fn note(&mut self, text: &str) {
        let label = self.stderr_style.cyan("note:");
        self.message(&format!("{label} {}\n", lines(text)));
    }

    /// Prints a note only on a terminal: scripts set their options on purpose.
    pub(crate) fn note_on_terminal(&mut self, text: &str) {
        if self.stderr_terminal {
            self.note(text);
        }
    }

    /// Prints a warning, even in JSON mode.
    pub(crate) fn warn(&mut self, text: &str) {
        let label = self.stderr_style.yellow("warning:");
        self.message(&format!("{label} {}\n", lines(text)));
    }

    /// Reports failures only on standard error from now on.
    pub(crate) fn without_documents(&mut self) {
        self.json = false;
    }

    /// Reports a failure on standard error, and in JSON mode also as a document.
    pub(crate) fn failure(&mut self, failure: &Failure) -> Result<(), CliError> {
        self.failure_on_stderr(failure);
        self.document_of(failure)
    }

    /// Reports a failure only on standard error: after partial output, a document on standard
    /// output would be mistaken for a part of it.
    pub(crate) fn failure_on_stderr(&mut self, failure: &Failure) {
        let text = failure_text(failure, &self.stderr_style);
        self.message(&text);
    }

    /// Reports an invalid command line in clap's own format.
    pub(crate) fn usage(&mut self, error: &clap::Error) -> Result<(), CliError> {
        let rendered = error.render();
        let text = if self.stderr_style.color {
            rendered.ansi().to_string()
        } else {
            rendered.to_string()
        };
        self.message(&text);
        let text = rendered.to_string();
        // The first paragraph can span several lines, one for each missing argument.
        let message: Vec<&str> = text
            .lines()
            .take_while(|line| !line.is_empty())
            .map(str::trim)
            .collect();
        let message = message.join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        let next = match error.get(ContextKind::SuggestedSubcommand) {
            Some(ContextValue::Strings(commands)) if commands.len() == 1 => {
                commands[0].split(" --").next().unwrap_or_default()
            }
            _ => "oi",
        };
        self.document_of(&Failure::usage(message).next(format!("{next} --help")))
    }

    /// Prints the document of a failure in JSON mode.
    fn document_of(&mut self, failure: &Failure) -> Result<(), CliError> {
        if self.json {
            self.document(&failure.document())?;
        }
        Ok(())
    }

    /// Writes to standard error. A closed standard error must not turn success into failure.
    fn message(&mut self, text: &str) {
        let _ = self.stderr.write_all(redact(text).as_bytes());
        let _ = self.stderr.flush();
    }
}

/// Formats a failure as `error: …`, with its hint and next command below.
pub(crate) fn failure_text(failure: &Failure, style: &Style) -> String {
    let mut text = format!("{} {}\n", style.red("error:"), lines(&failure.message));
    if let Some(hint) = &failure.hint {
        let _ = writeln!(text, "{} {}", style.cyan("hint:"), lines(hint));
    }
    if let Some(command) = &failure.next_command {
        let command = style.bold(&plain(command));
        let _ = writeln!(text, "{} {command}", style.cyan("next:"));
    }
    text
}

/// Makes a message safe to display, and preserves its line breaks.
fn lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(plain).collect();
    lines.join("\n")
}

fn uses_color(environment: &Environment, terminal: bool) -> bool {
    let forced = environment.convention(CLICOLOR_FORCE);
    environment.convention(NO_COLOR).is_none()
        && (forced.is_some_and(|value| value != "0")
            || (terminal && environment.convention(TERM) != Some("dumb")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_is_used_on_terminals_unless_configured_otherwise() {
        for (variables, terminal, color) in [
            ([(NO_COLOR, ""), (TERM, "xterm")], true, true),
            ([(NO_COLOR, ""), (TERM, "xterm")], false, false),
            ([(NO_COLOR, "1"), (TERM, "xterm")], true, false),
            ([(NO_COLOR, "1"), (CLICOLOR_FORCE, "1")], true, false),
            ([(NO_COLOR, ""), (CLICOLOR_FORCE, "1")], false, true),
            ([(NO_COLOR, ""), (CLICOLOR_FORCE, "0")], false, false),
            ([(NO_COLOR, ""), (TERM, "dumb")], true, false),
        ] {
            let environment = Environment::from(variables);
            assert_eq!(uses_color(&environment, terminal), color, "{variables:?}");
        }
    }
}
