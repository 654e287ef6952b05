//! Maps errors of the driver to the two kinds of [`StoreError`], with hints for the operator.

use std::io::ErrorKind;

use openindex_adapters_sql::driver;
use openindex_domain::StoreError;
use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;

/// The server's message and a hint, without the detail in which the server quotes values: a
/// duplicate key would put a digest or an email address into the log.
#[derive(Debug, thiserror::Error)]
#[error(
    "{message} (SQLSTATE {code}{}){}",
    constraint.as_ref().map(|name| format!(", constraint {name}")).unwrap_or_default(),
    hint(code, message).map(|hint| format!("; {hint}")).unwrap_or_default()
)]
struct DatabaseFailure {
    code: String,
    message: String,
    constraint: Option<String>,
}

/// Why no connection could be opened, and to which address.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("database unreachable: {reason} ({address})")]
    Unreachable { reason: String, address: String },
    #[error(
        "TLS connection to the database failed: {reason} ({address}); check sslmode and sslrootcert"
    )]
    Tls { reason: String, address: String },
    #[error(
        "unexpected response from {address}; check that the database URL names a PostgreSQL server"
    )]
    Foreign { address: String },
    #[error("no database connection available; all {0} are in use")]
    Exhausted(u32),
    #[error("no primary among the hosts of the database URL: {0}")]
    NoPrimary(String),
}

/// The server did not respond in time; the connection was closed.
#[derive(Debug, thiserror::Error)]
#[error(
    "database timed out; check its load and locks and, if a pooler is in front, whether it is \
     paused or its default_pool_size is exhausted"
)]
pub(crate) struct TimedOut;

/// Classifies an error of the driver.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    use sqlx::Error as E;
    match error {
        // A malformed message means that the connection broke in the middle of one; the pool
        // replaces it.
        E::Tls(_) | E::Protocol(_) | E::Configuration(_) => StoreError::unavailable(error),
        other => driver::store_error(other, |database| {
            let failure = DatabaseFailure {
                code: database.code().unwrap_or_default().into_owned(),
                message: database.message().to_owned(),
                constraint: database.constraint().map(ToOwned::to_owned),
            };
            (is_unavailable(&failure.code), failure)
        }),
    }
}

/// Classifies an error of connecting. Its message includes the address, and nothing else of the
/// URL.
pub(crate) fn connect_error(error: sqlx::Error, to: &PgConnectOptions) -> StoreError {
    use sqlx::Error as E;
    let address = address(to);
    StoreError::unavailable(match error {
        E::Io(error) => ConnectError::Unreachable {
            reason: reason(&error),
            address,
        },
        E::Tls(error) => ConnectError::Tls {
            reason: error.to_string(),
            address,
        },
        E::Protocol(_) => ConnectError::Foreign { address },
        other => return store_error(other),
    })
}

/// Returns the host and the port, or the path of the socket.
pub(crate) fn address(to: &PgConnectOptions) -> String {
    to.get_socket().map_or_else(
        || format!("{}:{}", to.get_host(), to.get_port()),
        |socket| socket.display().to_string(),
    )
}

/// Returns the error for several hosts none of which is the primary, with what is known of each.
pub(crate) fn no_primary(failures: String) -> StoreError {
    StoreError::unavailable(ConnectError::NoPrimary(failures))
}

/// Returns the error for a pool whose connections are all in use, which is not an outage of the
/// server.
pub(crate) fn exhausted(connections: u32) -> StoreError {
    StoreError::unavailable(ConnectError::Exhausted(connections))
}

/// Returns the kind of failure, which is shorter than the system's message and has no number. A
/// name that does not resolve has only a message.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        kind if error.raw_os_error().is_some() => kind.to_string(),
        _ => error.to_string(),
    }
}

