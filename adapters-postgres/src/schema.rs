//! Bringing the schema up to date, and telling whether the database is fit to serve.

use async_trait::async_trait;
use openindex_domain::token::Digest;
use openindex_domain::{StoreError, StoreHealth};
use sqlx::PgConnection;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgPool;

use crate::error::{is_missing_right, migrate_error, store_error};
use crate::pooling::PoolMode;
use crate::store::begin;
use crate::{PostgresStore, grants, locks, surplus, users, whereabouts};

/// The schema is older than this binary, and stays so.
#[derive(Debug, thiserror::Error)]
enum NotMigrated {
    #[error(
        "pending migrations: {0}; run `oi-server migrate` as the owner of the tables, then the SQL of \
         `oi-server grants`"
    )]
    Pending(String),
    #[error(
        "pending migrations: {0}; run `oi-server migrate` with a URL that leads to PostgreSQL itself, \
         not to a pooler in transaction mode"
    )]
    Pooled(String),
}

/// The embedded migrations beside those that were applied.
struct Schema {
    /// Those that were not applied, by number and name.
    pending: Vec<String>,
    /// Those that a newer release has applied, and this one does not know.
    newer: Vec<i64>,
    /// As in [`Applied`].
    ownership: Option<Ownership>,
}

/// How the role stands to the table that lists the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ownership {
    /// It owns it: the only role of a set-up with one.
    Own,
    /// It is a member of the owner, and so can become it.
    Member,
    None,
}

/// The migrations that were applied, with their checksums.
struct Applied {
    migrations: Vec<(i64, Vec<u8>)>,
    /// `None`: the table that lists them is not found.
    ownership: Option<Ownership>,
}

