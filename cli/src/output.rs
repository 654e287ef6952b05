//! Where everything that `oi` says goes: data to standard output, messages to standard error.

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
use crate::render::{Style, escape_json, plain, redact};
use crate::stream::Stream;

/// Columns where the terminal does not say.
const DEFAULT_WIDTH: usize = 80;

/// The two streams, and how to speak on each.
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
    /// What spans such as "in 3 days" are counted from.
    now: Rc<Cell<Timestamp>>,
}

impl Output {
    /// This process's streams. JSON where it is asked for, or where nobody reads along.
    pub(crate) fn of_process(json: bool, environment: &Environment, now: Timestamp) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        // A terminal that nobody gave a size, as in a container, says 0.
        let width = comfy_table::Table::new()
            .width()
            .filter(|width| *width > 0)
            .map_or(DEFAULT_WIDTH, usize::from);
        let style = |terminal| Style {
            width,
            color: wants_color(environment, terminal),
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

    /// The answer of a command: one JSON document, or what a person reads.
    pub(crate) fn answer<T: Serialize + ?Sized>(
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

    /// One JSON document.
    pub(crate) fn document<T: Serialize + ?Sized>(&mut self, document: &T) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(document).map_err(io::Error::from)?;
        let text = Zeroizing::new(text);
        let text = Zeroizing::new(escape_json(&text));
        self.raw(&text)?;
        self.raw("\n")
    }

    /// Text as it is.
    pub(crate) fn raw(&mut self, text: &str) -> Result<(), CliError> {
        self.stdout.write_all(text.as_bytes())?;
        Ok(self.stdout.flush()?)
    }

    /// Standard output for what comes in pieces; it stands in place of an answer.
    pub(crate) fn stream(&mut self) -> Stream<'_> {
        Stream::new(&mut *self.stdout, self.terminal)
    }

    /// How to speak on standard error, for a question.
    pub(crate) fn message_style(&self) -> Style {
        self.at_now(self.stderr_style)
    }

    /// The time that spans are counted from, which a server's clock corrects.
    pub(crate) fn now(&self) -> Rc<Cell<Timestamp>> {
        Rc::clone(&self.now)
    }

    fn at_now(&self, style: Style) -> Style {
        Style {
            now: self.now.get(),
            ..style
        }
    }

    /// Words around an answer that are only for a person: not in JSON mode.
    pub(crate) fn aside(&mut self, text: impl FnOnce(&Style) -> String) {
        if !self.json {
            let text = text(&self.message_style());
            self.message(&text);
        }
    }

    /// Something to know, in JSON mode too.
    pub(crate) fn note(&mut self, text: &str) {
        let label = self.stderr_style.cyan("note:");
        let text = lines(text);
        self.message(&format!("{label} {text}\n"));
    }

    /// Something to know for whoever sits at a terminal; scripts chose what they do.
    pub(crate) fn note_on_terminal(&mut self, text: &str) {
        if self.stderr_terminal {
            self.note(text);
        }
    }

    /// Something to mend, in JSON mode too.
    pub(crate) fn warn(&mut self, text: &str) {
        let label = self.stderr_style.yellow("warning:");
        let text = lines(text);
        self.message(&format!("{label} {text}\n"));
    }

    /// From now on, a failure is told on standard error alone.
    pub(crate) fn without_documents(&mut self) {
        self.json = false;
    }

    /// A failure: to a person in lines, and in JSON mode as the one document too.
    pub(crate) fn failure(&mut self, failure: &Failure) -> Result<(), CliError> {
        self.failure_in_words(failure);
        if !self.json {
            return Ok(());
        }
        self.document(&failure.document())
    }

    /// The same to a person alone: where standard output holds a part of an answer, a document
    /// behind it would be taken for a part of that.
    pub(crate) fn failure_in_words(&mut self, failure: &Failure) {
        let text = failure_text(failure, &self.stderr_style);
        self.message(&text);
    }

    /// A wrong command line: clap has its own words for it, with the usage and its colours.
    pub(crate) fn usage(&mut self, error: &clap::Error) -> Result<(), CliError> {
        let rendered = error.render();
        let text = if self.stderr_style.color {
            rendered.ansi().to_string()
        } else {
            rendered.to_string()
        };
        self.message(&text);
        if !self.json {
            return Ok(());
        }
        let text = rendered.to_string();
        // The first paragraph: it lists what is missing or too much, in lines of its own.
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
        let failure = Failure::usage(message).next(format!("{next} --help"));
        self.document(&failure.document())
    }

    /// Messages must not turn a success into a failure: a closed standard error is ignored.
    fn message(&mut self, text: &str) {
        let _ = self.stderr.write_all(redact(text).as_bytes());
        let _ = self.stderr.flush();
    }
}

/// `error: …`, with what leads on below it.
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

/// Safe to show, line breaks kept: a message may have them, and what it quotes gets no further
/// than its own line.
fn lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(plain).collect();
    lines.join("\n")
}

fn wants_color(environment: &Environment, terminal: bool) -> bool {
    if environment.convention(NO_COLOR).is_some() {
        return false;
    }
    if environment
        .convention(CLICOLOR_FORCE)
        .is_some_and(|value| value != "0")
    {
        return true;
    }
    terminal && environment.convention(TERM) != Some("dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_unless_the_user_says_otherwise() {
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
            assert_eq!(wants_color(&environment, terminal), color, "{variables:?}");
        }
    }
}
