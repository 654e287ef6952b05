//! Inserts users and tokens by SQL, since creating millions through the API would take hours.

use std::sync::Arc;

use openindex_domain::testing::SeededEntropy;
use openindex_domain::token::{Secret, TokenKind};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use uuid::Uuid;

/// Creation time of the first user and token (2026-01-01), in milliseconds; each further one is a
/// millisecond later.
const EPOCH_MILLIS: u64 = 1_767_225_600_000;

/// Tokens per transaction in SQLite.
const SQLITE_AT_ONCE: u64 = 500_000;

/// A token whose secret is known.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its number.
    pub number: u64,
    /// Its secret.
    pub secret: String,
    digest: Vec<u8>,
}

impl Known {
    /// Returns its id, as in the API.
    #[must_use]
    pub fn id(&self) -> String {
        format!("pat_{}", id(self.number).simple())
    }
}

/// Returns the secrets of tokens.
#[must_use]
pub fn secrets(known: &[Known]) -> Vec<String> {
    known.iter().map(|token| token.secret.clone()).collect()
}

/// The tokens to create.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// The number of the first.
    pub from: u64,
    /// The number after the last.
    pub to: u64,
    /// How many tokens each user has: token n belongs to user n divided by this.
    pub per_user: u64,
    /// Number of tokens whose secrets are known, evenly spread over the range. The others have a
    /// random digest.
    pub known: u64,
}

/// The audit events to create. Event n is about token n, and was caused by user n modulo `users`
/// with it.
#[derive(Debug, Clone, Copy)]
pub struct Events {
    /// Number of events.
    pub count: u64,
    /// Number of users.
    pub users: u64,
    /// Number of actions, at most that of [`ACTIONS`].
    pub actions: u64,
}

/// The actions of created events.
pub const ACTIONS: [&str; 4] = [
    "token.created",
    "token.rotated",
    "token.revoked",
    "user.promoted",
];

/// What differs between tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contents {
    /// Nothing.
    Plain,
    /// Names, scopes, expiry, revocation and last use, as [`Database::fill_varied`] says.
    Varied,
}

/// A database that a server has migrated.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its URL.
    pub url: String,
    runtime: Arc<tokio::runtime::Runtime>,
}

/// Returns the id of a user or token: version 7, ordered by number.
#[must_use]
pub fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair((EPOCH_MILLIS + number) << 16 | 0x7000, 1 << 63 | number)
}

fn known(range: Range) -> Vec<Known> {
    // A seed that differs from those of earlier ranges.
    let entropy = SeededEntropy::new(range.from);
    (0..range.known)
        .map(|count| {
            let number = range.from + count * (range.to - range.from) / range.known;
            let secret = Secret::generate(TokenKind::Personal, &entropy).expect("seeded entropy");
            Known {
                number,
                digest: secret.digest().as_bytes().to_vec(),
                secret: secret.expose().to_owned(),
            }
        })
        .collect()
}

