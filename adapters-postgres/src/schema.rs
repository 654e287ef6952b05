//! Migrations, and the checks of [`StoreHealth`](openindex_domain::StoreHealth).

use openindex_adapters_sql::driver::{
    self, DEFAULT_MIGRATIONS_TABLE, MIGRATIONS_TABLE, Pending, UnfitMigrations,
};
use openindex_adapters_sql::schema::Parts;
use openindex_adapters_sql::{NameClash, TablePrefix};
use openindex_domain::StoreError;
use sqlx::migrate::{Migrate as _, MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::error::{is_missing_right, store_error};
use crate::grants::some;
use crate::pooling::PoolMode;
use crate::store::PostgresDatabase;
use crate::{excess_privileges, grants, hidden_tables};

/// The schema is older than this binary, and cannot be migrated here.
#[derive(Debug, thiserror::Error)]
enum NotMigrated {
    #[error(
        "no tables of OpenIndex in the database; check its URL and search_path, or run `oi-server \
         migrate` to create them"
    )]
    Empty,
    #[error(
        "pending migrations: {pending}; run `oi-server migrate` as the owner of the tables (role \
         {owner}), then the SQL from `oi-server grants`"
    )]
    Pending { pending: String, owner: String },
    #[error(
        "pending migrations: {pending}; role {role} cannot create tables: run `oi-server migrate` as \
         the owner of the tables, or first, as the owner of the schema, GRANT USAGE, CREATE ON \
         SCHEMA {schema} TO {role}"
    )]
    Create {
        pending: String,
        role: String,
        schema: String,
    },
    #[error(
        "pending migrations: {0}; run `oi-server migrate` with a URL that points at PostgreSQL \
         itself, not at a pooler in transaction mode"
    )]
    Pooled(String),
}

/// The embedded migrations compared with those applied.
struct Schema {
    /// Numbers and names of the migrations that are not applied.
    pending: Vec<String>,
    /// Numbers of migrations that a newer release has applied and this one does not know.
    newer: Vec<i64>,
    ownership: Option<Ownership>,
    /// The names that the pending migrations create.
    new_names: Vec<String>,
    /// The schema of the table that lists the migrations, and the statement that copies what an
    /// earlier release listed.
    place: Option<String>,
    copy: Option<String>,
    listed: driver::Applied,
}

/// How the role is related to the owner of the table that lists the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ownership {
    /// It is the owner, as in a setup with one role.
    Own,
    /// It is a member of the owner, and so can become it.
    Member,
    None,
}

/// The applied migrations.
#[derive(Default)]
struct Applied {
    listed: driver::Applied,
    /// Of the table that lists the migrations; `None` if it is not found.
    ownership: Option<Ownership>,
    place: Option<String>,
}

impl PostgresDatabase {
    /// Applies all pending migrations, or none. If nothing is pending, no privilege beyond those of
    /// [`grants`](crate::grants()) is required.
    pub(crate) async fn apply_pending(&self, parts: Parts) -> Result<(), StoreError> {
        let schema = self.schema(parts).await?;
        if !schema.newer.is_empty() {
            tracing::warn!(
                migrations = ?schema.newer,
                "database schema is newer than this server; upgrade the server"
            );
        }
        if schema.pending.is_empty() {
            let ownership = schema.ownership;
            return self.report_excess_privileges(ownership, parts).await;
        }
        self.check_not_hidden(schema.ownership).await?;
        let pending = some(&schema.pending);
        if self.pool_mode().await? == PoolMode::Transaction {
            return Err(StoreError::unavailable(NotMigrated::Pooled(pending)));
        }
        // Otherwise the new tables would belong to the wrong role.
        if schema.ownership == Some(Ownership::None) {
            return Err(self.owned_by_others(pending).await);
        }
        let connect = PgConnectOptions::clone(&self.pool.connect_options());
        let pool = self.options.migration_pool(connect);
        let migrated = async {
            let mut connection = pool.acquire().await.map_err(store_error)?;
            match self.migrate_on(&mut connection, parts).await? {
                Err(error) if is_missing_right(&error) => {
                    Err(cannot_create(&mut connection, pending).await)
                }
                migrated => migrated.map_err(|error| driver::migrate_error(error, store_error)),
            }
        };
        let migrated = migrated.await;
        pool.close().await;
        migrated
    }

