//! Questions to whoever sits at the terminal. They go to the terminal or standard error, so that
//! standard output stays data.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use zeroize::Zeroizing;

use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::hidden::{self, exit_130_on_interrupt};
use crate::input::{Unreadable, read_text};

/// The most that is read of an answer.
const MAX_ANSWER: u64 = 4_096;
/// The most that is read from standard input for a secret: more than any password that is
/// accepted, however it is written.
const MAX_SECRET_INPUT: u64 = 16_384;

/// Whether there is somebody to ask.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether what is not to be shown can be asked for: the question goes to the terminal, wherever
/// standard error leads.
pub(crate) fn can_ask_hidden() -> bool {
    io::stdin().is_terminal()
}

/// Asks a question with the answer no as its default. Ctrl-C and the end of input end the command.
pub(crate) fn confirm(question: &str) -> Result<bool, CliError> {
    exit_130_on_interrupt();
    ask(question, &mut io::stdin().lock(), &mut io::stderr())
}

fn ask(
    question: &str,
    answers: &mut dyn BufRead,
    questions: &mut dyn Write,
) -> Result<bool, CliError> {
    write!(questions, "{question} [y/N] ")?;
    questions.flush()?;
    let mut answer = String::new();
    let read = answers.take(MAX_ANSWER).read_line(&mut answer);
    if read.map_err(input_failed)? == 0 {
        writeln!(questions)?;
        return Err(CliError::Reported(ExitCode::Interrupted));
    }
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}

/// The token from standard input, without the line break at its end; on a terminal it is asked
/// for and not shown.
pub(crate) fn read_token() -> Result<Zeroizing<String>, CliError> {
    read_hidden("Token (not shown): ")
}

/// A secret, in the same way.
pub(crate) fn read_hidden(question: &str) -> Result<Zeroizing<String>, CliError> {
    if !can_ask_hidden() {
        return read_piped(&mut io::stdin().lock());
    }
    match hidden::ask(question) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(CliError::Reported(ExitCode::Interrupted)),
        Err(error) => Err(input_failed(error).into()),
    }
}

fn input_failed(error: io::Error) -> Failure {
    Failure::input(&error.into())
}

fn read_piped(input: &mut dyn Read) -> Result<Zeroizing<String>, CliError> {
    let read = read_text(input, MAX_SECRET_INPUT);
    let mut text = read.map_err(|error: Unreadable| Failure::input(&error))?;
    let end = text
        .strip_suffix("\r\n")
        .or_else(|| text.strip_suffix('\n'))
        .map_or(text.len(), str::len);
    text.truncate(end);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(answer: &str) -> Result<bool, CliError> {
        ask("Delete it?", &mut answer.as_bytes(), &mut Vec::new())
    }

    #[test]
    fn only_yes_is_yes() {
        for answer in ["y\n", "Y\n", " yes \r\n", "YES"] {
            assert!(answered(answer).unwrap(), "{answer:?}");
        }
        for answer in ["\n", "n\n", "no\n", "yep\n", "yy\n"] {
            assert!(!answered(answer).unwrap(), "{answer:?}");
        }
    }

    #[test]
    fn the_end_of_input_is_no_answer() {
        assert!(matches!(
            answered(""),
            Err(CliError::Reported(ExitCode::Interrupted))
        ));
    }

    #[test]
    fn one_line_break_is_taken_off_and_nothing_else() {
        for (input, token) in [
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a", "a"),
            ("a\n\n", "a\n"),
            (" a \n", " a "),
        ] {
            assert_eq!(read_piped(&mut input.as_bytes()).unwrap().as_str(), token);
        }
    }
}
