//! One file per command.

pub(crate) mod backup;
pub(crate) mod bootstrap;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod copy;
mod exports;
pub(crate) mod grants;
pub(crate) mod healthcheck;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod openapi;
mod progress;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod sign_in_link;

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::future::Future;

use anyhow::{Context as _, anyhow};
use openindex_adapters_sql::NameClash;
use openindex_adapters_sql::driver::UnfitMigrations;
use openindex_adapters_sqlite::MissingFile;
use openindex_app::{App, AppError, Config, build};
use openindex_command_line::quoted;
use openindex_domain::user::Email;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::{Common, ServerAddress};
use crate::settings;

/// Builds the application. An error names the setting to check.
async fn open(config: Config) -> anyhow::Result<App> {
    build(config).await.map_err(|error| {
        let what = match error {
            AppError::Tls(_) => settings::TLS_FAILED,
            _ => "cannot start; check the database URL (--database-url, DATABASE_URL)",
        };
        anyhow::Error::from(error).context(what)
    })
}

/// Builds the application on an existing database, without creating one.
async fn open_existing(config: Config) -> anyhow::Result<App> {
    let config = Config {
        database: config.database.existing(),
        ..config
    };
    let error = match build(config).await {
        Ok(app) => return Ok(app),
        Err(error) => error,
    };
    Err(missing_file(error.into()))
}

/// Says what to do if the error is that there is no database file, and where to look unless the
/// error does.
fn missing_file(error: anyhow::Error) -> anyhow::Error {
    let is_unfit =
        |cause: &(dyn Error + 'static)| cause.is::<UnfitMigrations>() || cause.is::<NameClash>();
    if error.chain().any(is_unfit) {
        return error.context("the database does not fit this release of oi-server");
    }
    let missing = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<MissingFile>());
    match missing {
        Some(missing) => anyhow!(
            "{missing}; pass the same --database-url (DATABASE_URL) as the server, or run it in the \
             server's directory (to create a database, run: oi-server bootstrap)"
        ),
        None => {
            error.context("cannot open the database; check its URL (--database-url, DATABASE_URL)")
        }
    }
}

/// Resolves when the process is to stop.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send> {
    let listen = |kind| signal(kind).context("cannot install signal handlers");
    let (mut terminate, mut interrupt): (Signal, Signal) = (
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Returns the command that prints a sign-in link of the same instance. It repeats the flags that
/// do not come from a variable or a file; a database URL that may contain a password is not printed.
fn sign_in_link_command(email: &Email, common: &Common, server: &ServerAddress) -> String {
    let is_set = |variable, value: &str| env::var(variable).is_ok_and(|set| set.trim() == value);
    let mut command = format!("oi-server sign-in-link --email {}", quoted(email.as_str()));
    let mut note = "";
    if let Some(file) = &common.config {
        _ = write!(command, " --config {}", quoted(&file.to_string_lossy()));
    }
    if common.is_url_typed {
        match common.database_url.printable() {
            Some(url) => _ = write!(command, " --database-url {}", quoted(url)),
            None => note = " (set DATABASE_URL to the URL of the same database first)",
        }
    }
    for (flag, variable, value) in server.flags() {
        if !is_set(variable, &value) {
            _ = write!(command, " {flag} {}", quoted(&value));
        }
    }
    command + note
}