    /// Applies the migrations on a connection that is closed afterwards, which releases the lock
    /// against other servers.
    async fn migrate_on(
        &self,
        connection: &mut PgConnection,
        parts: Parts,
    ) -> Result<Result<(), MigrateError>, StoreError> {
        if let Err(error) = connection.lock().await {
            return Ok(Err(error));
        }
        // Another server may have migrated meanwhile.
        let schema = schema(connection, parts, self.options.table_prefix).await?;
        check_names(connection, &schema).await?;
        let named = driver::named(&groups(), self.options.table_prefix);
        let migrators = driver::migrators(parts, named, &schema.listed)?;
        Ok(apply(connection, schema, migrators).await)
    }

    /// Logs the privileges of the role beyond those that serving requires.
    async fn report_excess_privileges(
        &self,
        ownership: Option<Ownership>,
        parts: Parts,
    ) -> Result<(), StoreError> {
        let prefix = self.options.table_prefix;
        let surplus = self
            .call(move |connection| Box::pin(excess_privileges::find(connection, parts, prefix)))
            .await?;
        if ownership == Some(Ownership::Own) {
            tracing::warn!(
                role = ?surplus,
                "database role can alter the schema and the audit log; to serve with a restricted \
                 role, see `oi-server grants --help`"
            );
        } else if !surplus.is_empty() {
            tracing::warn!(
                role = ?surplus,
                "database role has more privileges than the server needs; run the SQL from \
                 `oi-server grants` as a superuser, or as the owner of the tables and of the \
                 database, and check its warnings"
            );
        }
        Ok(())
    }

    /// Fails if the tables exist but the role does not find them, unless it can create its own: one
    /// database may contain several instances, each in its own schema.
    async fn check_not_hidden(&self, ownership: Option<Ownership>) -> Result<(), StoreError> {
        if ownership.is_some() {
            return Ok(());
        }
        let prefix = self.options.table_prefix;
        let (hidden, creates) = self
            .call(move |connection| {
                Box::pin(async move {
                    let hidden = hidden_tables::find_instance(connection, prefix).await?;
                    Ok((hidden, can_create(connection).await?))
                })
            })
            .await?;
        match hidden {
            Some(hidden) if creates => {
                tracing::warn!(
                    other = %hidden,
                    "no tables found in search_path; creating a new instance there"
                );
                Ok(())
            }
            Some(hidden) => Err(StoreError::unavailable(hidden)),
            None => Ok(()),
        }
    }

    /// Returns the error of a role that is not the owner of the tables.
    async fn owned_by_others(&self, pending: String) -> StoreError {
        let list = self.options.table_prefix.name(MIGRATIONS_TABLE);
        let owner = self.call(move |connection| {
            Box::pin(async move {
                let owner = "SELECT coalesce(pg_get_userbyid(relowner)::text, '?') FROM pg_class \
                             WHERE oid = coalesce(to_regclass($1), to_regclass($2))";
                let owner = sqlx::query_scalar(owner)
                    .bind(list)
                    .bind(DEFAULT_MIGRATIONS_TABLE);
                owner.fetch_one(connection).await.map_err(store_error)
            })
        });
        match owner.await {
            Ok(owner) => StoreError::unavailable(NotMigrated::Pending { pending, owner }),
            Err(error) => error,
        }
    }

    async fn schema(&self, parts: Parts) -> Result<Schema, StoreError> {
        let prefix = self.options.table_prefix;
        self.call(move |connection| Box::pin(schema(connection, parts, prefix)))
            .await
    }
}

