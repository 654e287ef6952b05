//! What went wrong, in the two words of the port.

use openindex_domain::StoreError;
use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

/// What SQLite said: its extended result code and a message that names tables and columns, but
/// holds no value of any row.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLite result code {code})")]
struct DatabaseFailure {
    code: i32,
    message: String,
}

const BUSY: i32 = 5;

/// Primary result codes (<https://www.sqlite.org/rescode.html>) after which the same call may
/// succeed later, or once the operator has made room or mended permissions.
const UNAVAILABLE: [i32; 11] = [
    3, // PERM
    BUSY, 6,  // LOCKED
    7,  // NOMEM
    8,  // READONLY
    9,  // INTERRUPT
    10, // IOERR
    13, // FULL
    14, // CANTOPEN
    15, // PROTOCOL: the locks of the write-ahead log are contended
    17, // SCHEMA: it changed under a prepared statement
];

/// Sorts an error of the driver.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    use sqlx::Error as E;
    match error {
        E::Database(database) => {
            let failure = DatabaseFailure {
                code: code(&*database),
                message: database.message().to_owned(),
            };
            if UNAVAILABLE.contains(&primary(failure.code)) {
                StoreError::unavailable(failure)
            } else {
                StoreError::corrupt(failure)
            }
        }
        E::Io(_)
        | E::PoolTimedOut
        | E::PoolClosed
        | E::WorkerCrashed
        | E::BeginFailed
        | E::InvalidSavePointStatement => StoreError::unavailable(error),
        other => StoreError::corrupt(other),
    }
}

/// Whether another connection held a lock for longer than SQLite was told to wait.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|database| primary(code(database)) == BUSY)
}

fn code(error: &dyn DatabaseError) -> i32 {
    error
        .code()
        .and_then(|code| code.parse().ok())
        .unwrap_or_default()
}

/// The lowest byte of an extended result code.
const fn primary(code: i32) -> i32 {
    code & 0xff
}

/// Sorts an error of the migrator.
pub(crate) fn migrate_error(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            store_error(error)
        }
        other => StoreError::corrupt(other),
    }
}
