//! A check of the database, beside the servers that use it.

use openindex_adapters_sql::check::{self, Checked};
use openindex_adapters_sql::schema::Parts;
use openindex_adapters_sql::{Result, TablePrefix, Tx};
use openindex_domain::clock::Timestamp;
use sqlx::PgConnection;

use crate::error::store_error;
use crate::grants::{APPEND_ONLY, TRIGRAMS};
use crate::store::PostgresDatabase;

const TRIGGER: &str = "audit events could be changed; enable it as the owner of the tables, or \
    restore the schema from a backup";
const MISSING: &str = "searches read all work items; create the index as migration 1003 does, or \
    restore the schema from a backup";
const INVALID: &str = "searches read all work items; run as the owner of the tables: REINDEX INDEX \
    CONCURRENTLY work_items_search";

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
        let prefix = self.options.table_prefix;
        self.on_snapshot(move |tx| {
            Box::pin(async move {
                let mut checked = Checked::default();
                let connection = tx.into_connection();
                check_objects(connection, prefix, &mut checked).await?;
                let tx = Tx::<Self>::new(connection, prefix);
                check::check(tx, now, &mut checked, &mut *progress).await?;
                Ok(checked)
            })
        })
        .await
    }
}

/// Checks what a schema has besides tables and columns.
async fn check_objects(
    connection: &mut PgConnection,
    prefix: TablePrefix,
    checked: &mut Checked,
) -> Result<()> {
    let trigger = prefix.name(APPEND_ONLY);
    let enabled = "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass($1) \
                   AND tgname = $2 AND tgenabled IN ('O', 'A'))";
    let is_enabled: bool = sqlx::query_scalar(enabled)
        .bind(prefix.name("audit_events"))
        .bind(&trigger)
        .fetch_one(&mut *connection)
        .await
        .map_err(store_error)?;
    if !is_enabled {
        let what = format!("trigger {trigger} is missing or disabled");
        checked.add(what, TRIGGER);
    }
    let index = prefix.name("work_items_search");
    let usable = "SELECT indisvalid AND indisready FROM pg_index \
                  WHERE indexrelid = to_regclass($1)";
    let is_usable: Option<bool> = sqlx::query_scalar(usable)
        .bind(&index)
        .fetch_optional(&mut *connection)
        .await
        .map_err(store_error)?;
    match is_usable {
        Some(true) => {}
        Some(false) => checked.add(format!("index {index} is invalid"), INVALID),
        None => checked.add(format!("index {index} is missing"), MISSING),
    }
    let function = prefix.name(TRIGRAMS);
    let found: bool = sqlx::query_scalar("SELECT to_regprocedure($1) IS NOT NULL")
        .bind(format!("{function}(text)"))
        .fetch_one(connection)
        .await
        .map_err(store_error)?;
    if !found {
        checked.add(format!("function {function} is missing"), MISSING);
    }
    Ok(())
}
