//! Migrations, and the check of the schema by
//! [`StoreHealth`](openindex_domain::StoreHealth).

use std::collections::BTreeMap;

use openindex_adapters_sql::driver::{
    self, Applied, DEFAULT_MIGRATIONS_TABLE, MIGRATIONS_TABLE, Pending, UnfitMigrations,
};
use openindex_adapters_sql::schema::{self, Parts};
use openindex_adapters_sql::{NameClash, Result, TablePrefix};
use openindex_domain::StoreError;
use sqlx::migrate::{Migrate as _, Migrator};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _};

use crate::error::store_error;
use crate::statements::json;
use crate::store::SqliteDatabase;

/// The triggers that keep the owners of accounts, and what happens without one.
const OWNER_TRIGGERS: ([&str; 3], &str) = (
    [
        "users_are_owners",
        "users_stay_owners",
        "users_end_as_owners",
    ],
    "suspensions of users would have no effect",
);

/// The triggers that reject changes of the audit log, and what happens without one.
const AUDIT_TRIGGERS: ([&str; 3], &str) = (
    [
        "audit_events_no_delete",
        "audit_events_no_replace",
        "audit_events_no_update",
    ],
    "audit events could be changed",
);

/// The triggers that maintain the index of searches, and what happens without one.
const SEARCH_TRIGGERS: ([&str; 3], &str) = (
    [
        "work_items_search_insert",
        "work_items_search_update",
        "work_items_search_delete",
    ],
    "searches would miss work items",
);

impl SqliteDatabase {
    /// Applies all pending migrations, or none.
    pub(crate) async fn apply_pending(&self, parts: Parts) -> Result<()> {
        let mut transaction = self.begin().await?;
        let prefix = self.options.table_prefix;
        let applied = applied(&mut transaction, prefix).await?;
        let migrators = driver::migrators(parts, groups(), &applied)?;
        let pending = applied.pending(&migrators)?;
        if pending.is_empty() {
            return Ok(());
        }
        check_names(&mut transaction, &pending, &migrators, prefix).await?;
        let failed = |error| driver::migrate_error(error, store_error);
        if let Some(copy) = pending.copy() {
            let table = transaction.ensure_migrations_table(MIGRATIONS_TABLE);
            table.await.map_err(failed)?;
            let copied = sqlx::raw_sql(AssertSqlSafe(copy)).execute(&mut *transaction);
            copied.await.map_err(store_error)?;
        }
        let named = driver::named(&groups(), prefix);
        // The connection must not watch tables while they are replaced. Everything counts as
        // changed.
        let changes = &self.writer.changes;
        let unwatched = changes.unwatch(&mut transaction).await;
        unwatched.map_err(store_error)?;
        for migrator in driver::migrators(parts, named, &applied)? {
            // `Migrator::run` is the documented way, but its future on a borrowed connection is not
            // `Send`; this is what it calls.
            migrator
                .run_direct(None, &mut *transaction, false)
                .await
                .map_err(failed)?;
        }
        transaction.commit().await
    }

    /// Fails unless all migrations are applied and the tables have all columns.
    pub(crate) async fn check_schema(&self, parts: Parts) -> Result<()> {
        let mut reader = self.readers()?.acquire().await.map_err(store_error)?;
        check_schema(&mut reader, parts, self.options.table_prefix).await
    }
}

/// Fails unless all migrations are applied, the tables have all columns, and no trigger is missing.
async fn check_schema(
    reader: &mut SqliteConnection,
    parts: Parts,
    prefix: TablePrefix,
) -> Result<()> {
    check_tables(reader, parts, prefix).await?;
    match missing_triggers(reader, parts, prefix).await?.first() {
        Some(missing) => Err(StoreError::unavailable(format!(
            "{missing}; restore the file from a backup"
        ))),
        None => Ok(()),
    }
}

/// The same, and fails if the schema is newer than this version: it may have more columns.
pub(crate) async fn check_version(
    reader: &mut SqliteConnection,
    parts: Parts,
    prefix: TablePrefix,
) -> Result<()> {
    check_schema(reader, parts, prefix).await?;
    check_not_newer(reader, prefix).await
}

/// Fails if a newer release has migrated the database.
pub(crate) async fn check_not_newer(
    reader: &mut SqliteConnection,
    prefix: TablePrefix,
) -> Result<()> {
    match newer_migrations(reader, prefix).await?.first() {
        Some(newer) => Err(StoreError::unavailable(UnfitMigrations::Newer(*newer))),
        None => Ok(()),
    }
}

/// Returns what is missing of the triggers that the promises of the store depend on, and what
/// happens without it.
pub(crate) async fn missing_triggers(
    reader: &mut SqliteConnection,
    parts: Parts,
    prefix: TablePrefix,
) -> Result<Vec<String>> {
    let found: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            .fetch_all(reader)
            .await
            .map_err(store_error)?;
    let accounts = parts.accounts.then_some(OWNER_TRIGGERS);
    let work_items = parts.work_items.then_some(SEARCH_TRIGGERS);
    let triggers = [AUDIT_TRIGGERS]
        .into_iter()
        .chain(accounts)
        .chain(work_items);
    let named = triggers
        .flat_map(|(names, consequence)| names.map(|name| (prefix.name(name), consequence)));
    let missing = named.filter(|(name, _)| !found.contains(name));
    Ok(missing
        .map(|(name, consequence)| format!("trigger {name} is missing, so {consequence}"))
        .collect())
}

