//! `oi-server`: the OpenIndex token authority as one binary.

mod args;
mod commands;
mod logging;
mod open_files;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Args::parse();
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
            Some(Command::Openapi) => commands::openapi::run(),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Tells the operator what went wrong, with every cause.
fn fail(error: &anyhow::Error) -> ExitCode {
    let mut message = format!("error: {error}");
    for cause in error.chain().skip(1) {
        message.push_str("\n  because: ");
        message.push_str(&cause.to_string());
    }
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::FAILURE
}