async fn apply(
    connection: &mut PgConnection,
    schema: Schema,
    migrators: Vec<Migrator>,
) -> Result<(), MigrateError> {
    if let Some(place) = schema.place {
        // What is new is created beside the existing tables, even if an earlier schema of the
        // search path exists by now.
        sqlx::query(
            "SELECT set_config('search_path', \
             quote_ident($1) || ', ' || current_setting('search_path'), false)",
        )
        .bind(place)
        .execute(&mut *connection)
        .await?;
    }
    if let Some(copy) = schema.copy {
        connection.ensure_migrations_table(MIGRATIONS_TABLE).await?;
        sqlx::raw_sql(AssertSqlSafe(copy))
            .execute(&mut *connection)
            .await?;
    }
    for migrator in migrators {
        migrator.run_direct(None, &mut *connection, false).await?;
    }
    Ok(())
}

/// Returns the embedded migrations: of tokens with accounts, of tokens alone, and of work items.
pub(crate) fn groups() -> [Migrator; 3] {
    [
        sqlx::migrate!(),
        sqlx::migrate!("./migrations-tokens"),
        sqlx::migrate!("./migrations-work"),
    ]
}

async fn schema(
    connection: &mut PgConnection,
    parts: Parts,
    prefix: TablePrefix,
) -> Result<Schema, StoreError> {
    let Applied {
        listed,
        ownership,
        place,
    } = applied(connection, prefix).await?;
    let migrators = driver::migrators(parts, groups(), &listed)?;
    let pending = listed.pending(&migrators)?;
    let known = groups();
    let newer = listed.own.iter().map(|(version, _)| *version);
    let newer = newer.filter(|version| !known.iter().any(|group| group.version_exists(*version)));
    Ok(Schema {
        newer: newer.collect(),
        ownership,
        new_names: pending.new_names(&migrators, prefix),
        copy: pending.copy(),
        pending: described(&pending),
        place,
        listed,
    })
}

/// Returns what is to be done, for a message.
fn described(pending: &Pending<'_>) -> Vec<String> {
    let migrations = pending.migrations.iter();
    let described = migrations.map(|(version, name)| format!("{version:04} {name}"));
    let table = (!pending.copied.is_empty()).then(|| format!("table {MIGRATIONS_TABLE}"));
    described.chain(table).collect()
}

async fn applied(
    connection: &mut PgConnection,
    prefix: TablePrefix,
) -> Result<Applied, StoreError> {
    let mut applied = Applied::default();
    let own = prefix.name(MIGRATIONS_TABLE);
    if let Some((ownership, place, _)) = find_list(connection, &own).await? {
        applied.listed.own = listed(connection, &own).await?;
        applied.ownership = Some(ownership);
        applied.place = Some(place);
    }
    // Earlier releases had no prefix. Another program's table may be unreadable.
    if prefix.is_empty()
        && let Some((ownership, place, true)) =
            find_list(connection, DEFAULT_MIGRATIONS_TABLE).await?
    {
        applied.listed.default = listed(connection, DEFAULT_MIGRATIONS_TABLE).await?;
        if applied.ownership.is_none() && applied.listed.has_ours_elsewhere(&groups()) {
            applied.ownership = Some(ownership);
            applied.place = Some(place);
        }
    }
    Ok(applied)
}

/// Returns how the role is related to a table that lists migrations, the table's schema, and
/// whether the role may read it; `None` if it is not found.
async fn find_list(
    connection: &mut PgConnection,
    table: &str,
) -> Result<Option<(Ownership, String, bool)>, StoreError> {
    let found: Option<(bool, bool, String, bool)> = sqlx::query_as(
        "SELECT pg_get_userbyid(relowner) = current_user, pg_has_role(relowner, 'MEMBER'), \
             nspname::text, has_table_privilege(c.oid, 'SELECT') \
         FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid = to_regclass($1)",
    )
    .bind(table)
    .fetch_optional(connection)
    .await
    .map_err(store_error)?;
    Ok(found.map(|(is_own, is_member, place, is_readable)| {
        let ownership = match (is_own, is_member) {
            (true, _) => Ownership::Own,
            (false, true) => Ownership::Member,
            (false, false) => Ownership::None,
        };
        (ownership, place, is_readable)
    }))
}

