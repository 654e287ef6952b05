//! A file as one end of a copy.

use std::fs::File;

use async_trait::async_trait;
use openindex_adapters_sql::copy::{Failure, Field, ROWS_AT_ONCE, Record, Source, Target};
use openindex_adapters_sql::driver::DriverQuery;
use openindex_adapters_sql::schema::{Parts, Table};
use openindex_adapters_sql::{Result, TablePrefix};
use openindex_domain::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{
    AssertSqlSafe, Connection as _, Decode, Row as _, Sqlite, TypeInfo as _, ValueRef as _,
};

use crate::error::{file_error, is_violation, store_error};
use crate::file::DatabaseFile;
use crate::schema;
use crate::store::{SqliteDatabase, SqliteOptions, location, take};
use crate::writer::Change;

/// Rows of one insert. A longer statement is no faster.
const ROWS_OF_INSERT: usize = 200;

/// Memory for pages of the file while it is filled: an index of digests is written in no order.
const CACHE: &str = "PRAGMA cache_size = -131072";

/// A file that is only read, and that no other process of ours has meanwhile.
pub struct SqliteSource {
    connection: SqliteConnection,
    scan: Scan,
    _lock: File,
}

/// A file that is filled in one transaction; see [`SqliteDatabase::fill`].
pub struct SqliteTarget {
    change: Change,
    scan: Scan,
}

/// Where the reading of a table is.
struct Scan {
    prefix: TablePrefix,
    table: Option<&'static Table>,
    /// The key of the last row that was read.
    after: Record,
}

impl SqliteSource {
    /// Opens the file of the URL, as [`SqliteStore`](crate::SqliteStore) does, but for reading
    /// only: its write-ahead log is not even checkpointed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the file cannot be opened, if another process has it, or if
    /// its schema is not that of this version.
    pub async fn connect(url: &str) -> Result<Self> {
        let (location, _) = location(url)?;
        let connect: SqliteConnectOptions = location.parse().map_err(store_error)?;
        let path = connect.get_filename().to_owned();
        let file = DatabaseFile::open(&path, false)?;
        let options = SqliteOptions::default();
        let lock = take(&file, options).await?;
        let lock = lock.map_err(StoreError::unavailable)?;
        let connect = connect
            .read_only(true)
            .busy_timeout(options.busy_timeout)
            .row_buffer_size(ROWS_AT_ONCE);
        let connection = SqliteConnection::connect_with(&connect).await;
        let mut source = Self {
            connection: connection.map_err(|error| file_error(error, &path))?,
            scan: Scan::new(options.table_prefix),
            _lock: lock,
        };
        execute(&mut source.connection, "BEGIN").await?;
        let prefix = options.table_prefix;
        schema::check_version(&mut source.connection, Parts::ALL, prefix).await?;
        Ok(source)
    }
}

impl SqliteDatabase {
    /// Begins a transaction that copies everything into this file, which has been migrated.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], also if the schema is not that of this version.
    pub async fn fill(&self) -> Result<SqliteTarget> {
        let mut change = self.begin().await?;
        let prefix = self.options.table_prefix;
        schema::check_version(&mut change, Parts::ALL, prefix).await?;
        execute(&mut change, CACHE).await?;
        Ok(SqliteTarget {
            change,
            scan: Scan::new(prefix),
        })
    }
}

#[async_trait]
impl Source for SqliteSource {
    async fn count(&mut self, table: &'static Table) -> Result<u64, Failure> {
        self.scan.count(&mut self.connection, table).await
    }

    async fn open(&mut self, table: &'static Table) -> Result<(), Failure> {
        self.scan.open(table);
        Ok(())
    }

    async fn next(&mut self) -> Result<Vec<Record>, Failure> {
        self.scan.next(&mut self.connection).await
    }

    async fn refresh(&mut self) -> Result<(), Failure> {
        execute(&mut self.connection, "COMMIT").await?;
        Ok(execute(&mut self.connection, "BEGIN").await?)
    }
}

#[async_trait]
impl Source for SqliteTarget {
    async fn count(&mut self, table: &'static Table) -> Result<u64, Failure> {
        self.scan.count(&mut self.change, table).await
    }

    async fn open(&mut self, table: &'static Table) -> Result<(), Failure> {
        self.scan.open(table);
        Ok(())
    }

    async fn next(&mut self) -> Result<Vec<Record>, Failure> {
        self.scan.next(&mut self.change).await
    }

    async fn refresh(&mut self) -> Result<(), Failure> {
        // No other connection writes during the transaction.
        Ok(())
    }
}