impl Database {
    /// Returns the database at this URL.
    ///
    /// # Errors
    ///
    /// If the runtime cannot be created.
    pub fn at(url: String) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self {
            url,
            runtime: Arc::new(runtime),
        })
    }

    /// Returns whether it is a PostgreSQL database.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// Creates the tokens and their missing users. Returns the tokens whose secrets are known.
    ///
    /// # Errors
    ///
    /// If the database returns an error.
    pub fn fill(&self, range: Range) -> anyhow::Result<Vec<Known>> {
        let known = known(range);
        self.runtime.block_on(async {
            if self.is_postgres() {
                fill_postgres(&self.url, range, Contents::Plain, &known).await
            } else {
                fill_sqlite(&self.url, range, Contents::Plain, &known).await
            }
        })?;
        Ok(known)
    }

    /// Creates work items of user 0 in the domain OPS, each a millisecond newer than the one
    /// before.
    ///
    /// # Errors
    ///
    /// If the database returns an error.
    pub fn fill_work_items(&self, descriptions: &[String]) -> anyhow::Result<()> {
        const COLUMNS: &str = "INSERT INTO work_items (domain, number, part, kind, title, \
            description, search_text, status, priority, target, created_by, created_at, \
            updated_at, version, last_part) SELECT 'OPS', n, 0, 'task', 'Item ' || n, d, \
            'ops-' || n || ' item ' || n || ' ' || d, 'todo', 1, 'either', u.id";
        self.run(&format!(
            "INSERT INTO work_domains (key, last_number) VALUES ('OPS', {})",
            descriptions.len()
        ))?;
        let at_once = 1_000;
        self.runtime.block_on(async {
            let mut number = 1;
            if self.is_postgres() {
                let mut connection = PgConnection::connect(&self.url).await?;
                for batch in descriptions.chunks(at_once) {
                    let insert = format!(
                        "{COLUMNS}, to_timestamp(($2 + n) / 1000.0), now(), 1, 0 \
                         FROM unnest($1::text[]) WITH ORDINALITY AS i (d, k), \
                         LATERAL (SELECT (k + $3 - 1)::int AS n) AS numbers, users u \
                         WHERE u.id = $4"
                    );
                    sqlx::query(AssertSqlSafe(insert))
                        .bind(batch)
                        .bind(signed(EPOCH_MILLIS))
                        .bind(signed(number))
                        .bind(id(0))
                        .execute(&mut connection)
                        .await?;
                    number += batch.len() as u64;
                }
                connection.execute("VACUUM (ANALYZE) work_items").await?;
            } else {
                let mut connection = SqliteConnection::connect(&self.url).await?;
                for batch in descriptions.chunks(at_once) {
                    let insert = format!(
                        "{COLUMNS}, ?2 + n, ?2 + n, 1, 0 FROM \
                         (SELECT value AS d, key + ?3 AS n FROM json_each(?1)), users u \
                         WHERE u.id = ?4"
                    );
                    sqlx::query(AssertSqlSafe(insert))
                        .bind(serde_json::to_string(batch)?)
                        .bind(signed(EPOCH_MILLIS))
                        .bind(signed(number))
                        .bind(id(0))
                        .execute(&mut connection)
                        .await?;
                    number += batch.len() as u64;
                }
            }
            Ok(())
        })
    }

    /// Creates tokens as [`fill`](Self::fill) does, each with a name of its own: half of them never
    /// expire, a quarter has expired, a tenth was revoked, half were used, and a hundredth has the
    /// scope `admin`. Those whose secrets are known have it, too, are live, and belong to
    /// administrators.
    ///
    /// # Errors
    ///
    /// If the database returns an error.
    pub fn fill_varied(&self, range: Range) -> anyhow::Result<Vec<Known>> {
        let known = known(range);
        self.runtime.block_on(async {
            let ids = known.iter().map(|it| id(it.number)).collect::<Vec<_>>();
            if self.is_postgres() {
                fill_postgres(&self.url, range, Contents::Varied, &known).await?;
                let mut connection = PgConnection::connect(&self.url).await?;
                sqlx::query(
                    "WITH known AS (UPDATE tokens SET scope = 'admin', expires_at = NULL, \
                     revoked_at = NULL WHERE id = ANY ($1) RETURNING owner_id) \
                     UPDATE users SET role = 'admin' WHERE id IN (SELECT owner_id FROM known)",
                )
                .bind(&ids)
                .execute(&mut connection)
                .await?;
            } else {
                fill_sqlite(&self.url, range, Contents::Varied, &known).await?;
                let mut connection = SqliteConnection::connect(&self.url).await?;
                for id in ids {
                    sqlx::query(
                        "UPDATE tokens SET scope = 'admin', expires_at = NULL, revoked_at = NULL \
                         WHERE id = ?1",
                    )
                    .bind(id)
                    .execute(&mut connection)
                    .await?;
                    sqlx::query(
                        "UPDATE users SET role = 'admin' \
                         WHERE id = (SELECT owner_id FROM tokens WHERE id = ?1)",
                    )
                    .bind(id)
                    .execute(&mut connection)
                    .await?;
                }
            }
            Ok(known)
        })
    }

    /// Creates audit events.
    ///
    /// # Errors
    ///
    /// If the database returns an error.
    pub fn fill_events(&self, events: Events) -> anyhow::Result<()> {
        let actions = &ACTIONS[..usize::try_from(events.actions)?];
        let case = |n: &str| {
            let whens: Vec<_> = (0..)
                .zip(actions)
                .map(|(index, action)| format!("WHEN {index} THEN '{action}'"))
                .collect();
            format!("CASE {n} % {} {} END", actions.len(), whens.join(" "))
        };
        let Events { count, users, .. } = events;
        self.runtime.block_on(async {
            if self.is_postgres() {
                let hex = |n: &str| {
                    format!("lpad(to_hex({EPOCH_MILLIS} + {n}), 12, '0') || '70008' || \
                             lpad(to_hex({n}), 15, '0')")
                };
                let (event, user) = (hex("n"), hex(&format!("(n % {users})")));
                let insert = format!(
                    "INSERT INTO audit_events (id, at, actor, actor_user, actor_token, action, \
                     subject, client_address) \
                     SELECT ({event})::uuid, to_timestamp(({EPOCH_MILLIS} + n) / 1000.0), 'token', \
                            'usr_' || {user}, 'pat_' || {event}, {}, 'pat_' || {event}, '192.0.2.1' \
                     FROM generate_series(0, {count} - 1) n",
                    case("n")
                );
                let mut connection = PgConnection::connect(&self.url).await?;
                connection.execute(AssertSqlSafe(insert)).await?;
                connection.execute("VACUUM (ANALYZE) audit_events").await?;
            } else {
                let hex = |n: &str| format!("printf('%012x70008%015x', {EPOCH_MILLIS} + {n}, {n})");
                let (event, user) = (hex("n"), hex(&format!("n % {users}")));
                let insert = format!(
                    "WITH RECURSIVE numbers (n) AS \
                     (VALUES (0) UNION ALL SELECT n + 1 FROM numbers WHERE n < {count} - 1) \
                     INSERT INTO audit_events (id, at, actor, actor_user, actor_token, action, \
                     subject, client_address) \
                     SELECT unhex({event}), {EPOCH_MILLIS} + n, 'token', 'usr_' || {user}, \
                            'pat_' || {event}, {}, 'pat_' || {event}, '192.0.2.1' FROM numbers",
                    case("n")
                );
                let mut connection = SqliteConnection::connect(&self.url).await?;
                connection.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000").await?;
                connection.execute(AssertSqlSafe(insert)).await?;
                connection.execute("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)").await?;
            }
            Ok(())
        })
    }

    /// Runs each statement separately.
    ///
    /// # Errors
    ///
    /// If PostgreSQL returns an error.
    pub fn execute(&self, statements: &[&'static str]) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.url).await?;
            for statement in statements {
                connection.execute(*statement).await?;
            }
            Ok(())
        })
    }

    /// Returns the creation time of a token, as SQL.
    #[must_use]
    pub fn created_at(&self, number: u64) -> String {
        let millis = EPOCH_MILLIS + number;
        if self.is_postgres() {
            format!("to_timestamp({millis} / 1000.0)")
        } else {
            millis.to_string()
        }
    }

    /// Runs one statement.
    ///
    /// # Errors
    ///
    /// If the database returns an error.
    pub fn run(&self, statement: &str) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let statement = AssertSqlSafe(statement.to_owned());
            if self.is_postgres() {
                let mut connection = PgConnection::connect(&self.url).await?;
                connection.execute(statement).await?;
                connection.execute("VACUUM (ANALYZE) tokens").await?;
            } else {
                let mut connection = SqliteConnection::connect(&self.url).await?;
                connection.execute(statement).await?;
            }
            Ok(())
        })
    }

    /// Returns the one number that a query selects.
    ///
    /// # Errors
    ///
    /// If the database returns an error.
    pub fn count(&self, query: &str) -> anyhow::Result<i64> {
        self.runtime.block_on(async {
            let query = AssertSqlSafe(query.to_owned());
            Ok(if self.is_postgres() {
                let mut connection = PgConnection::connect(&self.url).await?;
                sqlx::query_scalar(query).fetch_one(&mut connection).await?
            } else {
                let mut connection = SqliteConnection::connect(&self.url).await?;
                sqlx::query_scalar(query).fetch_one(&mut connection).await?
            })
        })
    }

    /// Returns the version of PostgreSQL.
    ///
    /// # Errors
    ///
    /// If the query fails.
    pub fn postgres_version(&self) -> anyhow::Result<String> {
        self.runtime.block_on(async {
            let mut connection = PgConnection::connect(&self.url).await?;
            Ok(sqlx::query_scalar("SHOW server_version")
                .fetch_one(&mut connection)
                .await?)
        })
    }
}