/// Returns what the operator can do, by SQLSTATE and, where several causes share one, by message.
fn hint(code: &str, message: &str) -> Option<&'static str> {
    Some(match code {
        "28P01" => {
            "check the user and password in the database URL; percent-encode special characters in \
             the password (@ is %40, / is %2F, # is %23, % is %25)"
        }
        "28000" if message.contains("no encryption") => {
            "allow this client in pg_hba.conf, or use TLS with sslmode=require"
        }
        "28000" if message.contains("pg_hba.conf") => "allow this client in pg_hba.conf",
        "28000" if message.contains("not permitted to log in") => "run ALTER ROLE … LOGIN",
        "28000" => "check the user in the database URL",
        "3D000" => "check the database name in the database URL",
        "42501" if message.contains("for database") => {
            "run GRANT CONNECT ON DATABASE, or the SQL from `oi-server grants`"
        }
        "42501" => "run the SQL from `oi-server grants` as the owner of the tables",
        "42P01" | "42703" | "42704" | "42804" | "42883" | "42P10" | "3F000" => {
            "run `oi-server migrate` as the owner of the tables, and check search_path"
        }
        "55000" if message.contains("not currently accepting") => {
            "run ALTER DATABASE … ALLOW_CONNECTIONS true"
        }
        "53300" if message.contains("reserved") => {
            "raise max_connections in PostgreSQL, run fewer replicas, or use a pooler"
        }
        "53300" if message.contains("for role") => {
            "raise the connection limit with ALTER ROLE … CONNECTION LIMIT, or run fewer replicas"
        }
        "53300" if message.contains("for database") => {
            "raise the connection limit with ALTER DATABASE … CONNECTION LIMIT, or run fewer \
             replicas"
        }
        "53300" => "raise the connection limit, run fewer replicas, or use a pooler",
        "XX000" | "XX001" | "XX002" => {
            "check the disk of the database server, or restore the database from a backup"
        }
        "53100" => "free disk space on the database server",
        "57P03" | "57P01" | "57P02" => "retry when the database has started",
        "57P05" => "raise idle_session_timeout for the role and the database",
        "25P04" => "raise transaction_timeout for the role and the database",
        "57014" if message.contains("statement timeout") => {
            "check the load of the database, and statement_timeout for the role and the database"
        }
        "25006" => "the database is read-only; point the database URL at the primary",
        "26000" | "42P05" => {
            "this looks like a pooler in transaction mode; add pool_mode=transaction to the \
             database URL"
        }
        "08P01" if message.contains("authentication failed") => {
            "check the user and password in the database URL and in the pooler's auth_file"
        }
        _ if message.contains("unsupported startup parameter") => {
            "remove the parameter from the database URL, or add it to the pooler's \
             ignore_startup_parameters"
        }
        _ if message.contains("statement pooling") => {
            "set the pooler's pool_mode to session or transaction"
        }
        _ => {
            let mut known = POOLER.iter();
            return known
                .find(|(words, _)| message.contains(words))
                .map(|(_, hint)| *hint);
        }
    })
}

/// Hints for `PgBouncer`'s errors, by message: it sends nearly all of them as 08P01.
const POOLER: [(&str, &str); 13] = [
    (
        "max_client_conn",
        "raise max_client_conn in PgBouncer, or run fewer replicas",
    ),
    (
        "query_wait_timeout",
        "PgBouncer is paused or out of server connections: raise its default_pool_size, or check \
         its log",
    ),
    (
        "server_login_retry",
        "PgBouncer cannot log in to PostgreSQL: check its log; it retries after server_login_retry",
    ),
    (
        "client_login_timeout",
        "PgBouncer cannot reach PostgreSQL: check its log, and host and port in its [databases]",
    ),
    (
        "server DNS lookup failed",
        "PgBouncer cannot resolve the host of PostgreSQL: check host in its [databases]",
    ),
    (
        "no such database",
        "add the database to [databases] in PgBouncer",
    ),
    (
        "no such user",
        "add the user to PgBouncer's auth_file, or set auth_query",
    ),
    (" is disabled", "run ENABLE in the PgBouncer console"),
    (
        "does not allow connections",
        "run ENABLE in the PgBouncer console",
    ),
    (
        "max_db_connections",
        "raise max_db_connections in PgBouncer, or run fewer replicas",
    ),
    (
        "max_user_connections",
        "raise max_user_connections in PgBouncer, or run fewer replicas",
    ),
    (
        "query timeout",
        "raise query_timeout in PgBouncer, or leave it at 0",
    ),
    ("pgbouncer", "check the log of PgBouncer"),
];

/// SQLSTATEs of a session that is unusable: its prepared statements are gone, another client's have
/// their names, or the schema has changed since; or its server accepts no changes any more.
const UNUSABLE_SESSION: [&str; 4] = ["26000", "42P05", "0A000", "25006"];

