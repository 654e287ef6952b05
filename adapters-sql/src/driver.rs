//! What databases with a driver of `sqlx` have alike.

use std::error::Error;

use openindex_domain::{DamagedColumn, StoreError};
use sqlx::database::HasStatementCache;
use sqlx::error::DatabaseError;
use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ColumnIndex, Decode, Encode, Pool, SqlSafeStr as _, Type};
use uuid::Uuid;

use crate::prefix::{TablePrefix, created_names};
use crate::schema::Parts;
use crate::statement::{Statement, Value};

/// The table of applied migrations, to which a prefix is added. Not the library's default, in which
/// a service that embeds this one may list its own.
pub const MIGRATIONS_TABLE: &str = "openindex_migrations";

/// The library's default table. Earlier releases listed their migrations there, without a prefix;
/// anything else in it belongs to others.
pub const DEFAULT_MIGRATIONS_TABLE: &str = "_sqlx_migrations";

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

/// Returns the migrations of a store in their order, of the groups of tokens with accounts, of tokens
/// alone, and of work items. A database with accounts keeps its tables when a store without them
/// opens it. Unknown migrations in the database are those of another group or of a newer release;
/// the rules in `migrations/README.md` keep them compatible.
///
/// # Errors
///
/// [`StoreError::Unavailable`] if a store with accounts opens a database that has none.
pub fn migrators(
    parts: Parts,
    groups: [Migrator; 3],
    applied: &Applied,
) -> Result<Vec<Migrator>, StoreError> {
    let [accounts, tokens, work_items] = groups;
    if parts.accounts && applied.list_any_of(&tokens) {
        return Err(StoreError::unavailable(
            "the database was created without accounts; open it without them, or use another \
             database",
        ));
    }
    let has_accounts = parts.accounts || applied.list_any_of(&accounts);
    let mut migrators = vec![if has_accounts { accounts } else { tokens }];
    if parts.work_items {
        migrators.push(work_items);
    }
    for migrator in &mut migrators {
        migrator.set_ignore_missing(true);
    }
    Ok(migrators)
}

/// Returns the groups with the prefix before each name, and with our own table of applied
/// migrations. Their checksums are those of the original texts.
#[must_use]
pub fn named<const N: usize>(groups: &[Migrator; N], prefix: TablePrefix) -> [Migrator; N] {
    let all = groups.iter().flat_map(Migrator::iter);
    let created: Vec<_> = all
        .flat_map(|migration| created_names(migration.sql.as_str()))
        .collect();
    let with_names = |group: &Migrator| {
        let renamed = group.iter().map(|migration| Migration {
            sql: if prefix.is_empty() {
                migration.sql.clone()
            } else {
                AssertSqlSafe(prefix.migration(migration.sql.as_str(), &created)).into_sql_str()
            },
            ..migration.clone()
        });
        let mut named = Migrator::with_migrations(renamed.collect());
        named.dangerous_set_table_name(prefix.name(MIGRATIONS_TABLE));
        named
    };
    groups.each_ref().map(with_names)
}

/// Why the migrations that a database lists as applied do not fit this release.
#[derive(Debug, thiserror::Error)]
pub enum UnfitMigrations {
    /// One has another checksum.
    #[error(
        "migration {0} differs from the one that was applied, or the table {MIGRATIONS_TABLE} was \
         changed by other means than the server; use the release that applied it, or restore a \
         backup"
    )]
    Different(i64),
    /// One is missing, but later ones are not.
    #[error(
        "migration {0} is not listed as applied, but later ones are: the table {MIGRATIONS_TABLE} \
         was changed by other means than the server; restore a backup"
    )]
    Missing(i64),
    /// One is unknown.
    #[error("a newer release has migrated the database (migration {0}); use that release")]
    Newer(i64),
}

/// The migrations that a database lists as applied: numbers and checksums.
#[derive(Debug, Default)]
pub struct Applied {
    /// Those in our own table.
    pub own: Vec<(i64, Vec<u8>)>,
    /// Those in the library's default table, which may be another program's.
    pub default: Vec<(i64, Vec<u8>)>,
}