#[async_trait]
impl Target for SqliteTarget {
    async fn insert(&mut self, table: &'static Table, rows: Vec<Record>) -> Result<(), Failure> {
        let prefix = self.scan.prefix;
        for rows in rows.chunks(ROWS_OF_INSERT) {
            let Err(error) = insert(&mut self.change, table, prefix, rows).await else {
                continue;
            };
            // After other errors, SQLite may have ended the transaction.
            if is_violation(&error) {
                for row in rows {
                    let alone = insert(&mut self.change, table, prefix, std::slice::from_ref(row));
                    if let Err(error) = alone.await {
                        return Err(Failure::of(table, row, store_error(error).causes()));
                    }
                }
            }
            return Err(store_error(error).into());
        }
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        self.change.commit().await
    }
}

impl Scan {
    fn new(prefix: TablePrefix) -> Self {
        Self {
            prefix,
            table: None,
            after: Record::new(),
        }
    }

    fn open(&mut self, table: &'static Table) {
        self.table = Some(table);
        self.after.clear();
    }

    async fn count(
        &self,
        connection: &mut SqliteConnection,
        table: &'static Table,
    ) -> Result<u64, Failure> {
        let count = format!("SELECT count(*) FROM {}", self.prefix.name(table.name));
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(connection)
            .await
            .map_err(store_error)?;
        Ok(count.unsigned_abs())
    }

    async fn next(&mut self, connection: &mut SqliteConnection) -> Result<Vec<Record>, Failure> {
        let Some(table) = self.table else {
            return Ok(Vec::new());
        };
        let columns: Vec<_> = table.columns().collect();
        let keys = columns[..table.key].join(", ");
        let beyond = if self.after.is_empty() {
            String::new()
        } else {
            format!(" WHERE ({keys}) > ({})", placeholders(table.key))
        };
        let select = format!(
            "SELECT {} FROM {}{beyond} ORDER BY {keys} LIMIT {ROWS_AT_ONCE}",
            columns.join(", "),
            self.prefix.name(table.name)
        );
        let mut query: DriverQuery<Sqlite> = sqlx::query(AssertSqlSafe(select));
        for field in &self.after {
            query = bind(query, field);
        }
        let rows = query.fetch_all(connection).await.map_err(store_error)?;
        let records = rows.iter().map(|row| record(table, row));
        let records: Vec<Record> = records.collect::<Result<_, _>>()?;
        if let Some(last) = records.last() {
            self.after = last[..table.key].to_vec();
        }
        Ok(records)
    }
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) -> Result<()> {
    let done = sqlx::query(statement).execute(connection).await;
    done.map(drop).map_err(store_error)
}

async fn insert(
    connection: &mut SqliteConnection,
    table: &Table,
    prefix: TablePrefix,
    rows: &[Record],
) -> sqlx::Result<()> {
    let columns: Vec<_> = table.columns().collect();
    let row = format!("({})", placeholders(columns.len()));
    let insert = format!(
        "INSERT INTO {} ({}) VALUES {}",
        prefix.name(table.name),
        columns.join(", "),
        vec![row; rows.len()].join(", ")
    );
    let mut query: DriverQuery<Sqlite> = sqlx::query(AssertSqlSafe(insert));
    for field in rows.iter().flatten() {
        query = bind(query, field);
    }
    query.execute(connection).await.map(drop)
}

/// Returns this number of parameters. SQLite searches the names of all parameters for each that has
/// one, so they have none.
fn placeholders(count: usize) -> String {
    vec!["?"; count].join(", ")
}

fn bind(query: DriverQuery<Sqlite>, field: &Field) -> DriverQuery<Sqlite> {
    match field {
        Field::Null => query.bind(None::<i64>),
        Field::Integer(number) => query.bind(*number),
        Field::Text(text) => query.bind(text.clone()),
        Field::Bytes(bytes) => query.bind(bytes.clone()),
    }
}

/// Returns the values of a row. Fails if a text is not UTF-8, or if a value has no type of ours.
fn record(table: &Table, row: &SqliteRow) -> Result<Record, Failure> {
    let mut record = Record::new();
    let mut invalid = None;
    for (index, column) in table.columns().enumerate() {
        let value = row.try_get_raw(index).map_err(store_error)?;
        let kind = value.type_info().into_owned();
        record.push(match kind.name() {
            _ if value.is_null() => Field::Null,
            "INTEGER" => Field::Integer(decoded(value)?),
            "BLOB" => Field::Bytes(decoded(value)?),
            "TEXT" => {
                let text = String::from_utf8(decoded(value)?);
                Field::Text(text.unwrap_or_else(|error| {
                    invalid = Some((column, "is not valid UTF-8"));
                    String::from_utf8_lossy(error.as_bytes()).into_owned()
                }))
            }
            _ => {
                invalid = Some((column, "is neither an integer nor a text nor bytes"));
                Field::Null
            }
        });
    }
    match invalid {
        None => Ok(record),
        Some((column, reason)) => {
            let reason = format!("the value of column {column} {reason}");
            Err(Failure::of(table, &record, reason))
        }
    }
}

fn decoded<'r, T: Decode<'r, Sqlite>>(value: sqlx::sqlite::SqliteValueRef<'r>) -> Result<T> {
    T::decode(value).map_err(StoreError::corrupt)
}
