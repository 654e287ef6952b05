//! Maps errors of SQLite to the two kinds of [`StoreError`], with hints for the operator.

use std::path::{Path, PathBuf};

use openindex_adapters_sql::driver;
use openindex_domain::StoreError;
use sqlx::error::DatabaseError;

/// SQLite's extended result code and message with a hint. The message names tables and columns, but
/// contains no value of any row.
#[derive(Debug, thiserror::Error)]
#[error(
    "{message} (SQLite result code {code}{}){}",
    file.as_ref().map(|file| format!(", {}", file.display())).unwrap_or_default(),
    hint(*code, message).map(|hint| format!("; {hint}")).unwrap_or_default()
)]
struct DatabaseFailure {
    code: i32,
    message: String,
    /// The file, if known.
    file: Option<PathBuf>,
}

/// All connections stayed in use until the timeout.
#[derive(Debug, thiserror::Error)]
#[error("no database connection available in time; all are in use")]
struct Exhausted;

/// Returns what the operator can do, by result code and, where several causes share one, by
/// message.
fn hint(code: i32, message: &str) -> Option<&'static str> {
    Some(match primary(code) {
        // A file beside the database cannot grow; SQLite reports a full disk so.
        10 if code == IOERR_SHMSIZE => "the disk may be full; free disk space",
        BUSY | 6 => "another process has locked the file; stop it, or retry when it has finished",
        8 => "give the server's user write access to the file and its directory",
        10 => "check the disk and its file system",
        11 | 26 => "check the path in the database URL, or restore the file from a backup",
        13 => "free disk space",
        14 => "give the server's user read and write access to the file and its directory",
        1 if is_old_schema(message) => "run `oi-server migrate`, or restore the file from a backup",
        _ => return None,
    })
}

/// Returns whether the schema is not the one that this version requires, for which SQLite has no
/// code.
fn is_old_schema(message: &str) -> bool {
    ["no such table", "no such column", "has no column"]
        .iter()
        .any(|missing| message.contains(missing))
}

const BUSY: i32 = 5;

const IOERR_SHMSIZE: i32 = 4_874;

/// Primary result codes (<https://www.sqlite.org/rescode.html>) after which the same call may
/// succeed later, or once the operator has freed space or fixed permissions, file or schema.
const UNAVAILABLE: [i32; 14] = [
    1, // ERROR: a table or column of this version is missing
    3, // PERM
    BUSY, 6,  // LOCKED
    7,  // NOMEM
    8,  // READONLY
    9,  // INTERRUPT
    10, // IOERR
    11, // CORRUPT: the file is truncated or damaged
    13, // FULL
    14, // CANTOPEN
    15, // PROTOCOL: the locks of the write-ahead log are contended
    17, // SCHEMA: it changed under a prepared statement
    26, // NOTADB: not a SQLite file
];

/// Classifies an error of the driver.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    classified(error, None)
}

/// Classifies an error of opening this file, and includes its path.
pub(crate) fn file_error(error: sqlx::Error, file: &Path) -> StoreError {
    classified(error, Some(file))
}

fn classified(error: sqlx::Error, file: Option<&Path>) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => StoreError::unavailable(Exhausted),
        sqlx::Error::InvalidSavePointStatement => StoreError::unavailable(error),
        other => driver::store_error(other, |database| {
            let failure = DatabaseFailure {
                code: code(database),
                message: database.message().to_owned(),
                file: file.map(Path::to_owned),
            };
            (UNAVAILABLE.contains(&primary(failure.code)), failure)
        }),
    }
}

/// Returns whether another connection held a lock until SQLite's timeout.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|database| primary(code(database)) == BUSY)
}

/// Returns whether a row violates a constraint, which undoes only the statement.
pub(crate) fn is_violation(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    error.is_some_and(|database| primary(code(database)) == 19)
}

fn code(error: &dyn DatabaseError) -> i32 {
    error
        .code()
        .and_then(|code| code.parse().ok())
        .unwrap_or_default()
}

/// Returns the primary code, which is the lowest byte of an extended result code.
const fn primary(code: i32) -> i32 {
    code & 0xff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_grow_means_a_full_disk() {
        let hint = |code| hint(code, "disk I/O error").expect("a hint");
        assert!(hint(IOERR_SHMSIZE).contains("free disk space"));
        assert!(hint(10).contains("check the disk"));
    }
}
