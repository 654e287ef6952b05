//! `oi-server`: the OpenIndex token authority as one binary.

mod args;
mod commands;
mod config_file;
mod logging;
mod open_files;
mod reload;
mod settings;
mod traces;

use std::error::Error;
use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use openindex_command_line::redact;
use openindex_domain::StoreError;

use args::Command;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let hangup = {
        let _entered = runtime.enter();
        commands::serve::hangup_signal(&typed)
    };
    let (args, settings) = match settings::parse(&typed) {
        Ok(parsed) => parsed,
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
    let done = runtime.block_on(async {
        match args.command {
            None | Some(Command::Serve(_)) => {
                let (serve, common) = args.into_serve();
                commands::serve::run(serve, common, &settings, &typed, hangup?).await
            }
            Some(Command::Bootstrap(bootstrap)) => {
                commands::bootstrap::run(bootstrap, args.common).await
            }
            Some(Command::SignInLink(link)) => commands::sign_in_link::run(link, args.common).await,
            Some(Command::Backup(backup)) => commands::backup::run(&backup, &args.common).await,
            Some(Command::Check(check)) => commands::check::run(&check, &args.common).await,
            Some(Command::Restore(restore)) => commands::restore::run(&restore, args.common).await,
            Some(Command::Copy(copy)) => commands::copy::run(copy, args.common).await,
            Some(Command::Migrate) => commands::migrate::run(args.common).await,
            Some(Command::Grants(grants)) => commands::grants::run(&grants),
            Some(Command::Config(command)) => {
                commands::config::run(&command, &args.serve, &args.common, &settings)
            }
            Some(Command::Healthcheck(check)) => commands::healthcheck::run(&check).await,
            Some(Command::Openapi) => commands::openapi::run(),
            Some(Command::Man(man)) => commands::man::run(&man),
            Some(Command::Completions(completions)) => commands::completions::run(&completions),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Returns whether an error says no more than that a call of the store failed: its cause says why.
fn is_mere(error: &(dyn Error + 'static)) -> bool {
    let kinds = [StoreError::unavailable(""), StoreError::corrupt("")];
    let text = error.to_string();
    error.source().is_some() && kinds.iter().any(|kind| kind.to_string() == text)
}

/// Prints the error with all of its causes, without secrets.
fn fail(error: &anyhow::Error) -> ExitCode {
    let mut message = format!("error: {error}");
    for cause in error.chain().skip(1).filter(|cause| !is_mere(*cause)) {
        message.push_str("\n  caused by: ");
        message.push_str(&cause.to_string());
    }
    let _ = writeln!(std::io::stderr(), "{}", redact(&message));
    match error.downcast_ref::<settings::Invalid>() {
        Some(_) => ExitCode::from(2),
        None => ExitCode::FAILURE,
    }
}