/// Returns the migrations that a table lists as applied.
async fn listed(
    connection: &mut PgConnection,
    table: &str,
) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let rows = format!("SELECT version, checksum FROM {table} WHERE success");
    let rows = sqlx::query_as(AssertSqlSafe(rows)).fetch_all(connection);
    rows.await.map_err(store_error)
}

/// Fails if the schema in which tables are created already has one of the names.
async fn check_names(connection: &mut PgConnection, schema: &Schema) -> Result<(), StoreError> {
    let found: Vec<(String, bool)> = sqlx::query_as(
        "SELECT name, bool_or(is_table) FROM (\
             SELECT relname::text AS name, relkind IN ('r', 'p', 'v', 'm', 'f') AS is_table, \
                 relnamespace AS place FROM pg_class \
             UNION ALL SELECT typname::text, false, typnamespace FROM pg_type \
                 WHERE typcategory <> 'A' \
             UNION ALL SELECT proname::text, false, pronamespace FROM pg_proc WHERE pronargs = 0\
         ) AS found JOIN pg_namespace n ON n.oid = place \
         WHERE nspname = coalesce($1, current_schema()) AND name = ANY ($2) GROUP BY name",
    )
    .bind(&schema.place)
    .bind(&schema.new_names)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    match NameClash::with(found) {
        Some(clash) => Err(StoreError::unavailable(clash)),
        None => Ok(()),
    }
}

impl PostgresDatabase {
    /// Fails unless the role can serve from these tables.
    pub(crate) async fn check_schema(&self, parts: Parts) -> Result<(), StoreError> {
        self.check_pending(parts).await?;
        let prefix = self.options.table_prefix;
        self.call(move |connection| Box::pin(grants::check(connection, parts, prefix)))
            .await
    }

    /// Fails unless the schema is exactly that of this version: a newer one, which a server
    /// accepts, may have more columns.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn check_version(&self, parts: Parts) -> Result<(), StoreError> {
        match *self.check_pending(parts).await? {
            [] => Ok(()),
            [newer, ..] => Err(StoreError::unavailable(UnfitMigrations::Newer(newer))),
        }
    }

    /// Fails if migrations are pending. Returns those of a newer release.
    async fn check_pending(&self, parts: Parts) -> Result<Vec<i64>, StoreError> {
        let schema = self.schema(parts).await?;
        if !schema.pending.is_empty() {
            let prefix = self.options.table_prefix;
            let hidden = self
                .call(move |connection| Box::pin(hidden_tables::find_instance(connection, prefix)));
            if let Some(hidden) = hidden.await? {
                return Err(StoreError::unavailable(hidden));
            }
            let pending = some(&schema.pending);
            let is_empty = schema.ownership.is_none();
            self.call(move |connection| {
                Box::pin(async move { check_names(connection, &schema).await })
            })
            .await?;
            if is_empty {
                return Err(StoreError::unavailable(NotMigrated::Empty));
            }
            return Err(self.owned_by_others(pending).await);
        }
        Ok(schema.newer)
    }
}

/// Returns the error of a role that lacks a right to migrate.
async fn cannot_create(connection: &mut PgConnection, pending: String) -> StoreError {
    let names: sqlx::Result<(String, String)> = sqlx::query_as(
        "SELECT quote_ident(current_user), coalesce(quote_ident(current_schema()), 'public')",
    )
    .fetch_one(connection)
    .await;
    match names {
        Ok((role, schema)) => StoreError::unavailable(NotMigrated::Create {
            pending,
            role,
            schema,
        }),
        Err(error) => store_error(error),
    }
}

/// Returns whether the role can create tables in the first schema of its search path.
async fn can_create(connection: &mut PgConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)")
        .fetch_one(connection)
        .await
        .map_err(store_error)
}
