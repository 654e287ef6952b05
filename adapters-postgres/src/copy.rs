//! A database as one end of a copy.

use async_trait::async_trait;
use openindex_adapters_sql::copy::{Failure, Field, ROWS_AT_ONCE, Record, Source, Target};
use openindex_adapters_sql::schema::{Parts, Table};
use openindex_domain::StoreError;
use sqlx::error::BoxDynError;
use sqlx::postgres::{
    PgConnectOptions, PgConnection, PgDatabaseError, PgRow, PgValueFormat, PgValueRef,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, ValueRef as _};

use crate::error::{connect_error, store_error};
use crate::options::{PoolOptions, READ_WRITE};
use crate::statements::EPOCH_MILLIS;
use crate::store::PostgresDatabase;

/// Begins the transaction that reads a source: all of it sees the same rows.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The statements of a copy take as long as there are rows.
const NO_LIMITS: &str = "SET LOCAL statement_timeout = 0; \
     SET LOCAL idle_in_transaction_session_timeout = 0";

/// Locks the tables of this instance for the transaction, as the source of copies or, alone, as the
/// target of one. Not a lock of a table, which a transaction that only reads cannot have.
const IS_SOURCE: &str = "pg_try_advisory_xact_lock_shared";
const IS_TARGET: &str = "pg_try_advisory_xact_lock";
/// What makes the lock one of copies: `oicp` before the id of the table.
const LOCK_OF_COPIES: i64 = 0x6f69_6370 << 32;

/// Blocks other copies and the first user of a server, but no read.
const LOCK: &str = "LOCK TABLE users, owners IN SHARE ROW EXCLUSIVE MODE";

/// A database in one transaction, which is read or filled; see [`PostgresDatabase::snapshot`] and
/// [`PostgresDatabase::fill`].
pub struct PostgresCopy {
    connection: PgConnection,
    options: PoolOptions,
    /// The types of the columns of the open table, or of the one that is written.
    types: Option<(&'static str, Vec<ColumnType>)>,
}

/// The type of a column, without the domain that it may be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnType {
    Uuid,
    Text,
    Bytes,
    Int2,
    Int4,
    Int8,
    Time,
}

impl ColumnType {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "uuid" => Self::Uuid,
            "text" => Self::Text,
            "bytea" => Self::Bytes,
            "smallint" => Self::Int2,
            "integer" => Self::Int4,
            "bigint" => Self::Int8,
            "timestamp with time zone" => Self::Time,
            _ => return None,
        })
    }
}

impl PostgresDatabase {
    /// Begins a transaction that reads everything, to copy it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], also if the schema is not that of this version.
    pub async fn snapshot(&self) -> Result<PostgresCopy, StoreError> {
        let mut copy = self.begin_copy(SNAPSHOT).await?;
        copy.lock(IS_SOURCE).await?;
        Ok(copy)
    }

    /// Begins a transaction that copies everything into this database, which has been migrated.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], also if the schema is not that of this version, or if the
    /// database is that of a [`snapshot`](Self::snapshot) at the same time.
    pub async fn fill(&self) -> Result<PostgresCopy, StoreError> {
        let mut copy = self.begin_copy(READ_WRITE).await?;
        copy.lock(IS_TARGET).await?;
        let lock = self.options.table_prefix.statement(LOCK.into());
        copy.execute(lock.into_owned()).await?;
        Ok(copy)
    }

    async fn begin_copy(&self, begin: &str) -> Result<PostgresCopy, StoreError> {
        self.check_version(Parts::ALL).await?;
        let mode = self.pool_mode().await?;
        let connect = PgConnectOptions::clone(&self.pool.connect_options());
        let opened = async {
            let mut connection = connect.connect().await?;
            let options = self.options;
            let session = options.begin_session(&mut connection, mode, &self.hosts, "");
            session.await?;
            Ok(connection)
        };
        let opened = opened.await;
        let mut copy = PostgresCopy {
            connection: opened.map_err(|error| connect_error(error, &connect))?,
            options: self.options,
            types: None,
        };
        copy.begin(begin).await?;
        Ok(copy)
    }
}

impl PostgresCopy {
    /// Fails if this is the source of a copy and the target of one at the same time.
    async fn lock(&mut self, lock: &str) -> Result<(), StoreError> {
        let users = self.options.table_prefix.name("users");
        let lock = format!("SELECT coalesce({lock}($1 + to_regclass($2)::oid::bigint), true)");
        let is_locked: bool = sqlx::query_scalar(AssertSqlSafe(lock))
            .persistent(false)
            .bind(LOCK_OF_COPIES)
            .bind(users)
            .fetch_one(&mut self.connection)
            .await
            .map_err(store_error)?;
        if is_locked {
            Ok(())
        } else {
            Err(StoreError::unavailable(
                "the database is the source of this copy or another one at the same time; pass \
                 another one as --to or --to-file",
            ))
        }
    }