/// Columns of tokens and their values for number n, in the SQL of PostgreSQL.
const POSTGRES_VALUES: [(&str, &str, &str); 5] = [
    (
        "name",
        "'a token'",
        "'token ' || lpad((n * 7919 % 1000003)::text, 7, '0')",
    ),
    (
        "scope",
        "'read_write'",
        "CASE n % 100 WHEN 7 THEN 'admin' ELSE 'read_write' END",
    ),
    (
        "expires_at",
        "NULL::timestamptz",
        "CASE n % 4 WHEN 1 THEN now() + (1 + n % 90) * interval '1 day' + n * interval '1 ms' \
         WHEN 3 THEN now() - (1 + n % 20) * interval '1 day' - n * interval '1 ms' END",
    ),
    (
        "revoked_at",
        "NULL::timestamptz",
        "CASE n % 10 WHEN 9 THEN now() - (1 + n % 20) * interval '1 day' END",
    ),
    (
        "last_used_at",
        "NULL::timestamptz",
        "CASE n % 2 WHEN 0 THEN now() - n % 60 * interval '1 day' - n * interval '1 ms' END",
    ),
];

/// The same in the SQL of SQLite.
const SQLITE_VALUES: [(&str, &str, &str); 5] = [
    (
        "name",
        "'a token'",
        "printf('token %07d', n * 7919 % 1000003)",
    ),
    (
        "scope",
        "'read_write'",
        "CASE WHEN n % 100 = 7 THEN 'admin' ELSE 'read_write' END",
    ),
    (
        "expires_at",
        "NULL",
        "CASE n % 4 WHEN 1 THEN unixepoch() * 1000 + (1 + n % 90) * 86400000 + n \
         WHEN 3 THEN unixepoch() * 1000 - (1 + n % 20) * 86400000 - n END",
    ),
    (
        "revoked_at",
        "NULL",
        "CASE n % 10 WHEN 9 THEN unixepoch() * 1000 - (1 + n % 20) * 86400000 END",
    ),
    (
        "last_used_at",
        "NULL",
        "CASE n % 2 WHEN 0 THEN unixepoch() * 1000 - n % 60 * 86400000 - n END",
    ),
];

