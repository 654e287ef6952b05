//! What databases with a driver of `sqlx` have alike.

use std::error::Error;

use openindex_domain::{DamagedColumn, StoreError};
use sqlx::database::HasStatementCache;
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ColumnIndex, Decode, Encode, Pool, Type};
use uuid::Uuid;

use crate::schema::Parts;
use crate::statement::{Statement, Value};

/// The driver's query.
pub type DriverQuery<DB> = Query<'static, DB, <DB as sqlx::Database>::Arguments>;

/// Returns the driver's query. `bind` adds the parameters that the drivers represent differently:
/// times, lists and columns.
///
/// # Errors
///
/// Those of `bind`.
pub fn query<DB: sqlx::Database + HasStatementCache>(
    statement: Statement,
    bind: impl Fn(DriverQuery<DB>, Value) -> Result<DriverQuery<DB>, StoreError>,
) -> Result<DriverQuery<DB>, StoreError>
where
    Option<Uuid>: Encode<'static, DB> + Type<DB>,
    Option<String>: Encode<'static, DB> + Type<DB>,
    Option<Vec<u8>>: Encode<'static, DB> + Type<DB>,
    Option<i64>: Encode<'static, DB> + Type<DB>,
{
    let mut query = sqlx::query(AssertSqlSafe(statement.sql)).persistent(statement.is_cached);
    for value in statement.values {
        query = match value {
            Value::Uuid(id) => query.bind(id),
            Value::Text(text) => query.bind(text),
            Value::Bytes(bytes) => query.bind(bytes),
            Value::Integer(number) => query.bind(number),
            other => bind(query, other)?,
        };
    }
    Ok(query)
}

/// Classifies an error of the driver. For one that the database returned, `describe` gives whether
/// the call may succeed later or once the operator has fixed something, and what to report.
pub fn store_error<F: Error + Send + Sync + 'static>(
    error: sqlx::Error,
    describe: impl FnOnce(&dyn DatabaseError) -> (bool, F),
) -> StoreError {
    use sqlx::Error as E;
    match error {
        E::Database(database) => match describe(&*database) {
            (true, failure) => StoreError::unavailable(failure),
            (false, failure) => StoreError::corrupt(failure),
        },
        E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::BeginFailed => {
            StoreError::unavailable(error)
        }
        other => StoreError::corrupt(other),
    }
}

/// Classifies an error of the migrator; `store_error` classifies that of a statement.
pub fn migrate_error(
    error: MigrateError,
    store_error: impl FnOnce(sqlx::Error) -> StoreError,
) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            store_error(error)
        }
        other => StoreError::corrupt(other),
    }
}

/// The embedded migrations: those of tokens with accounts, of tokens alone, and of work items.
#[derive(Debug)]
pub struct Groups {
    /// Of tokens with accounts.
    pub accounts: Migrator,
    /// Of tokens alone. The number of none is in the group above.
    pub tokens: Migrator,
    /// Of work items.
    pub work_items: Migrator,
}

impl Groups {
    /// Returns whether a migration of this number is in one of the groups.
    #[must_use]
    pub fn know(&self, version: i64) -> bool {
        let groups = [&self.accounts, &self.tokens, &self.work_items];
        groups.iter().any(|group| group.version_exists(version))
    }

    /// Returns the migrations of a store in their order, given the numbers that are applied: a
    /// database with accounts keeps its tables when a store without them opens it. Unknown ones in
    /// the database are those of another group or of a newer release; the rules in
    /// `migrations/README.md` keep them compatible.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if a store with accounts opens a database without them.
    pub fn of(
        self,
        parts: Parts,
        applied: impl IntoIterator<Item = i64>,
    ) -> Result<Vec<Migrator>, StoreError> {
        let applied: Vec<i64> = applied.into_iter().collect();
        let has = |group: &Migrator| {
            group
                .iter()
                .any(|migration| applied.contains(&migration.version))
        };
        let is_without_accounts = has(&self.tokens);
        if parts.accounts && is_without_accounts {
            return Err(StoreError::unavailable(
                "the database was created without accounts; open it without them, or use another \
                 database",
            ));
        }
        let mut migrators = if parts.accounts || has(&self.accounts) {
            vec![self.accounts]
        } else {
            vec![self.tokens]
        };
        if parts.work_items {
            migrators.push(self.work_items);
        }
        for migrator in &mut migrators {
            migrator.set_ignore_missing(true);
        }
        Ok(migrators)
    }
}

/// Returns the embedded migrations that are not among the applied numbers and checksums, each with
/// its number and name.
///
/// # Errors
///
/// [`StoreError::Corrupt`] if one differs from the one that was applied.
pub fn pending<'m>(
    migrators: &'m [Migrator],
    applied: &[(i64, Vec<u8>)],
) -> Result<Vec<(i64, &'m str)>, StoreError> {
    let mut pending = Vec::new();
    for migration in migrators.iter().flat_map(Migrator::iter) {
        let version = migration.version;
        match applied.iter().find(|(applied, _)| *applied == version) {
            None => pending.push((version, &*migration.description)),
            Some((_, applied)) if **applied != *migration.checksum => {
                return Err(StoreError::corrupt(format!(
                    "migration {version} differs from the one that was applied; use the release \
                     that applied it, or restore a backup"
                )));
            }
            Some(_) => {}
        }
    }
    Ok(pending)
}

/// Returns the value of a column; see [`Row`](crate::Row).
///
/// # Errors
///
/// [`DamagedColumn`] if there is no such column or its value has another type.
pub fn get<'r, R: sqlx::Row, T>(
    row: &'r R,
    column: &'static str,
) -> Result<Option<T>, DamagedColumn>
where
    T: Decode<'r, R::Database> + Type<R::Database>,
    &'static str: ColumnIndex<R>,
{
    // Without the `Option`, SQLite's driver would decode NULL as an empty text or 0.
    row.try_get(column).map_err(|_| DamagedColumn(column))
}

/// Returns the numbers of a pool's connections that are open, idle, and allowed.
#[must_use]
pub fn connections<DB: sqlx::Database>(pool: &Pool<DB>) -> [u32; 3] {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    [pool.size(), idle, pool.options().get_max_connections()]
}