    async fn execute(&mut self, statements: String) -> Result<(), StoreError> {
        let done = sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut self.connection);
        done.await.map(drop).map_err(store_error)
    }

    async fn begin(&mut self, begin: &str) -> Result<(), StoreError> {
        // All of it belongs to the transaction, since a pooler may sit in between.
        let begin = self.options.begin_for_pooler(begin) + NO_LIMITS;
        self.execute(begin).await
    }

    fn name(&self, table: &Table) -> String {
        self.options.table_prefix.name(table.name)
    }

    /// Returns the types of the table's columns, in their order.
    async fn types(&mut self, table: &'static Table) -> Result<Vec<ColumnType>, StoreError> {
        if let Some((name, types)) = &self.types
            && *name == table.name
        {
            return Ok(types.clone());
        }
        let found: Vec<(String, String)> = sqlx::query_as(
            "SELECT attname::text, coalesce(nullif(typbasetype, 0::oid), t.oid)::regtype::text \
             FROM pg_attribute JOIN pg_type t ON t.oid = atttypid \
             WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
        )
        .persistent(false)
        .bind(self.name(table))
        .fetch_all(&mut self.connection)
        .await
        .map_err(store_error)?;
        let types = table.columns().map(|column| {
            let found = found.iter().find(|(name, _)| name == column);
            let parsed = found.and_then(|(_, name)| ColumnType::parse(name));
            parsed.ok_or_else(|| {
                let table = table.name;
                StoreError::corrupt(format!(
                    "column {column} of table {table} has an unknown type"
                ))
            })
        });
        let types: Vec<_> = types.collect::<Result<_, _>>()?;
        self.types = Some((table.name, types.clone()));
        Ok(types)
    }
}

#[async_trait]
impl Source for PostgresCopy {
    async fn count(&mut self, table: &'static Table) -> Result<u64, Failure> {
        let count = format!("SELECT count(*) FROM {}", self.name(table));
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .persistent(false)
            .fetch_one(&mut self.connection)
            .await
            .map_err(store_error)?;
        Ok(count.unsigned_abs())
    }

    async fn open(&mut self, table: &'static Table) -> Result<(), Failure> {
        let types = self.types(table).await?;
        let columns: Vec<_> = table.columns().collect();
        let keys = columns.iter().zip(types).take(table.key);
        let keys = keys.map(|(column, kind)| match kind {
            // Other collations have another order than SQLite.
            ColumnType::Text => format!("{column} COLLATE \"C\""),
            _ => (*column).to_owned(),
        });
        let open = format!(
            "CLOSE ALL; DECLARE copied NO SCROLL CURSOR FOR SELECT {} FROM {} ORDER BY {}",
            columns.join(", "),
            self.name(table),
            keys.collect::<Vec<_>>().join(", ")
        );
        Ok(self.execute(open).await?)
    }

    async fn next(&mut self) -> Result<Vec<Record>, Failure> {
        let Some((name, types)) = &self.types else {
            return Ok(Vec::new());
        };
        let fetch = format!("FETCH FORWARD {ROWS_AT_ONCE} FROM copied");
        // Each table's cursor has other columns, so the statement is not kept.
        let rows = sqlx::query(AssertSqlSafe(fetch)).persistent(false);
        let rows = rows.fetch_all(&mut self.connection).await;
        let rows = rows.map_err(store_error)?;
        let read = rows.iter().map(|row| record(name, types, row));
        Ok(read.collect::<Result<Vec<_>, StoreError>>()?)
    }

    async fn refresh(&mut self) -> Result<(), Failure> {
        self.execute("COMMIT".to_owned()).await?;
        Ok(self.begin(SNAPSHOT).await?)
    }
}

#[async_trait]
impl Target for PostgresCopy {
    async fn insert(&mut self, table: &'static Table, rows: Vec<Record>) -> Result<(), Failure> {
        let types = self.types(table).await?;
        let columns = table.columns().count();
        let mut data = Vec::from(COPY_HEADER);
        for row in &rows {
            data.extend(u16::try_from(columns).unwrap_or_default().to_be_bytes());
            for ((field, kind), column) in row.iter().zip(&types).zip(table.columns()) {
                if let Err(reason) = encode(field, *kind, &mut data) {
                    let reason = format!(
                        "PostgreSQL cannot store the value of column {column}: \
                                          {reason}"
                    );
                    return Err(Failure::of(table, row, reason));
                }
            }
        }
        data.extend(COPY_END);
        let columns: Vec<_> = table.columns().collect();
        let copy = format!(
            "COPY {} ({}) FROM STDIN (FORMAT binary)",
            self.name(table),
            columns.join(", ")
        );
        let connection = &mut self.connection;
        let copied = async {
            let mut copy = connection.copy_in_raw(&copy).await?;
            copy.send(data).await?;
            copy.finish().await
        };
        match copied.await {
            Ok(_) => Ok(()),
            Err(error) => Err(match line(&error).and_then(|line| rows.get(line - 1)) {
                Some(row) => Failure::of(table, row, store_error(error).causes()),
                None => store_error(error).into(),
            }),
        }
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.execute("COMMIT".to_owned()).await?;
        let Self { connection, .. } = *self;
        // The server notices either way.
        let _ = connection.close().await;
        Ok(())
    }
}

