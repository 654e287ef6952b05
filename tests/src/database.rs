use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::server::notice_changes;

/// The kind of store that a test uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file in a temporary directory.
    Sqlite,
    /// A new database in the cluster that `DATABASE_URL` points at.
    Postgres,
}

impl Kind {
    /// Returns SQL for a minute ago: a token that expired then has not been purged yet.
    #[must_use]
    pub const fn just_expired(self) -> &'static str {
        match self {
            Self::Sqlite => "(unixepoch() - 60) * 1000",
            Self::Postgres => "now() - interval '1 minute'",
        }
    }
}

/// A new, empty database for one test, with direct access: tests can read and change what a server
/// stores without going through the server.
pub struct Database {
    kind: Kind,
    url: String,
    directory: TempDir,
    runtime: Runtime,
}

impl Database {
    /// Creates a database.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let url = match kind {
            Kind::Sqlite => format!(
                "sqlite://{}",
                directory.path().join("openindex.db").display()
            ),
            Kind::Postgres => runtime.block_on(create_postgres(&cluster())),
        };
        Self {
            kind,
            url,
            directory,
            runtime,
        }
    }

    /// Creates a database in a cluster that the test runs itself.
    #[must_use]
    pub fn in_cluster(url: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let url = runtime.block_on(create_postgres(url));
        Self {
            kind: Kind::Postgres,
            url,
            directory: tempfile::tempdir().expect("a directory"),
            runtime,
        }
    }

    /// Returns an existing database, for example to access it as another role.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self {
            kind: if url.starts_with("sqlite:") {
                Kind::Sqlite
            } else {
                Kind::Postgres
            },
            url: url.to_owned(),
            directory: tempfile::tempdir().expect("a directory"),
            runtime: Runtime::new().expect("a runtime"),
        }
    }

    /// Returns the value of `DATABASE_URL` for a server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the kind of the database.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Runs a statement that both kinds support and returns the number of rows that it changed.
    pub fn execute(&self, statement: &str) -> u64 {
        self.try_execute(statement)
            .unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// Runs a statement that may fail.
    ///
    /// # Errors
    ///
    /// The message of the database.
    pub fn try_execute(&self, statement: &str) -> Result<u64, String> {
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        self.runtime.block_on(async {
            let done = match self.kind {
                Kind::Sqlite => {
                    let mut connection = self.sqlite().await;
                    let done = connection.execute(sqlx::query(statement)).await;
                    notice_changes(&self.url);
                    done.map(|done| done.rows_affected())
                }
                Kind::Postgres => {
                    let mut connection = self.postgres().await;
                    let done = connection.execute(sqlx::query(statement)).await;
                    done.map(|done| done.rows_affected())
                }
            };
            done.map_err(|error| error.to_string())
        })
    }

    /// Runs an `UPDATE` of a table that bypasses the check of this column, which is restored
    /// afterwards, and foreign keys.
    pub fn damage(&self, table: &str, column: &str, change: &str) {
        let update = format!("UPDATE {table} SET {change}");
        match self.kind {
            Kind::Sqlite => {
                self.execute(&format!(
                    "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; {update}"
                ));
            }
            Kind::Postgres => self.execute_all(&format!(
                "BEGIN; SET LOCAL session_replication_role = replica; \
                 ALTER TABLE users ENABLE ALWAYS TRIGGER users_are_owners; \
                 ALTER TABLE owners DROP CONSTRAINT IF EXISTS owners_role_check; \
                 ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_{column}_check; {update}; \
                 ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_check CHECK \
                 ({column}::text NOT IN ('root', 'owner', 'epic', 'stuck', 'robot')) NOT VALID; \
                 COMMIT"
            )),
        }
    }

    /// Runs several statements on PostgreSQL.
    pub fn execute_all(&self, statements: &str) {
        let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned()));
        self.runtime.block_on(async {
            let mut connection = self.postgres().await;
            let done = statements.execute(&mut connection).await;
            done.expect("the statements run");
        });
    }

    /// Runs a dump in the empty database.
    pub fn load(&self, dump: &str) {
        let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(dump.to_owned()));
        self.runtime.block_on(async {
            let done = match self.kind {
                Kind::Sqlite => {
                    let url = format!("{}?mode=rwc", self.url);
                    let connection = SqliteConnection::connect(&url).await;
                    let mut connection = connection.expect("a new file");
                    statements.execute(&mut connection).await.map(drop)
                }
                Kind::Postgres => {
                    let mut connection = self.postgres().await;
                    statements.execute(&mut connection).await.map(drop)
                }
            };
            done.expect("a dump of this kind of database");
        });
    }

    /// Returns the columns of all tables as `table.column`.
    #[must_use]
    pub fn columns(&self) -> BTreeSet<String> {
        let columns = match self.kind {
            Kind::Sqlite => {
                "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
                 WHERE t.type = 'table'"
            }
            Kind::Postgres => {
                "SELECT table_name || '.' || column_name FROM information_schema.columns \
                 WHERE table_schema = 'public'"
            }
        };
        let columns: Result<Vec<String>, _> = self.runtime.block_on(async {
            match self.kind {
                Kind::Sqlite => {
                    let query = sqlx::query_scalar(columns);
                    query.fetch_all(&mut self.sqlite().await).await
                }
                Kind::Postgres => {
                    let query = sqlx::query_scalar(columns);
                    query.fetch_all(&mut self.postgres().await).await
                }
            }
        });
        columns.expect("the columns").into_iter().collect()
    }

    /// Locks a SQLite file against all writers until the connection is dropped.
    #[must_use]
    pub fn lock(&self) -> SqliteConnection {
        self.runtime.block_on(async {
            let mut connection = self.sqlite().await;
            let locked = connection.execute("BEGIN EXCLUSIVE").await;
            locked.expect("locked");
            connection
        })
    }

    /// Locks these tables on PostgreSQL, also against readers, until the connection is dropped.
    #[must_use]
    pub fn lock_tables(&self, tables: &str) -> PgConnection {
        self.runtime.block_on(async {
            let mut connection = self.postgres().await;
            let lock = sqlx::raw_sql(sqlx::AssertSqlSafe(format!("BEGIN; LOCK TABLE {tables}")));
            let locked = lock.execute(&mut connection).await;
            locked.expect("locked");
            connection
        })
    }

    /// Returns everything that is stored, to search in: the bytes of SQLite's files with the
    /// write-ahead log, or every row of every PostgreSQL table as text (bytes as hexadecimal
    /// digits).
    #[must_use]
    pub fn dump(&self) -> Vec<u8> {
        match self.kind {
            Kind::Sqlite => {
                let mut bytes = vec![];
                for entry in std::fs::read_dir(self.directory.path()).expect("a directory") {
                    let path = entry.expect("an entry").path();
                    bytes.extend(std::fs::read(path).expect("a file"));
                }
                bytes
            }
            Kind::Postgres => self.runtime.block_on(self.dump_postgres()),
        }
    }

    async fn sqlite(&self) -> SqliteConnection {
        let options: SqliteConnectOptions = self.url.parse().expect("a URL");
        // Generous, for a busy machine and a server that writes much at once.
        let options = options.busy_timeout(Duration::from_mins(1));
        let connection = SqliteConnection::connect_with(&options).await;
        connection.expect("the database file")
    }

    async fn postgres(&self) -> PgConnection {
        let connection = PgConnection::connect(&self.url).await;
        connection.expect("the database")
    }

    async fn dump_postgres(&self) -> Vec<u8> {
        let mut connection = self.postgres().await;
        let tables = sqlx::query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(&mut connection)
            .await
            .expect("the tables");
        let mut text = String::new();
        for table in tables {
            let table: String = table.get(0);
            let statement = format!("SELECT t::text FROM {table} t");
            let rows = sqlx::query(sqlx::AssertSqlSafe(statement))
                .fetch_all(&mut connection)
                .await
                .expect("the rows");
            for row in rows {
                text.push_str(row.get::<&str, _>(0));
                text.push('\n');
            }
        }
        text.into_bytes()
    }
}

fn cluster() -> String {
    std::env::var("DATABASE_URL").expect(
        "DATABASE_URL points at a temporary PostgreSQL cluster; run the tests through \
         `scripts/test`, or `scripts/postgres run -- cargo nextest run …`",
    )
}

/// Creates a database in the cluster and returns its URL. It is not dropped, since the whole
/// cluster is temporary, so its name is random: process ids are used again.
async fn create_postgres(cluster: &str) -> String {
    let name = format!("black_box_{:016x}", RandomState::new().hash_one(()));
    let mut connection = PgConnection::connect(cluster).await.expect("the cluster");
    let statement = format!("CREATE DATABASE {name}");
    connection
        .execute(sqlx::AssertSqlSafe(statement))
        .await
        .expect("a new database");
    let (server, _) = cluster.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}")
}