impl Contents {
    /// Returns the names of columns and their values.
    fn of(self, values: &[(&str, &str, &str)]) -> (String, String) {
        let names: Vec<_> = values.iter().map(|(name, ..)| *name).collect();
        let values: Vec<_> = values
            .iter()
            .map(|(_, plain, varied)| match self {
                Self::Plain => *plain,
                Self::Varied => *varied,
            })
            .collect();
        (names.join(", "), values.join(", "))
    }
}

async fn fill_postgres(
    url: &str,
    range: Range,
    contents: Contents,
    known: &[Known],
) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let connection = &mut connection;
    // Indexes are built faster over existing rows: dropped, and created again unchanged.
    connection
        .execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'")
        .await?;
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "SELECT format('DROP INDEX %I', indexname), indexdef FROM pg_indexes \
         WHERE tablename = 'tokens' AND indexname NOT IN (SELECT conname FROM pg_constraint)",
    )
    .fetch_all(&mut *connection)
    .await?;
    let constraints: Vec<(String, String)> = sqlx::query_as(
        "SELECT format('ALTER TABLE tokens DROP CONSTRAINT %I', conname), \
                format('ALTER TABLE tokens ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)) \
         FROM pg_constraint WHERE conrelid = 'tokens'::regclass AND contype = 'u'",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (drop, _) in indexes.iter().chain(&constraints) {
        connection.execute(AssertSqlSafe(drop.as_str())).await?;
    }
    sqlx::query(
        "INSERT INTO users (id, email, email_key, name, role, created_at) \
         SELECT (lpad(to_hex($3 + n), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid, \
                address, address, 'User', 'member', to_timestamp(($3 + n) / 1000.0) \
         FROM generate_series($1, $2) n, format('user%s@example.com', lpad(n::text, 9, '0')) address \
         ON CONFLICT DO NOTHING",
    )
    .bind(signed(range.from / range.per_user))
    .bind(signed((range.to - 1) / range.per_user))
    .bind(signed(EPOCH_MILLIS))
    .execute(&mut *connection)
    .await?;
    // Foreign keys would be checked row by row. Not earlier: a trigger adds the owners.
    connection
        .execute("SET session_replication_role = replica")
        .await?;
    let (columns, values) = contents.of(&POSTGRES_VALUES);
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO tokens (id, kind, owner_id, digest, created_at, {columns}) \
         SELECT (lpad(to_hex($3 + n), 12, '0') || '70008' || lpad(to_hex(n), 15, '0'))::uuid, \
                'personal', \
                (lpad(to_hex($3 + n / $4), 12, '0') || '70008' || lpad(to_hex(n / $4), 15, '0'))::uuid, \
                sha256(uuid_send(gen_random_uuid())), to_timestamp(($3 + n) / 1000.0), {values} \
         FROM generate_series($1, $2) n"
    )))
    .bind(signed(range.from))
    .bind(signed(range.to - 1))
    .bind(signed(EPOCH_MILLIS))
    .bind(signed(range.per_user))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE tokens SET digest = known.digest \
         FROM unnest($1::uuid[], $2::bytea[]) AS known (id, digest) WHERE tokens.id = known.id",
    )
    .bind(known.iter().map(|it| id(it.number)).collect::<Vec<_>>())
    .bind(known.iter().map(|it| &it.digest[..]).collect::<Vec<_>>())
    .execute(&mut *connection)
    .await?;
    for (_, create) in constraints.iter().chain(&indexes) {
        connection.execute(AssertSqlSafe(create.as_str())).await?;
    }
    connection.execute("VACUUM (ANALYZE) tokens").await?;
    connection.execute("VACUUM (ANALYZE) users").await?;
    connection.execute("CHECKPOINT").await?;
    Ok(())
}

