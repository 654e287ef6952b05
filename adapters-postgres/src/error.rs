//! What went wrong, in the two words of the port.

use openindex_domain::StoreError;
use sqlx::migrate::MigrateError;

/// What the server said, without the detail in which it quotes values: a duplicate key would put a
/// digest or an address into a log.
#[derive(Debug, thiserror::Error)]
#[error("{message} (SQLSTATE {code}{})", constraint.as_ref().map(|name| format!(", constraint {name}")).unwrap_or_default())]
struct DatabaseFailure {
    code: String,
    message: String,
    constraint: Option<String>,
}

/// The server did not answer in time; the connection was given up.
#[derive(Debug, thiserror::Error)]
#[error("the database did not answer in time")]
pub(crate) struct NoAnswer;

/// Sorts an error of the driver.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    use sqlx::Error as E;
    match error {
        E::Database(database) => {
            let failure = DatabaseFailure {
                code: database.code().unwrap_or_default().into_owned(),
                message: database.message().to_owned(),
                constraint: database.constraint().map(ToOwned::to_owned),
            };
            if is_unavailable(&failure.code) {
                StoreError::unavailable(failure)
            } else {
                StoreError::corrupt(failure)
            }
        }
        // A message that cannot be read is a connection that broke in the middle of one; the pool
        // replaces it.
        E::Io(_)
        | E::Tls(_)
        | E::Protocol(_)
        | E::PoolTimedOut
        | E::PoolClosed
        | E::WorkerCrashed
        | E::BeginFailed => StoreError::unavailable(error),
        other => StoreError::corrupt(other),
    }
}

/// Whether the connection cannot be used any more.
pub(crate) fn is_broken(error: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    match error {
        E::Database(database) => {
            // Operator intervention ends the session, but for a statement that was cancelled.
            let code = database.code().unwrap_or_default();
            code.starts_with("08") || (code.starts_with("57") && code != "57014")
        }
        E::Io(_) | E::Tls(_) | E::Protocol(_) | E::WorkerCrashed => true,
        _ => false,
    }
}

/// Whether the call may succeed later, or once the operator has mended the way to the server, by
/// SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn is_unavailable(code: &str) -> bool {
    let class = code.get(..2).unwrap_or_default();
    matches!(
        class,
        "08" // connection exception
            | "28" // invalid authorization
            | "3D" // the database does not exist
            | "40" // transaction rollback: serialization failure, deadlock
            | "53" // insufficient resources: connections, memory, disk
            | "57" // operator intervention: shutdown, starting up, canceled, statement timeout
            | "58" // system error: IO
    ) || matches!(
        code,
        "25006" // read-only: with some providers, a primary that is out of disk
            | "25P03" // idle in transaction for too long
            | "25P04" // transaction timeout
            | "55P03" // lock not available: lock timeout
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_can_be_told_from_damage() {
        for code in [
            "08006", "28P01", "3D000", "40001", "40P01", "53300", "57014", "57P01", "57P02",
            "57P03", "58030", "25006", "25P03", "55P03",
        ] {
            assert!(is_unavailable(code), "{code}");
        }
        for code in [
            "23505", "23503", "23514", "22P02", "42P01", "42703", "42501", "XX001", "P0001",
            "25001", "", "0",
        ] {
            assert!(!is_unavailable(code), "{code}");
        }
    }
}
