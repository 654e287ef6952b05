//! Answers that hold a secret or a one-time link, which is shown in them and never again.
//!
//! If it does not arrive, nobody has it: what was made is undone, and the command fails, whether the
//! disk is full or the reader has gone.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use openindex_adapters_http::client::BaseUrl;
use openindex_adapters_http::wire::PlainSecret;
use openindex_adapters_system::{check_stdout, settle_stdout};
use openindex_domain::token::TokenId;
use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag::{register, register_conditional_shutdown};

use crate::app::App;
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::render::{Style, plain};

/// What is shown, and how.
pub(super) struct Shown<'a, T> {
    pub(super) document: &'a T,
    pub(super) secret: &'a PlainSecret,
    /// The secret and nothing else.
    pub(super) secret_only: bool,
    pub(super) warning: &'a str,
}

/// How to undo what was made when its secret did not arrive.
pub(super) struct Undo<'a> {
    /// What was made, with its id: `the token pat_…`.
    pub(super) made: String,
    /// What undoing it is called: `revoked`.
    pub(super) undone: &'static str,
    pub(super) act: Box<dyn FnOnce() -> Result<(), Failure> + 'a>,
    /// The command that undoes it by hand.
    pub(super) command: String,
    /// What else is so then.
    pub(super) then: Option<String>,
}

/// Set by the first signal that asks this process to end.
static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Lets the first Ctrl-C (or SIGTERM, SIGHUP) wait for the response, so that what was made can be
/// undone; the second ends the process at once.
fn wait_when_interrupted() {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let flag = INTERRUPTED.clone();
        // It fails only for a signal that cannot be handled; then the signal ends the process.
        let _ = register_conditional_shutdown(signal, 128 + signal, flag.clone());
        let _ = register(signal, flag);
    }
}

/// Refuses, before anything is made, to show a secret to nobody.
pub(super) fn require_reader() -> Result<(), Failure> {
    wait_when_interrupted();
    // A limit on the size of files is told like a full disk: the signal would end the process after
    // the effect. It fails only for a signal that cannot be handled.
    let _ = register(SIGXFSZ, Arc::default());
    check_stdout().map_err(|error| {
        let message = format!("cannot write to standard output: {error}; nothing was changed");
        Failure::new(ExitCode::Failure, "output_failed", message)
            .hint("what is shown here is shown once; redirect it to a file or a pipe that is read")
    })
}

/// The secret alone on standard output, where it can be taken from, and around it what a person
/// should know.
pub(super) fn show<T: Serialize>(
    app: &mut App<'_>,
    shown: &Shown<'_, T>,
    introduction: impl FnOnce(&Style) -> String,
    undo: Undo<'_>,
) -> Result<(), CliError> {
    let interrupted = INTERRUPTED.load(Ordering::Relaxed);
    let written = if interrupted {
        Err(CliError::Reported(ExitCode::Interrupted))
    } else {
        write(app, shown, introduction)
    };
    let Err(error) = written else {
        return Ok(());
    };
    let failure = undo.after(&error);
    // A part of the answer may be there, which a document behind it would be taken for.
    app.out.failure_in_words(&failure);
    Err(CliError::Reported(match error {
        CliError::Reported(exit) => exit,
        _ => failure.exit,
    }))
}

fn write<T: Serialize>(
    app: &mut App<'_>,
    shown: &Shown<'_, T>,
    introduction: impl FnOnce(&Style) -> String,
) -> Result<(), CliError> {
    let secret = zeroize::Zeroizing::new(plain(shown.secret.expose()));
    if shown.secret_only {
        let line = zeroize::Zeroizing::new(format!("{}\n", *secret));
        app.out.raw(&line)?;
        return Ok(settle_stdout()?);
    }
    app.out.aside(|style| format!("{}\n", introduction(style)));
    app.out
        .answer(shown.document, |style| format!("{}\n", style.bold(&secret)))?;
    settle_stdout()?;
    app.out
        .aside(|style| format!("\n{}\n", style.yellow(shown.warning)));
    Ok(())
}

/// Why the output was not written, in words.
pub(super) fn unwritten(error: &CliError) -> String {
    match error {
        CliError::ClosedPipe => {
            let error = io::Error::from(io::ErrorKind::BrokenPipe);
            format!("cannot write the output: {error}")
        }
        CliError::Failure(failure) => failure.message.clone(),
        CliError::Reported(ExitCode::Interrupted) => "interrupted".to_owned(),
        CliError::Reported(_) => "cannot write the output".to_owned(),
    }
}

/// Reads the id of what was made.
pub(super) fn parse(id: &str) -> Result<TokenId, Failure> {
    id.parse().map_err(|_| {
        let message = "the server names it by what is not an id";
        Failure::new(ExitCode::Failure, "unexpected_answer", message)
    })
}

impl<'a> Undo<'a> {
    /// Revokes a new token by its own secret: the token that made it may have ended by that.
    pub(super) fn of_token(
        id: &str,
        secret: &'a PlainSecret,
        api_url: &BaseUrl,
        app: &App<'_>,
    ) -> Self {
        let client = app.client_with(api_url, Some(secret));
        let token = parse(id);
        let act = move || match client {
            Ok(client) => Ok(client.pat_delete(token?)?),
            Err(CliError::Failure(failure)) => Err(failure),
            Err(_) => Err(Failure::new(ExitCode::Failure, "unreachable", "no client")),
        };
        let id = plain(id);
        Self {
            made: format!("the token {id}"),
            undone: "revoked",
            act: Box::new(act),
            command: format!("oi settings personal tokens delete {id}"),
            then: None,
        }
    }

    /// Undoes it, and tells what is so now.
    pub(super) fn after(self, error: &CliError) -> Failure {
        let (made, undone) = (self.made, self.undone);
        let why = unwritten(error);
        let (message, next) = match (self.act)() {
            Ok(()) => (
                format!("{why}\n{made} was {undone}, because nobody has seen its secret"),
                None,
            ),
            Err(failure) => (
                format!(
                    "{why}\n{made} is still usable: it could not be {undone}: {}",
                    failure.message
                ),
                Some(self.command),
            ),
        };
        let message = match self.then {
            Some(then) => format!("{message}\n{then}"),
            None => message,
        };
        let failure = Failure::new(ExitCode::Failure, "output_failed", message);
        match next {
            Some(command) => failure.next(command),
            None => failure,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undo(act: Result<(), Failure>) -> Undo<'static> {
        Undo {
            made: "the token pat_1".to_owned(),
            undone: "revoked",
            act: Box::new(|| act),
            command: "oi settings personal tokens delete pat_1".to_owned(),
            then: Some("the old token has ended".to_owned()),
        }
    }

    #[test]
    fn what_was_not_delivered_is_undone_or_named_with_the_way_to() {
        let failure = undo(Ok(())).after(&CliError::ClosedPipe);
        assert_eq!(failure.exit, ExitCode::Failure);
        assert_eq!(
            failure.message,
            "cannot write the output: broken pipe\nthe token pat_1 was revoked, because nobody has \
             seen its secret\nthe old token has ended"
        );
        assert_eq!(failure.next_command, None);
        let unreachable = Failure::new(ExitCode::Failure, "unreachable", "connection refused");
        let failure = undo(Err(unreachable)).after(&CliError::ClosedPipe);
        assert!(
            failure.message.contains("pat_1 is still usable"),
            "{}",
            failure.message
        );
        assert!(failure.message.contains("connection refused"));
        let next = failure.next_command.as_deref();
        assert_eq!(next, Some("oi settings personal tokens delete pat_1"));
    }
}
