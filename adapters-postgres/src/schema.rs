//! Migrations, and the checks of [`StoreHealth`](openindex_domain::StoreHealth).

use openindex_adapters_sql::driver::{self, Groups};
use openindex_adapters_sql::schema::Parts;
use openindex_domain::StoreError;
use sqlx::PgConnection;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgPool;

use crate::error::{is_missing_right, store_error};
use crate::pooling::PoolMode;
use crate::store::PostgresDatabase;
use crate::{excess_privileges, grants, hidden_tables};

/// The schema is older than this binary, and cannot be migrated here.
#[derive(Debug, thiserror::Error)]
enum NotMigrated {
    #[error(
        "pending migrations: {0}; run `oi-server migrate` as the owner of the tables, then the SQL \
         from `oi-server grants`"
    )]
    Pending(String),
    #[error(
        "pending migrations: {0}; run `oi-server migrate` with a URL that points at PostgreSQL \
         itself, not at a pooler in transaction mode"
    )]
    Pooled(String),
}

/// The embedded migrations compared with those applied.
struct Schema {
    /// The migrations that this store has.
    migrators: Vec<Migrator>,
    /// Numbers and names of those that are not applied.
    pending: Vec<String>,
    /// Numbers of migrations that a newer release has applied and this one does not know.
    newer: Vec<i64>,
    ownership: Option<Ownership>,
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
struct Applied {
    /// Numbers and checksums.
    migrations: Vec<(i64, Vec<u8>)>,
    /// `None` if the table that lists the migrations is not found.
    ownership: Option<Ownership>,
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
        let pending = schema.pending.join(", ");
        if self.pooling.mode().await? == PoolMode::Transaction {
            return Err(StoreError::unavailable(NotMigrated::Pooled(pending)));
        }
        // Otherwise the new tables would belong to the wrong role.
        if schema.ownership == Some(Ownership::None) {
            return Err(StoreError::unavailable(NotMigrated::Pending(pending)));
        }
        let pool = self.options.migration_pool(self.connect.clone());
        let migrated = apply_migrations(&pool, schema.migrators).await;
        pool.close().await;
        migrated.map_err(|error| {
            if is_missing_right(&error) {
                StoreError::unavailable(NotMigrated::Pending(pending))
            } else {
                driver::migrate_error(error, store_error)
            }
        })
    }

    /// Logs the privileges of the role beyond those that serving requires.
    async fn report_excess_privileges(
        &self,
        ownership: Option<Ownership>,
        parts: Parts,
    ) -> Result<(), StoreError> {
        let surplus = self
            .call(move |connection| Box::pin(excess_privileges::find(connection, parts)))
            .await?;
        if ownership == Some(Ownership::Own) {
            tracing::info!(
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
        let (hidden, creates) = self
            .call(|connection| {
                Box::pin(async move {
                    let hidden = hidden_tables::find(connection, "_sqlx_migrations").await?;
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

    async fn schema(&self, parts: Parts) -> Result<Schema, StoreError> {
        let Applied {
            ownership,
            migrations,
        } = self
            .call(|connection| Box::pin(applied(connection)))
            .await?;
        let versions = migrations.iter().map(|(version, _)| *version);
        let migrators = groups().of(parts, versions)?;
        let pending = driver::pending(&migrators, &migrations)?.into_iter();
        let pending = pending.map(|(version, name)| format!("{version:04} {name}"));
        let known = groups();
        let newer = migrations.iter().map(|(version, _)| *version);
        let newer = newer.filter(|version| !known.know(*version));
        Ok(Schema {
            pending: pending.collect(),
            newer: newer.collect(),
            migrators,
            ownership,
        })
    }
}

async fn apply_migrations(pool: &PgPool, migrators: Vec<Migrator>) -> Result<(), MigrateError> {
    for migrator in migrators {
        migrator.run(pool).await?;
    }
    Ok(())
}

/// Returns the embedded migrations.
fn groups() -> Groups {
    Groups {
        accounts: sqlx::migrate!(),
        tokens: sqlx::migrate!("./migrations-tokens"),
        work_items: sqlx::migrate!("./migrations-work"),
    }
}

async fn applied(connection: &mut PgConnection) -> Result<Applied, StoreError> {
    let found: Option<(bool, bool)> = sqlx::query_as(
        "SELECT pg_get_userbyid(relowner) = current_user, pg_has_role(relowner, 'MEMBER') FROM pg_class \
         WHERE oid = to_regclass('_sqlx_migrations')",
    )
    .fetch_optional(&mut *connection)
    .await
    .map_err(store_error)?;
    let ownership = found.map(|found| match found {
        (true, _) => Ownership::Own,
        (false, true) => Ownership::Member,
        (false, false) => Ownership::None,
    });
    let migrations = match ownership {
        None => Vec::new(),
        Some(_) => sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
            .fetch_all(connection)
            .await
            .map_err(store_error)?,
    };
    Ok(Applied {
        migrations,
        ownership,
    })
}

impl PostgresDatabase {
    /// Fails unless the role can serve from these tables.
    pub(crate) async fn check_schema(&self, parts: Parts) -> Result<(), StoreError> {
        let schema = self.schema(parts).await?;
        if !schema.pending.is_empty() {
            let hidden = self
                .call(|connection| Box::pin(hidden_tables::find(connection, "_sqlx_migrations")));
            if let Some(hidden) = hidden.await? {
                return Err(StoreError::unavailable(hidden));
            }
            let pending = schema.pending.join(", ");
            return Err(StoreError::unavailable(NotMigrated::Pending(pending)));
        }
        self.call(move |connection| Box::pin(grants::check(connection, parts)))
            .await
    }
}

/// Returns whether the role can create tables in the first schema of its search path.
async fn can_create(connection: &mut PgConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)")
        .fetch_one(connection)
        .await
        .map_err(store_error)
}
