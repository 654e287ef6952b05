//! A check of the database, beside the servers that use it.

use openindex_adapters_sql::check::{self, Checked};
use openindex_adapters_sql::driver;
use openindex_adapters_sql::schema::{Parts, tables};
use openindex_adapters_sql::{Result, TablePrefix, Tx, created_names};
use openindex_domain::clock::Timestamp;
use sqlx::PgConnection;
use sqlx::migrate::Migrator;

use crate::error::store_error;
use crate::grants::FUNCTIONS;
use crate::schema::groups;
use crate::store::PostgresDatabase;

/// What the migrations create besides tables and functions, without a prefix: a line each with the
/// kind, the name and the statement. A test compares it with a migrated database.
const OBJECTS: &str = include_str!("objects.txt");

/// The query for what a database has of it. The last column is the statement that repairs it, or
/// `NULL`.
const FOUND: &str = include_str!("objects.sql");

const SCHEMA: &str = "the schema was changed by other means than the server; run the statement as \
    the owner of the tables, or restore the schema from a backup";
const FUNCTION: &str = "the schema was changed by other means than the server; restore it from a \
    backup";
const ADDED: &str = "it can change what the server stores; drop it if you do not know it";

impl PostgresDatabase {
    /// Checks a database with accounts and work items without writing to it; servers may use it
    /// meanwhile. `progress` is called with the table and the number of rows that were read of it.
    ///
    /// # Errors
    ///
    /// [`StoreError`](openindex_domain::StoreError) if the database cannot be read, or its schema
    /// or the privileges of the role are not those that this version requires. Whatever is wrong
    /// with the data is a finding.
    pub async fn check(
        &self,
        now: Timestamp,
        mut progress: Box<dyn FnMut(&'static str, u64) + Send>,
    ) -> Result<Checked> {
        self.check_schema(Parts::ALL).await?;
        self.check_version(Parts::ALL).await?;
        let prefix = self.options.table_prefix;
        self.on_snapshot(move |tx| {
            Box::pin(async move {
                let mut checked = Checked::default();
                let connection = tx.into_connection();
                check_objects(connection, prefix, &mut checked).await?;
                check_functions(connection, prefix, &mut checked).await?;
                let tx = Tx::<Self>::new(connection, prefix);
                check::check(tx, now, &mut checked, &mut *progress).await?;
                Ok(checked)
            })
        })
        .await
    }
}

/// Compares constraints, indexes and triggers with those that the migrations create: that they are
/// there and work, and of triggers also what they do. How the database words the others depends on
/// its version.
async fn check_objects(
    connection: &mut PgConnection,
    prefix: TablePrefix,
    checked: &mut Checked,
) -> Result<()> {
    let names: Vec<String> = tables(Parts::ALL).map(|it| prefix.name(it.name)).collect();
    let found: Vec<(String, String, String, Option<String>)> = sqlx::query_as(FOUND)
        .bind(names)
        .fetch_all(connection)
        .await
        .map_err(store_error)?;
    let groups = groups();
    let migrations = groups.iter().flat_map(Migrator::iter);
    let created: Vec<&str> = migrations
        .flat_map(|migration| created_names(migration.sql.as_str()))
        .collect();
    let expected = prefix.migration(OBJECTS, &created);
    let expected = expected.lines().filter_map(|line| {
        let (kind, rest) = line.split_once(' ')?;
        let (name, statement) = rest.split_once(' ')?;
        Some((kind, name, statement))
    });
    let expected: Vec<_> = expected.collect();
    for (kind, name, statement) in &expected {
        let mut of_name = found.iter().filter(|it| it.0 == *kind && it.1 == *name);
        let what = match of_name.next() {
            None => format!("{kind} {name} is missing ({statement})"),
            Some((.., Some(repair))) => format!("{kind} {name} is disabled or invalid ({repair})"),
            Some((_, _, there, None)) if *kind == "trigger" && there != statement => {
                format!("{kind} {name} differs from that of the migrations ({statement})")
            }
            Some(_) => continue,
        };
        checked.add(what, SCHEMA);
    }
    for (kind, name, _, repair) in &found {
        let is_expected = expected.iter().any(|it| it.0 == kind && it.1 == name);
        match (&**kind, repair) {
            ("trigger", _) if !is_expected => {
                checked.add(format!("trigger {name:?} was added"), ADDED);
            }
            ("row level security", Some(repair)) => {
                let what = format!(
                    "table {name} has row level security, so a server whose role does not own it \
                     cannot read it ({repair})"
                );
                checked.add(what, SCHEMA);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks that the text of each function is that of a migration.
async fn check_functions(
    connection: &mut PgConnection,
    prefix: TablePrefix,
    checked: &mut Checked,
) -> Result<()> {
    let names = FUNCTIONS.map(|name| prefix.name(name));
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT proname::text, prosrc FROM pg_proc JOIN pg_class ON relnamespace = pronamespace \
         WHERE pg_class.oid = to_regclass($1) AND proname = ANY ($2)",
    )
    .bind(prefix.name("audit_events"))
    .bind(&names)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    let groups = driver::named(&groups(), prefix);
    let is_ours = |source: &str| {
        let source = format!("$${source}$$");
        let mut migrations = groups.iter().flat_map(Migrator::iter);
        migrations.any(|migration| migration.sql.as_str().contains(&source))
    };
    for name in &names {
        let mut of_name = found.iter().filter(|(it, _)| it == name);
        if !of_name.any(|(_, source)| is_ours(source)) {
            let what = format!("function {name} is missing or differs from that of the migrations");
            checked.add(what, FUNCTION);
        }
    }
    Ok(())
}