impl PostgresStore {
    /// Brings the schema to the version that this binary embeds. Any number of servers may call it
    /// at the same time. A newer schema is left as it is. When nothing is pending, no right beyond
    /// those of [`grants`](crate::grants()) is required.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Unavailable`] when migrations are pending and the role may not
    /// apply them, [`StoreError::Corrupt`] when a migration differs from the one that was applied.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.apply_pending().await?;
        self.call(|connection| Box::pin(renew_keys(connection)))
            .await
    }

    async fn apply_pending(&self) -> Result<(), StoreError> {
        let schema = self.schema().await?;
        if !schema.newer.is_empty() {
            tracing::warn!(
                migrations = ?schema.newer,
                "the database was migrated by a newer release than this one; upgrade this server"
            );
        }
        if schema.pending.is_empty() {
            return self.report_surplus(schema.ownership).await;
        }
        self.refuse_hidden(schema.ownership).await?;
        let pending = schema.pending.join(", ");
        if self.pooling.mode().await? == PoolMode::Transaction {
            return Err(StoreError::unavailable(NotMigrated::Pooled(pending)));
        }
        // Otherwise the new tables would be the wrong role's.
        if schema.ownership == Some(Ownership::None) {
            return Err(StoreError::unavailable(NotMigrated::Pending(pending)));
        }
        let pool = self.options.migration_pool(self.connect.clone());
        let migrated = self.apply_migrations(&pool).await;
        pool.close().await;
        migrated.map_err(|error| {
            if is_missing_right(&error) {
                StoreError::unavailable(NotMigrated::Pending(pending))
            } else {
                migrate_error(error)
            }
        })
    }

    /// Logs what the role may do beyond what serving requires.
    async fn report_surplus(&self, ownership: Option<Ownership>) -> Result<(), StoreError> {
        let with_work_items = self.has_work_items();
        let surplus = self
            .call(move |connection| Box::pin(surplus::find(connection, with_work_items)))
            .await?;
        if ownership == Some(Ownership::Own) {
            tracing::info!(
                role = ?surplus,
                "the database role can alter the schema and the audit trail; a second role that \
                 cannot is enough to serve: see `oi-server grants --help`"
            );
        } else if !surplus.is_empty() {
            tracing::warn!(
                role = ?surplus,
                "the database role has more rights than serving requires; run the SQL of `oi-server \
                 grants` as a superuser, or as the owner of the tables and of the database, and see its \
                 warnings"
            );
        }
        Ok(())
    }

    /// Fails when the tables exist and are only not found, unless the role can make its own: one database
    /// may hold several instances, each in a schema.
    async fn refuse_hidden(&self, ownership: Option<Ownership>) -> Result<(), StoreError> {
        if ownership.is_some() {
            return Ok(());
        }
        let (hidden, creates) = self
            .call(|connection| {
                Box::pin(async move {
                    let hidden = whereabouts::find(connection, "_sqlx_migrations").await?;
                    Ok((hidden, can_create(connection).await?))
                })
            })
            .await?;
        match hidden {
            Some(hidden) if creates => {
                tracing::warn!(other = %hidden, "creating the tables of another instance");
                Ok(())
            }
            Some(hidden) => Err(StoreError::unavailable(hidden)),
            None => Ok(()),
        }
    }

    async fn apply_migrations(&self, pool: &PgPool) -> Result<(), MigrateError> {
        for migrator in self.migrators() {
            migrator.run(pool).await?;
        }
        Ok(())
    }

    /// The embedded migrations of what this store keeps, in their order. Unknown ones in the
    /// database are those of the other group or of a newer release, which the rules of
    /// `migrations/README.md` make compatible.
    fn migrators(&self) -> Vec<Migrator> {
        let mut migrators = vec![sqlx::migrate!()];
        if self.has_work_items() {
            migrators.push(sqlx::migrate!("./migrations-work"));
        }
        for migrator in &mut migrators {
            migrator.set_ignore_missing(true);
        }
        migrators
    }

    async fn schema(&self) -> Result<Schema, StoreError> {
        let Applied {
            ownership,
            migrations,
        } = self
            .call(|connection| Box::pin(applied(connection)))
            .await?;
        let migrators = self.migrators();
        let mut pending = Vec::new();
        for migration in migrators.iter().flat_map(Migrator::iter) {
            let version = migration.version;
            match migrations.iter().find(|(applied, _)| *applied == version) {
                None => pending.push(format!("{version:04} {}", migration.description)),
                Some((_, checksum)) if *checksum != *migration.checksum => {
                    return Err(StoreError::corrupt(format!(
                        "migration {version} differs from the one that was applied"
                    )));
                }
                Some(_) => {}
            }
        }
        let known = [sqlx::migrate!(), sqlx::migrate!("./migrations-work")];
        let newer = migrations.iter().map(|(version, _)| *version);
        let newer =
            newer.filter(|version| !known.iter().any(|group| group.version_exists(*version)));
        Ok(Schema {
            pending,
            newer: newer.collect(),
            ownership,
        })
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

#[async_trait]
impl StoreHealth for PostgresStore {
    async fn ready(&self) -> Result<(), StoreError> {
        let schema = self.schema().await?;
        if !schema.pending.is_empty() {
            let hidden =
                self.call(|connection| Box::pin(whereabouts::find(connection, "_sqlx_migrations")));
            if let Some(hidden) = hidden.await? {
                return Err(StoreError::unavailable(hidden));
            }
            let pending = schema.pending.join(", ");
            return Err(StoreError::unavailable(NotMigrated::Pending(pending)));
        }
        let with_work_items = self.has_work_items();
        self.call(move |connection| Box::pin(grants::check(connection, with_work_items)))
            .await?;
        // Tokens are looked up on connections of their own.
        let nobody = Digest::from_stored(&[0; 32]).map_err(StoreError::corrupt)?;
        self.look_up(&nobody).await.map(|_| ())
    }

    async fn write(&self) -> Result<(), StoreError> {
        self.call(|connection| Box::pin(write(connection))).await
    }
}

/// Commits rows for new pages, since those that are there are no sign of room on the disk, and deletes
/// them.
async fn write(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut transaction = begin(connection).await?;
    for statement in [
        "INSERT INTO rate_limits (key, begun_at, count) \
         SELECT 'probe ' || n, 'epoch', 0 FROM generate_series(1, 200) AS n ON CONFLICT DO NOTHING",
        "DELETE FROM rate_limits WHERE key LIKE 'probe %'",
    ] {
        sqlx::query(statement)
            .execute(&mut *transaction)
            .await
            .map_err(store_error)?;
    }
    transaction.commit().await.map_err(store_error)
}

/// Returns whether the role can create tables in the first schema of its search path.
async fn can_create(connection: &mut PgConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)")
        .fetch_one(connection)
        .await
        .map_err(store_error)
}

/// At each start and not with the migration that asks for it: a server that is stopped in between
/// would never do it.
async fn renew_keys(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut transaction = begin(connection).await?;
    locks::newcomers(&mut transaction).await?;
    users::renew_keys(&mut transaction).await?;
    transaction.commit().await.map_err(store_error)
}
