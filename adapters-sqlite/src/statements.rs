//! Rows and parameters as the driver has them.

use openindex_adapters_sql::driver::{self, DriverQuery};
use openindex_adapters_sql::{Row, Statement, Value, read_columns};
use openindex_domain::clock::Timestamp;
use openindex_domain::{DamagedColumn, StoreError};
use sqlx::Sqlite;
use uuid::Uuid;

/// A row of SQLite.
pub struct SqliteRow(pub(crate) sqlx::sqlite::SqliteRow);

impl Row for SqliteRow {
    read_columns! { uuid: Uuid, text: &str, bytes: &[u8], integer: i64, millis: i64 }

    fn any_uuid(&self, column: &'static str) -> Uuid {
        let bytes = self.bytes(column).ok().flatten().unwrap_or_default();
        let mut id = [0; 16];
        let length = bytes.len().min(16);
        id[..length].copy_from_slice(&bytes[..length]);
        Uuid::from_bytes(id)
    }
}

/// Returns the driver's query. A list is one parameter, a JSON array.
pub(crate) fn query(statement: Statement) -> Result<DriverQuery<Sqlite>, StoreError> {
    driver::query(statement, |query, value| {
        Ok(match value {
            Value::Time(at) => query.bind(at.map(Timestamp::unix_millis)),
            Value::Uuids(ids) => {
                query.bind(json(&ids.iter().map(hexadecimal).collect::<Vec<_>>())?)
            }
            Value::Texts(texts) => query.bind(json(&texts)?),
            Value::Digests(digests) => {
                let digests = digests.iter().map(|digest| hexadecimal(digest.as_bytes()));
                query.bind(json(&digests.collect::<Vec<_>>())?)
            }
            // A column; only `push_rows` binds one, and SQLite's does not.
            _ => return Err(StoreError::corrupt("SQLite has no arrays")),
        })
    })
}

/// Returns JSON: one parameter for any number of values.
pub(crate) fn json(values: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(values).map_err(StoreError::corrupt)
}

/// Returns what SQLite's `unhex` reads.
pub(crate) fn hexadecimal(bytes: impl AsRef<[u8]>) -> String {
    bytes
        .as_ref()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
