//! One file per command.

pub(crate) mod bootstrap;
pub(crate) mod grants;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod serve;
pub(crate) mod sign_in_link;

use anyhow::Context as _;
use openindex_app::{App, Config, build};

/// Builds the application. An error names the setting to check.
async fn open(config: Config) -> anyhow::Result<App> {
    build(config)
        .await
        .context("cannot start; check --database-url (DATABASE_URL)")
}

/// Builds the application on an existing database, without creating one.
async fn open_existing(config: Config) -> anyhow::Result<App> {
    let config = Config {
        database: config.database.existing(),
        ..config
    };
    build(config).await.context(
        "cannot open the existing database; set --database-url (DATABASE_URL), such as \
         sqlite:///var/lib/openindex/openindex.db",
    )
}