/// The embedded migrations that our own table does not list.
#[derive(Debug)]
pub struct Pending<'m> {
    /// Numbers and names of those that are to be applied.
    pub migrations: Vec<(i64, &'m str)>,
    /// Numbers of those that an earlier release has applied. They are to be copied from the
    /// library's default table.
    pub copied: Vec<i64>,
}

impl Applied {
    /// Returns whether the database lists none, like one that no release has migrated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.default.is_empty()
    }

    /// Returns whether one of the group's migrations is among them.
    fn list_any_of(&self, group: &Migrator) -> bool {
        let mut own = self.own.iter();
        own.any(|(version, _)| group.version_exists(*version))
            || self.has_ours_elsewhere(std::slice::from_ref(group))
    }

    /// Returns whether the library's default table lists one of these migrations, as an earlier
    /// release did.
    #[must_use]
    pub fn has_ours_elsewhere(&self, migrators: &[Migrator]) -> bool {
        let mut all = migrators.iter().flat_map(Migrator::iter);
        all.any(|ours| {
            let mut listed = self.default.iter();
            listed
                .any(|(version, checksum)| *version == ours.version && **checksum == *ours.checksum)
        })
    }

    /// Compares the embedded migrations with those applied.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if one differs from the one that was applied, or is missing although
    /// a later one of its group was applied.
    pub fn pending<'m>(&self, migrators: &'m [Migrator]) -> Result<Pending<'m>, StoreError> {
        let default = Some(&self.default).filter(|_| self.has_ours_elsewhere(migrators));
        let mut pending = Pending {
            migrations: Vec::new(),
            copied: Vec::new(),
        };
        for group in migrators {
            let mut missing = None;
            for migration in group.iter() {
                let version = migration.version;
                let find = |rows: &'_ [(i64, Vec<u8>)]| {
                    let found = rows.iter().find(|(applied, _)| *applied == version);
                    found.map(|(_, checksum)| *migration.checksum == **checksum)
                };
                let own = find(&self.own);
                let found = own.or_else(|| find(default?));
                if let (Some(_), Some(missing)) = (found, missing) {
                    return Err(StoreError::corrupt(UnfitMigrations::Missing(missing)));
                }
                match found {
                    None => {
                        missing.get_or_insert(version);
                        let pending = &mut pending.migrations;
                        pending.push((version, &*migration.description));
                    }
                    Some(false) => {
                        return Err(StoreError::corrupt(UnfitMigrations::Different(version)));
                    }
                    Some(true) if own.is_none() => pending.copied.push(version),
                    Some(true) => {}
                }
            }
        }
        Ok(pending)
    }
}

impl Pending<'_> {
    /// Returns whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.migrations.is_empty() && self.copied.is_empty()
    }

    /// Returns the names that these migrations create, with the prefix, and no earlier one has
    /// created. If the database has one, it is another program's.
    #[must_use]
    pub fn new_names(&self, migrators: &[Migrator], prefix: TablePrefix) -> Vec<String> {
        let (pending, applied): (Vec<_>, Vec<_>) = migrators
            .iter()
            .flat_map(Migrator::iter)
            .partition(|migration| {
                let mut pending = self.migrations.iter();
                pending.any(|(version, _)| *version == migration.version)
            });
        let created = |migrations: Vec<&'_ Migration>| -> Vec<String> {
            let texts = migrations
                .into_iter()
                .map(|migration| migration.sql.as_str());
            texts.flat_map(created_names).map(str::to_owned).collect()
        };
        let applied = created(applied);
        let mut names = created(pending);
        names.retain(|name| !applied.contains(name));
        names.iter().map(|name| prefix.name(name)).collect()
    }

    /// Returns the statement that copies what an earlier release listed, once our own table exists;
    /// `None` if there is nothing to copy.
    #[must_use]
    pub fn copy(&self) -> Option<String> {
        const COLUMNS: &str =
            "version, description, installed_on, success, checksum, execution_time";
        let versions: Vec<_> = self.copied.iter().map(i64::to_string).collect();
        (!versions.is_empty()).then(|| {
            format!(
                "INSERT INTO {MIGRATIONS_TABLE} ({COLUMNS}) SELECT {COLUMNS} \
                 FROM {DEFAULT_MIGRATIONS_TABLE} WHERE version IN ({})",
                versions.join(", ")
            )
        })
    }
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
