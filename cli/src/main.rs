//! The `oi` command-line tool.

#![expect(
    clippy::similar_names,
    reason = "app_url and api_url are the names that the config file uses"
)]

mod app;
mod cli;
mod commands;
mod config;
mod discovery;
mod duration;
mod environment;
mod error;
mod exit_code;
mod field;
mod flags;
mod globals;
mod hidden;
mod input;
mod output;
mod parts;
mod prompt;
mod render;
mod resolve;
mod scan;
mod stream;
mod token;

use std::io::Write as _;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;
use openindex_adapters_system::SystemClock;
use openindex_command_line::conceal;
use openindex_domain::clock::Clock as _;

use app::App;
use cli::Cli;
use config::ConfigStore;
use environment::Environment;
use error::CliError;
use exit_code::ExitCode;
use output::Output;

fn main() -> std::process::ExitCode {
    // A completion script called `oi`: prints completions and exits.
    CompleteEnv::with_factory(Cli::command)
        .var(commands::completions::VARIABLE)
        .complete();
    let environment = Environment::of_process();
    let parsed = Cli::try_parse_from(std::env::args_os());
    let misplaced = token::reject_misplaced(std::env::args_os().skip(1));
    // These flags count even when the rest of the command line is invalid.
    let typed = |flag: &str| std::env::args_os().any(|argument| argument == flag);
    let json = match &parsed {
        Ok(cli) => cli.globals.json,
        Err(_) => typed("--json"),
    };
    let mut out = Output::of_process(json, &environment, SystemClock.now());
    // A script may capture standard output in a variable: print the secret or nothing.
    if !json && (typed("--token-only") || typed("--url-only")) {
        out.without_documents();
    }
    match (parsed, misplaced) {
        (_, Err(failure)) => finish(&mut out, Err(failure.into())),
        (Ok(cli), _) => run(&cli, &environment, out),
        (Err(error), _) => usage(error, out),
    }
    .into()
}

fn run(cli: &Cli, environment: &Environment, out: Output) -> ExitCode {
    let mut app = App {
        grammar: Cli::command,
        globals: &cli.globals,
        environment,
        clock: &SystemClock,
        store: ConfigStore::of_process(environment),
        out,
    };
    let outcome = cli
        .command
        .run(&mut app)
        .map_err(|error| flags::in_flags(error, Cli::command()));
    finish(&mut app.out, outcome)
}

fn usage(error: clap::Error, mut out: Output) -> ExitCode {
    let outcome = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // clap decides whether to print help in color.
            let printed = error.print().and_then(|()| std::io::stdout().flush());
            return finish(&mut out, printed.map_err(CliError::from));
        }
        _ => {
            let words: Vec<_> = std::env::args_os().collect();
            let error = conceal(error, Cli::command(), &cli::SYNONYMS, &words);
            out.usage(&cli::with_example(error))
        }
    };
    match outcome {
        Err(CliError::ClosedPipe) | Ok(()) => ExitCode::Usage,
        outcome => finish(&mut out, outcome),
    }
}

fn finish(out: &mut Output, outcome: Result<(), CliError>) -> ExitCode {
    match outcome {
        // A secret that was not delivered does not end up here: see `parts::once`.
        Ok(()) | Err(CliError::ClosedPipe) => ExitCode::Success,
        Err(CliError::Reported(exit)) => exit,
        // If the error cannot be written either, the exit status still reports it.
        Err(CliError::Failure(failure)) => {
            let _ = out.failure(&failure);
            failure.exit
        }
    }
}