async fn fill_sqlite(
    url: &str,
    range: Range,
    contents: Contents,
    known: &[Known],
) -> anyhow::Result<()> {
    let mut connection = SqliteConnection::connect(url).await?;
    let connection = &mut connection;
    connection
        .execute(
            "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; \
             PRAGMA temp_store = MEMORY",
        )
        .await?;
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "SELECT 'DROP INDEX ' || name, sql FROM sqlite_schema \
         WHERE type = 'index' AND tbl_name = 'tokens' AND sql IS NOT NULL",
    )
    .fetch_all(&mut *connection)
    .await?;
    for (drop, _) in &indexes {
        connection.execute(AssertSqlSafe(drop.as_str())).await?;
    }
    let mut transaction = connection.begin().await?;
    sqlx::query(
        "WITH RECURSIVE numbers (n) AS (VALUES (?1) UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2) \
         INSERT INTO users (id, email, email_key, name, role, created_at) \
         SELECT unhex(printf('%012x70008%015x', ?3 + n, n)), printf('user%09d@example.com', n), \
                printf('user%09d@example.com', n), 'User', 'member', ?3 + n \
         FROM numbers WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(signed(range.from / range.per_user))
    .bind(signed((range.to - 1) / range.per_user))
    .bind(signed(EPOCH_MILLIS))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    // In several transactions, so that the write-ahead log does not grow as large as the database.
    let mut from = range.from;
    let (columns, values) = contents.of(&SQLITE_VALUES);
    let insert = format!(
        "WITH RECURSIVE numbers (n) AS (VALUES (?1) UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2) \
         INSERT INTO tokens (id, kind, owner_id, digest, created_at, {columns}) \
         SELECT unhex(printf('%012x70008%015x', ?3 + n, n)), 'personal', \
                unhex(printf('%012x70008%015x', ?3 + n / ?4, n / ?4)), randomblob(32), ?3 + n, \
                {values} \
         FROM numbers"
    );
    while from < range.to {
        let to = range.to.min(from + SQLITE_AT_ONCE);
        sqlx::query(AssertSqlSafe(insert.as_str()))
            .bind(signed(from))
            .bind(signed(to - 1))
            .bind(signed(EPOCH_MILLIS))
            .bind(signed(range.per_user))
            .execute(&mut *connection)
            .await?;
        from = to;
    }
    let mut transaction = connection.begin().await?;
    for token in known {
        sqlx::query("UPDATE tokens SET digest = ?2 WHERE id = ?1")
            .bind(id(token.number))
            .bind(&token.digest[..])
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    for (_, create) in &indexes {
        connection.execute(AssertSqlSafe(create.as_str())).await?;
    }
    connection.execute("ANALYZE").await?;
    connection
        .execute("PRAGMA wal_checkpoint(TRUNCATE)")
        .await?;
    Ok(())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