/// The beginning of binary data, and its end
/// (<https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.4>).
const COPY_HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const COPY_END: [u8; 2] = [0xff; 2];

/// Appends the value in the binary format of its column.
fn encode(field: &Field, kind: ColumnType, data: &mut Vec<u8>) -> Result<(), &'static str> {
    const OUT_OF_RANGE: &str = "the number is out of range";
    let time;
    let bytes: &[u8] = match (field, kind) {
        (Field::Null, _) => {
            data.extend((-1_i32).to_be_bytes());
            return Ok(());
        }
        (Field::Bytes(id), ColumnType::Uuid) if id.len() != 16 => {
            return Err("an id has 16 bytes");
        }
        (Field::Bytes(bytes), ColumnType::Uuid | ColumnType::Bytes) => bytes,
        (Field::Text(text), ColumnType::Text) if text.contains('\0') => {
            return Err("a text cannot contain NUL characters");
        }
        (Field::Text(text), ColumnType::Text) => text.as_bytes(),
        (Field::Integer(number), ColumnType::Int2) => &i16::try_from(*number)
            .map_err(|_| OUT_OF_RANGE)?
            .to_be_bytes(),
        (Field::Integer(number), ColumnType::Int4) => &i32::try_from(*number)
            .map_err(|_| OUT_OF_RANGE)?
            .to_be_bytes(),
        (Field::Integer(number), ColumnType::Int8) => &number.to_be_bytes(),
        (Field::Integer(millis), ColumnType::Time) => {
            let micros = millis.checked_sub(EPOCH_MILLIS);
            let micros = micros.and_then(|millis| millis.checked_mul(1_000));
            time = micros.ok_or("the time is out of range")?.to_be_bytes();
            &time
        }
        _ => return Err("it has another type"),
    };
    let length = i32::try_from(bytes.len()).map_err(|_| "it is too long")?;
    data.extend(length.to_be_bytes());
    data.extend(bytes);
    Ok(())
}

/// Returns the values of a row.
fn record(table: &str, types: &[ColumnType], row: &PgRow) -> Result<Record, StoreError> {
    let fields = types.iter().enumerate().map(|(index, kind)| {
        let read = row.try_get_raw(index).map_err(store_error)?;
        decode(&read, *kind).map_err(|error| {
            StoreError::corrupt(format!("a row of table {table} cannot be read: {error}"))
        })
    });
    fields.collect()
}

fn decode(value: &PgValueRef<'_>, kind: ColumnType) -> Result<Field, BoxDynError> {
    if value.is_null() {
        return Ok(Field::Null);
    }
    if value.format() != PgValueFormat::Binary {
        return Err("the value is not binary".into());
    }
    let bytes = value.as_bytes()?;
    Ok(match kind {
        ColumnType::Uuid | ColumnType::Bytes => Field::Bytes(bytes.to_owned()),
        ColumnType::Text => Field::Text(std::str::from_utf8(bytes)?.to_owned()),
        ColumnType::Int2 => Field::Integer(i16::from_be_bytes(bytes.try_into()?).into()),
        ColumnType::Int4 => Field::Integer(i32::from_be_bytes(bytes.try_into()?).into()),
        ColumnType::Int8 => Field::Integer(i64::from_be_bytes(bytes.try_into()?)),
        ColumnType::Time => {
            let micros = i64::from_be_bytes(bytes.try_into()?);
            let millis = (micros % 1_000 == 0).then_some(micros / 1_000);
            let millis = millis.and_then(|millis| millis.checked_add(EPOCH_MILLIS));
            Field::Integer(millis.ok_or("the time is not in whole milliseconds")?)
        }
    })
}

/// Returns the number of the row that an error is about, from 1.
fn line(error: &sqlx::Error) -> Option<usize> {
    let database = error.as_database_error()?;
    let context = database.try_downcast_ref::<PgDatabaseError>()?.r#where()?;
    // `COPY tokens, line 3, column name`; what follows may be a value.
    let (_, line) = context.split_once(", line ")?;
    let digits = line
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(line.len());
    line[..digits].parse().ok().filter(|line| *line > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_cannot_store_is_an_error_and_not_changed() {
        let text = |text: &str| Field::Text(text.to_owned());
        for (field, kind) in [
            (text("a\0b"), ColumnType::Text),
            (text("a"), ColumnType::Bytes),
            (Field::Bytes(vec![0; 15]), ColumnType::Uuid),
            (Field::Integer(1 << 15), ColumnType::Int2),
            (Field::Integer(1 << 31), ColumnType::Int4),
            (Field::Integer(i64::MAX), ColumnType::Time),
            (Field::Integer(i64::MIN), ColumnType::Time),
            (Field::Integer(1), ColumnType::Text),
        ] {
            let mut data = Vec::new();
            assert!(encode(&field, kind, &mut data).is_err(), "{kind:?}");
            assert!(data.is_empty(), "{kind:?}");
        }
        let mut data = Vec::new();
        let stored = encode(
            &Field::Integer(EPOCH_MILLIS + 1),
            ColumnType::Time,
            &mut data,
        );
        assert_eq!(stored, Ok(()));
        assert_eq!(data, [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 3, 232]);
    }
}