/// Fails unless all migrations are applied and the tables have all columns.
pub(crate) async fn check_tables(
    reader: &mut SqliteConnection,
    parts: Parts,
    prefix: TablePrefix,
) -> Result<()> {
    let applied = applied(reader, prefix).await?;
    let migrators = driver::migrators(parts, groups(), &applied)?;
    let pending = applied.pending(&migrators)?;
    if !pending.is_empty() {
        check_names(reader, &pending, &migrators, prefix).await?;
        if applied.is_empty() {
            return Err(StoreError::unavailable(
                "no tables of OpenIndex in the file; check the path in the database URL, or run \
                 `oi-server migrate` to create them",
            ));
        }
        let mut versions = pending.migrations.iter().map(|(version, _)| *version);
        let first = versions.next().or_else(|| pending.copied.first().copied());
        return Err(StoreError::unavailable(format!(
            "pending migration: {}; run `oi-server migrate`",
            first.unwrap_or_default()
        )));
    }
    let there: Vec<String> = sqlx::query_scalar(
        "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
         WHERE t.type = 'table'",
    )
    .fetch_all(&mut *reader)
    .await
    .map_err(store_error)?;
    let missing: Vec<String> = schema::tables(parts)
        .flat_map(|table| {
            let name = prefix.name(table.name);
            let required = table.columns.split_whitespace();
            let required = required.map(|column| format!("{name}.{column}"));
            let (found, missing): (Vec<_>, Vec<_>) =
                required.partition(|name| there.contains(name));
            if found.is_empty() {
                vec![name]
            } else {
                missing
            }
        })
        .collect();
    if !missing.is_empty() {
        return Err(StoreError::unavailable(format!(
            "missing in the database: {}; restore the file from a backup",
            missing.join(", ")
        )));
    }
    Ok(())
}

/// Returns the migrations that the file lists as applied.
async fn applied(connection: &mut SqliteConnection, prefix: TablePrefix) -> Result<Applied> {
    let own = prefix.name(MIGRATIONS_TABLE);
    let mut applied = Applied {
        own: listed(connection, &own).await?,
        ..Applied::default()
    };
    // Earlier releases had no prefix.
    if prefix.is_empty() {
        applied.default = listed(connection, DEFAULT_MIGRATIONS_TABLE).await?;
    }
    Ok(applied)
}

/// Fails if the file already has a name that these migrations create.
async fn check_names(
    connection: &mut SqliteConnection,
    pending: &Pending<'_>,
    migrators: &[Migrator],
    prefix: TablePrefix,
) -> Result<()> {
    let names = pending.new_names(migrators, prefix);
    let found: Vec<(String, bool)> = sqlx::query_as(
        "SELECT name, type IN ('table', 'view') FROM sqlite_schema \
         WHERE lower(name) IN (SELECT value FROM json_each(?1))",
    )
    .bind(json(&names)?)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    match NameClash::with(found) {
        Some(clash) => Err(StoreError::unavailable(clash)),
        None => Ok(()),
    }
}

/// Returns the migrations that a newer release has applied to the file.
pub(crate) async fn newer_migrations(
    reader: &mut SqliteConnection,
    prefix: TablePrefix,
) -> Result<Vec<i64>> {
    let applied = applied(reader, prefix).await?;
    let known = groups();
    let applied = applied.own.iter().map(|(version, _)| *version);
    let newer = applied.filter(|version| !known.iter().any(|group| group.version_exists(*version)));
    Ok(newer.collect())
}

/// The tables of this project, their indexes and triggers: each name with its kind, its table and
/// the statement that created it.
pub(crate) type Objects = BTreeMap<String, (String, String, String)>;

/// Returns what the file has. Auto-indexes, which cannot be dropped, are not among it.
pub(crate) async fn objects(reader: &mut SqliteConnection) -> Result<Objects> {
    let rows: Vec<(String, String, String, String)> =
        sqlx::query_as("SELECT name, type, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
            .fetch_all(reader)
            .await
            .map_err(store_error)?;
    let ours = rows.into_iter().filter(|(_, _, table, _)| {
        let mut tables = schema::tables(Parts::ALL);
        tables.any(|ours| ours.name == table)
    });
    Ok(ours
        .map(|(name, kind, table, sql)| {
            let sql: Vec<&str> = sql.split_whitespace().collect();
            (name, (kind, table, sql.join(" ")))
        })
        .collect())
}

/// Returns what the migrations create, in a database in memory.
pub(crate) async fn expected_objects() -> Result<Objects> {
    let memory = SqliteConnection::connect("sqlite::memory:").await;
    let mut memory = memory.map_err(store_error)?;
    for migrator in driver::migrators(Parts::ALL, groups(), &Applied::default())? {
        let migrated = migrator.run_direct(None, &mut memory, false).await;
        migrated.map_err(|error| driver::migrate_error(error, store_error))?;
    }
    objects(&mut memory).await
}

/// Returns the embedded migrations: of tokens with accounts, of tokens alone, and of work items.
fn groups() -> [Migrator; 3] {
    [
        sqlx::migrate!(),
        sqlx::migrate!("./migrations-tokens"),
        sqlx::migrate!("./migrations-work"),
    ]
}

/// Returns the migrations that a table lists as applied; none if there is no such table.
async fn listed(connection: &mut SqliteConnection, table: &str) -> Result<Vec<(i64, Vec<u8>)>> {
    let found = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    let found: Option<i64> = sqlx::query_scalar(found)
        .bind(table)
        .fetch_optional(&mut *connection)
        .await
        .map_err(store_error)?;
    if found.is_none() {
        return Ok(Vec::new());
    }
    let rows = format!("SELECT version, checksum FROM {table} WHERE success");
    let rows = sqlx::query_as(AssertSqlSafe(rows)).fetch_all(connection);
    rows.await.map_err(store_error)
}
