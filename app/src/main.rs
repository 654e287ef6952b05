//! `oi-server`: the OpenIndex token authority as one binary.

mod args;
mod commands;
mod logging;
mod open_files;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use openindex_command_line::{conceal, redact};

use args::{Args, Command};

/// Names that other programs use for a command, each with ours.
const SYNONYMS: [(&str, &str); 6] = [
    ("start", "oi-server serve"),
    ("run", "oi-server serve"),
    ("server", "oi-server serve"),
    ("init", "oi-server bootstrap"),
    ("setup", "oi-server bootstrap"),
    ("version", "oi-server --version"),
];

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = match arguments() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => error.exit(),
        // Help or the version: writing it fails when the disk is full.
        Err(help) => {
            let printed = help.print().and_then(|()| std::io::stdout().flush());
            return match printed {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    fail(&anyhow::Error::new(error).context("cannot write to standard output"))
                }
                _ => ExitCode::SUCCESS,
            };
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let done = runtime.block_on(async {
        match args.command {
            None => commands::serve::run(args.serve, args.common).await,
            Some(Command::Serve(serve)) => commands::serve::run(serve, args.common).await,
            Some(Command::Bootstrap(bootstrap)) => {
                commands::bootstrap::run(bootstrap, args.common).await
            }
            Some(Command::SignInLink(link)) => commands::sign_in_link::run(link, args.common).await,
            Some(Command::Migrate) => commands::migrate::run(args.common).await,
            Some(Command::Grants(grants)) => commands::grants::run(&grants),
            Some(Command::Openapi) => commands::openapi::run(),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Parses the command line and the environment. Help and version are shown even if either is
/// invalid.
fn arguments() -> Result<Args, clap::Error> {
    let parsed = Args::try_parse();
    if let Err(error) = &parsed
        && matches!(
            error.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
        )
    {
        return parsed;
    }
    let typed: Vec<OsString> = std::env::args_os().collect();
    let variable = |name: &OsStr| std::env::var_os(name);
    if let Some(message) = args::invalid_variable(&Args::command(), &typed, &variable) {
        return Err(Args::command().error(ErrorKind::InvalidValue, message));
    }
    let parsed = parsed.map_err(|error| conceal(error, Args::command(), &SYNONYMS, &typed))?;
    if let Some(message) = args::misplaced_flag(&Args::command(), &typed) {
        return Err(Args::command().error(ErrorKind::ArgumentConflict, message));
    }
    Ok(parsed)
}

/// Prints the error with all of its causes, without secrets.
fn fail(error: &anyhow::Error) -> ExitCode {
    let mut message = format!("error: {error}");
    for cause in error.chain().skip(1) {
        message.push_str("\n  caused by: ");
        message.push_str(&cause.to_string());
    }
    let _ = writeln!(std::io::stderr(), "{}", redact(&message));
    ExitCode::FAILURE
}