/// Returns whether the call may succeed in another session.
pub(crate) fn is_session_unusable(error: &StoreError) -> bool {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
        .filter_map(|cause| cause.downcast_ref::<DatabaseFailure>())
        .any(|failure| UNUSABLE_SESSION.contains(&&*failure.code))
}

/// Returns whether the connection is unusable.
pub(crate) fn is_broken(error: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    match error {
        E::Database(database) => {
            // Operator intervention ends the session, except for a canceled statement.
            let code = database.code().unwrap_or_default();
            code.starts_with("08")
                || (code.starts_with("57") && code != "57014")
                || UNUSABLE_SESSION.contains(&&*code)
        }
        E::Io(_) | E::Tls(_) | E::Protocol(_) | E::WorkerCrashed => true,
        _ => false,
    }
}

/// Returns whether the call may succeed later, or once the operator has fixed connectivity,
/// privileges or schema, by SQLSTATE
/// (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn is_unavailable(code: &str) -> bool {
    let class = code.get(..2).unwrap_or_default();
    matches!(
        class,
        "08" // connection exception
            | "28" // invalid authorization
            | "3D" // the database does not exist
            | "40" // transaction rollback: serialization failure, deadlock
            | "42" // a table, column, type or privilege of this version is missing
            | "53" // insufficient resources: connections, memory, disk
            | "57" // operator intervention: shutdown, starting up, canceled, statement timeout
            | "58" // system error: IO
            | "XX" // internal error: damaged data or index files
    ) || matches!(
        code,
        "25006" // read-only: some providers do that to a primary that is out of disk
            | "25P03" // idle in transaction for too long
            | "25P04" // transaction timeout
            | "55P03" // lock not available: lock timeout
            | "55000" // the database accepts no connections
            | "3F000" // a schema is missing: renamed, or not migrated
            | "26000" // a pooler gave this session's prepared statements to another, or back
            | "0A000" // a prepared statement is older than the table
    )
}

/// Returns whether the role lacks a privilege that a migration requires.
pub(crate) fn is_missing_right(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    // 3F000: there is no schema in the search path that the role can create tables in.
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| matches!(&*code, "42501" | "3F000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_are_unavailable_and_damage_is_corrupt() {
        for code in [
            "08006", "28P01", "3D000", "40001", "40P01", "53300", "57014", "57P01", "57P02",
            "57P03", "58030", "25006", "25P03", "55P03", "55000", "42501", "42P01", "42703",
            "3F000", "26000", "42P05", "0A000", "42883", "42704", "42804", "42P10", "XX000",
            "XX001", "XX002",
        ] {
            assert!(is_unavailable(code), "{code}");
        }
        for code in [
            "23505", "23503", "23514", "22P02", "P0001", "25001", "", "0",
        ] {
            assert!(!is_unavailable(code), "{code}");
        }
    }

    #[test]
    fn every_pgbouncer_error_is_unavailable_with_a_hint_that_names_pgbouncer() {
        assert!(is_unavailable("08P01"));
        for message in [
            "no more connections allowed (max_client_conn)",
            "query_wait_timeout",
            "server login has been failing, try again later (server_login_retry)",
            "server login has been failing, cached error: connect failed (server_login_retry)",
            "client_login_timeout (server down)",
            "server DNS lookup failed",
            "no such database: oi",
            "no such user: oi",
            "database \"oi\" is disabled",
            "client connections exceeded: max_db_connections",
            "query timeout",
            "pgbouncer cannot connect to server",
        ] {
            let hint = hint("08P01", message).unwrap_or_default();
            assert!(hint.contains("PgBouncer"), "{message}: {hint}");
        }
        for code in ["26000", "42P05"] {
            let hint = hint(code, "prepared statement \"sqlx_s_1\" does not exist");
            assert!(hint.unwrap_or_default().contains("pool_mode=transaction"));
        }
    }

    #[test]
    fn causes_in_docs_postgresql_have_a_hint() {
        for (code, words) in [
            ("53100", "free disk space"),
            ("53300", "raise the connection limit"),
            ("57P03", "retry when the database has started"),
        ] {
            assert!(hint(code, "").is_some_and(|hint| hint.contains(words)));
            assert!(is_unavailable(code), "{code}");
        }
    }
}
