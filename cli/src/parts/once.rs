//! Output that contains a secret or a one-time link, which is shown only once.
//!
//! If the secret cannot be written, because the disk is full or the reader has closed the pipe, the
//! change is undone and the command fails.

use std::io;
use std::str::FromStr;
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

/// How to undo a change whose secret was not delivered.
pub(crate) struct Undo<'a> {
    /// The created object with its ID, such as `token pat_…`.
    pub(crate) created: String,
    /// What `act` did to it, with the reason, such as [`REVOKED`].
    pub(crate) undone: &'static str,
    pub(crate) act: Box<dyn FnOnce() -> Result<(), Failure> + 'a>,
    /// The command that undoes it if `act` fails.
    pub(crate) command: String,
    /// A further consequence to report.
    pub(crate) consequence: Option<String>,
}

/// The warning after a personal access token.
pub(crate) const WARNING: &str =
    "Copy it now: it is not shown again. Anyone who has it can act as you.";

/// What happens to a token whose secret was not delivered.
pub(crate) const REVOKED: &str = "revoked because its secret was not shown";

/// Set by the first signal that interrupts this process.
static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Delays the first Ctrl-C (or SIGTERM, SIGHUP) until the response arrives, so that the change can
/// be undone. A second signal ends the process immediately. Call it once, after the last prompt.
pub(crate) fn wait_when_interrupted() {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let flag = INTERRUPTED.clone();
        // Registration fails only for signals that cannot be handled.
        let _ = register_conditional_shutdown(signal, 128 + signal, flag.clone());
        let _ = register(signal, flag);
    }
}

/// Fails before anything is created if standard output cannot be written.
pub(crate) fn require_writable_stdout() -> Result<(), Failure> {
    wait_when_interrupted();
    // Without a handler, a file size limit would end the process after the change was made; with
    // one, it is a write error.
    let _ = register(SIGXFSZ, Arc::default());
    check_stdout().map_err(|error| {
        let message = format!("cannot write to standard output: {error}; nothing was changed");
        Failure::of("output_failed", message)
            .hint("the secret is shown only once; redirect standard output to a file or a pipe")
    })
}

/// A secret, whether to print only the secret, and the warning that follows it.
type Secret<'a> = (&'a PlainSecret, bool, &'a str);

/// Prints the secret on standard output and the introduction and warning on standard error. If that
/// fails, undoes the change.
pub(crate) fn show<T: Serialize>(
    app: &mut App<'_>,
    document: &T,
    secret: Secret<'_>,
    introduction: impl FnOnce(&Style) -> String,
    undo: Undo<'_>,
) -> Result<(), CliError> {
    let interrupted = INTERRUPTED.load(Ordering::Relaxed);
    let written = if interrupted {
        Err(CliError::Reported(ExitCode::Interrupted))
    } else {
        write(app, document, secret, introduction)
    };
    let Err(error) = written else {
        return Ok(());
    };
    let failure = undo.after(&error);
    // Part of the output may have been written: do not append an error document.
    app.out.failure_on_stderr(&failure);
    Err(CliError::Reported(match error {
        CliError::Reported(exit) => exit,
        _ => failure.exit,
    }))
}

fn write<T: Serialize>(
    app: &mut App<'_>,
    document: &T,
    (secret, secret_only, warning): Secret<'_>,
    introduction: impl FnOnce(&Style) -> String,
) -> Result<(), CliError> {
    let secret = zeroize::Zeroizing::new(plain(secret.expose()));
    if secret_only {
        let line = zeroize::Zeroizing::new(format!("{}\n", *secret));
        app.out.raw(&line)?;
        return Ok(settle_stdout()?);
    }
    app.out.aside(|style| format!("{}\n", introduction(style)));
    app.out
        .print(document, |style| format!("{}\n", style.bold(&secret)))?;
    settle_stdout()?;
    app.out
        .aside(|style| format!("\n{}\n", style.yellow(warning)));
    Ok(())
}

/// Warns that the token in the output was not saved in the profile. An error document would follow
/// the output, so only the exit status is left to return.
pub(crate) fn unsaved(app: &mut App<'_>, error: CliError, what: &str, token: &str) -> CliError {
    if let CliError::Failure(failure) = error {
        app.out.warn(&format!(
            "{what}: {}; save {token} with oi profile set --token -",
            failure.message
        ));
    }
    CliError::Reported(ExitCode::Failure)
}

/// Describes why the output was not written.
pub(crate) fn unwritten(error: &CliError) -> String {
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

/// Parses an ID returned by the server.
pub(crate) fn parse_id<Id: FromStr>(id: &str) -> Result<Id, Failure> {
    id.parse().map_err(|_| {
        let message = "the server returned an invalid ID";
        Failure::unexpected(message)
    })
}

impl<'a> Undo<'a> {
    /// Revokes a new token with its own secret: a rotation may have revoked the token in use.
    pub(crate) fn revoke_token(
        id: &str,
        secret: &'a PlainSecret,
        api_url: &BaseUrl,
        app: &App<'_>,
    ) -> Self {
        let client = app.client(api_url, Some(secret));
        let token = parse_id::<TokenId>(id);
        let act = move || Ok(client?.pat_delete(token?)?);
        let id = plain(id);
        Self {
            created: format!("token {id}"),
            undone: REVOKED,
            act: Box::new(act),
            command: format!("oi settings personal tokens delete {id}"),
            consequence: None,
        }
    }

    /// Undoes the change, and returns a failure that describes the outcome.
    pub(crate) fn after(self, error: &CliError) -> Failure {
        let (created, undone) = (self.created, self.undone);
        let why = unwritten(error);
        let (message, next) = match (self.act)() {
            Ok(()) => (format!("{why}\n{created} was {undone}"), None),
            Err(failure) => {
                let failed = format!("{created} is still valid, and undoing it failed");
                let message = format!("{why}\n{failed}: {}", failure.message);
                (message, Some(self.command))
            }
        };
        let lines: Vec<String> = [message].into_iter().chain(self.consequence).collect();
        let mut failure = Failure::of("output_failed", lines.join("\n"));
        failure.next_command = next;
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undo(act: Result<(), Failure>) -> Undo<'static> {
        Undo {
            created: "token pat_1".to_owned(),
            undone: REVOKED,
            act: Box::new(|| act),
            command: "oi settings personal tokens delete pat_1".to_owned(),
            consequence: Some("the old token was revoked".to_owned()),
        }
    }

    #[test]
    fn an_undelivered_secret_is_revoked_or_the_command_to_revoke_it_is_shown() {
        let failure = undo(Ok(())).after(&CliError::ClosedPipe);
        assert_eq!(failure.exit, ExitCode::Failure);
        assert_eq!(
            failure.message,
            "cannot write the output: broken pipe\ntoken pat_1 was revoked because its secret was \
             not shown\nthe old token was revoked"
        );
        assert_eq!(failure.next_command, None);
        let unreachable = Failure::of("unreachable", "connection refused");
        let failure = undo(Err(unreachable)).after(&CliError::ClosedPipe);
        assert!(
            failure.message.contains("pat_1 is still valid"),
            "{}",
            failure.message
        );
        assert!(failure.message.contains("connection refused"));
        let next = failure.next_command.as_deref();
        assert_eq!(next, Some("oi settings personal tokens delete pat_1"));
    }
}
