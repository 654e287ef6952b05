//! One file per command.

pub(crate) mod bootstrap;
pub(crate) mod grants;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod serve;
pub(crate) mod sign_in_link;

use anyhow::Context as _;
use openindex_app::{App, Config, build};

/// Builds the application, or says which part of the environment is to be looked at.
async fn open(config: Config) -> anyhow::Result<App> {
    build(config)
        .await
        .context("cannot start; see --database-url (DATABASE_URL)")
}

/// The same for a command that makes sense on an existing instance alone.
async fn open_existing(config: Config) -> anyhow::Result<App> {
    let config = Config {
        database: config.database.existing(),
        ..config
    };
    build(config).await.context(
        "cannot open the instance's database; pass its --database-url (DATABASE_URL), such as \
         sqlite:///var/lib/openindex/openindex.db",
    )
}
