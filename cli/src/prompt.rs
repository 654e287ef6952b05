//! Prompts. They are written to the terminal or to standard error, because standard output is for
//! data.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use zeroize::Zeroizing;

use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::hidden::{self, exit_130_on_interrupt};
use crate::input::{Unreadable, read_text};

/// The maximum length of a reply to a prompt, in bytes.
const MAX_REPLY: u64 = 4_096;
/// The maximum input for a secret, in bytes: more than any valid password in any encoding.
const MAX_SECRET_INPUT: u64 = 16_384;

/// Returns whether a user can be prompted.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Returns whether a user can be prompted for a secret. That prompt is written to the terminal even
/// when standard error is redirected.
pub(crate) fn can_ask_hidden() -> bool {
    io::stdin().is_terminal()
}

/// Asks a yes/no question; the default is no. Ctrl-C and the end of input end the command.
pub(crate) fn confirm(question: &str) -> Result<bool, CliError> {
    exit_130_on_interrupt();
    ask(question, &mut io::stdin().lock(), &mut io::stderr())
}

fn ask(question: &str, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<bool, CliError> {
    write!(output, "{question} [y/N] ")?;
    output.flush()?;
    let mut reply = String::new();
    let read = input.take(MAX_REPLY).read_line(&mut reply);
    if read.map_err(input_failed)? == 0 {
        writeln!(output)?;
        return Err(CliError::Reported(ExitCode::Interrupted));
    }
    let reply = reply.trim().to_ascii_lowercase();
    Ok(["y", "yes"].contains(&reply.as_str()))
}

/// Prompts for a token, or reads it from standard input.
pub(crate) fn read_token() -> Result<Zeroizing<String>, CliError> {
    read_hidden("Token (input hidden): ")
}

/// Reads a secret from standard input without its trailing line break; on a terminal, prompts for
/// it without echo.
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

    fn confirmed(reply: &str) -> Result<bool, CliError> {
        ask("Delete it?", &mut reply.as_bytes(), &mut Vec::new())
    }

    #[test]
    fn only_yes_is_yes() {
        for reply in ["y\n", "Y\n", " yes \r\n", "YES"] {
            assert!(confirmed(reply).unwrap(), "{reply:?}");
        }
        for reply in ["\n", "n\n", "no\n", "yep\n", "yy\n"] {
            assert!(!confirmed(reply).unwrap(), "{reply:?}");
        }
    }

    #[test]
    fn the_end_of_input_is_an_interrupt() {
        assert!(matches!(
            confirmed(""),
            Err(CliError::Reported(ExitCode::Interrupted))
        ));
    }

    #[test]
    fn only_one_trailing_line_break_is_removed() {
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
