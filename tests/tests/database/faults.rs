//! The ways in which a database can be unavailable: all return 503 with `Retry-After`, and all end
//! without a restart of the server.

use openindex_tests::{Cluster, Database, Kind, Server};

use crate::support::{as_user, assert_well, grant, name, outcomes, served, wait_for_log};

/// How many connections a server opens at most: 10 for changes and lists, and those for lookups.
const CONNECTIONS: usize = 12;

/// A fault of a served database: what breaks it, whether that ends its sessions, what fixes it, and
/// what the log says.
struct Fault {
    breaks: &'static str,
    ends_sessions: bool,
    fixes: &'static str,
    log: &'static str,
}

/// Faults caused from another database. `{db}` and `{role}` stand for the names.
const OUTSIDE: [Fault; 6] = [
    Fault {
        breaks: "ALTER DATABASE {db} ALLOW_CONNECTIONS false",
        ends_sessions: true,
        fixes: "ALTER DATABASE {db} ALLOW_CONNECTIONS true",
        log: "is not currently accepting connections (SQLSTATE 55000); run ALTER DATABASE",
    },
    Fault {
        breaks: "REVOKE CONNECT ON DATABASE {db} FROM PUBLIC",
        ends_sessions: true,
        fixes: "GRANT CONNECT ON DATABASE {db} TO {role}",
        log: "(SQLSTATE 42501); run GRANT CONNECT ON DATABASE",
    },
    Fault {
        breaks: "ALTER ROLE {role} NOLOGIN",
        ends_sessions: true,
        fixes: "ALTER ROLE {role} LOGIN",
        log: "is not permitted to log in (SQLSTATE 28000); run ALTER ROLE",
    },
    Fault {
        breaks: "ALTER ROLE {role} CONNECTION LIMIT 0",
        ends_sessions: true,
        fixes: "ALTER ROLE {role} CONNECTION LIMIT -1",
        log: "too many connections for role",
    },
    Fault {
        breaks: "ALTER DATABASE {db} RENAME TO {db}_elsewhere",
        ends_sessions: true,
        fixes: "ALTER DATABASE {db}_elsewhere RENAME TO {db}",
        log: "does not exist (SQLSTATE 3D000); check the database name",
    },
    Fault {
        breaks: "ALTER ROLE {role} RENAME TO {role}_elsewhere",
        ends_sessions: true,
        fixes: "ALTER ROLE {role}_elsewhere RENAME TO {role}",
        log: "does not exist (SQLSTATE 28000); check the user",
    },
];

/// Faults caused from inside the database.
const INSIDE: [Fault; 7] = [
    Fault {
        breaks: "ALTER TABLE tokens RENAME TO elsewhere",
        ends_sessions: false,
        fixes: "ALTER TABLE elsewhere RENAME TO tokens",
        log: "missing in the database: tokens; run `oi-server migrate`",
    },
    Fault {
        breaks: "ALTER TABLE owners RENAME COLUMN active TO elsewhere",
        ends_sessions: true,
        fixes: "ALTER TABLE owners RENAME COLUMN elsewhere TO active",
        log: "(SQLSTATE 42703); run `oi-server migrate`",
    },
    Fault {
        breaks: "REVOKE USAGE ON SCHEMA public FROM {role}; REVOKE USAGE ON SCHEMA public FROM PUBLIC",
        ends_sessions: true,
        fixes: "GRANT USAGE ON SCHEMA public TO {role}",
        log: "no USAGE on schema \\\"public\\\" for role",
    },
    Fault {
        breaks: "REVOKE SELECT ON tokens FROM {role}",
        ends_sessions: false,
        fixes: "GRANT SELECT ON tokens TO {role}",
        log: "missing privileges: SELECT on tokens; run the SQL from `oi-server grants --role",
    },
    Fault {
        breaks: "REVOKE UPDATE ON owners FROM {role}",
        ends_sessions: false,
        fixes: "GRANT UPDATE ON owners TO {role}",
        log: "missing privileges: UPDATE on owners;",
    },
    Fault {
        breaks: "REVOKE SELECT ON openindex_migrations FROM {role}",
        ends_sessions: false,
        fixes: "GRANT SELECT ON openindex_migrations TO {role}",
        log: "permission denied for table openindex_migrations",
    },
    Fault {
        breaks: "ALTER DATABASE {db} SET search_path = nowhere",
        ends_sessions: true,
        fixes: "ALTER DATABASE {db} RESET search_path",
        log: "tables not found in search_path \\\"nowhere\\\": they exist in schema \\\"public\\\"; run ALTER ROLE",
    },
];

fn assert_faults_are_outages(faults: &[Fault], run_inside: bool) {
    let database = Database::new(Kind::Postgres);
    let outside = Database::new(Kind::Postgres);
    let (url, role) = served(&database);
    let token = Server::bootstrap(&database).token;
    let server = Server::start_at(&url, &[]);
    let named = |sql: &str| {
        sql.replace("{db}", name(&database))
            .replace("{role}", &role)
    };
    let run = |sql: &str| if run_inside { &database } else { &outside }.execute_all(&named(sql));
    for fault in faults {
        assert_well(&server, &token);
        // A database with sessions cannot be renamed.
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{db}'";
        let renames = fault.breaks.starts_with("ALTER DATABASE {db} RENAME");
        if renames {
            outside.execute_all(&named("ALTER DATABASE {db} ALLOW_CONNECTIONS false"));
            while outside.execute(&named(end)) > 0 {}
        }
        run(fault.breaks);
        if renames {
            outside.execute_all(&named(
                "ALTER DATABASE {db}_elsewhere ALLOW_CONNECTIONS true",
            ));
        }
        if fault.ends_sessions {
            outside.execute(&named(end));
        }
        let [read, change, ready] = outcomes(&server, &token);
        let unavailable = (503, "unavailable".to_owned());
        let log = server.log();
        assert_eq!(ready, unavailable, "{}: {log}", fault.breaks);
        for outcome in [read, change] {
            let well = [200, 201].contains(&outcome.0);
            assert!(
                well || outcome == unavailable,
                "{}: {outcome:?}: {log}",
                fault.breaks
            );
        }
        wait_for_log(&server, fault.log);
        run(fault.fixes);
        if fault.ends_sessions {
            outside.execute(&named(end));
        }
    }
    assert_well(&server, &token);
}

#[test]
fn a_database_that_rejects_connections_is_a_temporary_outage() {
    assert_faults_are_outages(&OUTSIDE, false);
}

#[test]
fn a_missing_table_or_privilege_is_a_temporary_outage() {
    assert_faults_are_outages(&INSIDE, true);
}

#[test]
fn sessions_that_are_ended_are_replaced_without_an_error() {
    let database = Database::new(Kind::Postgres);
    let (url, role) = served(&database);
    let token = Server::bootstrap(&database).token;
    let server = Server::start_at(&url, &[]);
    for _ in 0..3 {
        assert_well(&server, &token);
        let end = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
        );
        assert!(database.execute(&end) > 0);
    }
    grant(&database, &role);
}

#[test]
fn a_policy_that_hides_rows_is_an_outage_not_an_unknown_token() {
    let database = Database::new(Kind::Postgres);
    let (url, _) = served(&database);
    let token = Server::bootstrap(&database).token;
    let server = Server::start_at(&url, &[]);
    let unavailable = (503, "unavailable".to_owned());
    for table in ["tokens", "owners"] {
        assert_well(&server, &token);
        database.execute(&format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"));
        let [read, change, ready] = outcomes(&server, &token);
        assert_eq!(read, unavailable, "{table}");
        assert_eq!((change, ready), (unavailable.clone(), unavailable.clone()));
        database.execute(&format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"));
    }
    assert_well(&server, &token);
}

#[test]
fn a_changed_table_costs_each_connection_one_request_at_most() {
    let database = Database::new(Kind::Postgres);
    let token = Server::bootstrap(&database).token;
    let server = Server::start(&database);
    for _ in 0..10 {
        assert_well(&server, &token);
    }
    database.execute("ALTER TABLE tokens ALTER COLUMN name TYPE varchar(300)");
    // A busy machine opens connections late, so which request meets one is not known, only how
    // often it can happen.
    let mut failed = 0;
    for _ in 0..40 {
        for (status, _) in outcomes(&server, &token) {
            assert!([200, 201, 503].contains(&status), "{status}");
            failed += usize::from(status == 503);
        }
    }
    assert!(failed <= CONNECTIONS, "{failed}");
}

#[test]
fn a_sqlite_file_that_another_process_has_locked_is_not_ready() {
    let database = Database::new(Kind::Sqlite);
    let token = Server::bootstrap(&database).token;
    let server = Server::start(&database);
    assert_well(&server, &token);
    let lock = database.lock();
    let [read, change, ready] = outcomes(&server, &token);
    let unavailable = (503, "unavailable".to_owned());
    assert_eq!(
        (read.0, change, ready),
        (200, unavailable.clone(), unavailable)
    );
    wait_for_log(&server, "another process has locked the file");
    drop(lock);
    assert_well(&server, &token);
}

#[test]
fn a_sqlite_file_without_a_table_is_not_ready() {
    let database = Database::new(Kind::Sqlite);
    let token = Server::bootstrap(&database).token;
    let server = Server::start(&database);
    for table in ["tokens", "rate_limits", "work_items"] {
        assert_well(&server, &token);
        database.execute(&format!("ALTER TABLE {table} RENAME TO elsewhere"));
        let [read, change, ready] = outcomes(&server, &token);
        let unavailable = (503, "unavailable".to_owned());
        assert_eq!(ready, unavailable, "{table}");
        for outcome in [read, change] {
            let well = [200, 201].contains(&outcome.0);
            assert!(well || outcome == unavailable, "{table}: {outcome:?}");
        }
        wait_for_log(&server, &format!("missing in the database: {table};"));
        database.execute(&format!("ALTER TABLE elsewhere RENAME TO {table}"));
    }
    assert_well(&server, &token);
}

#[test]
fn a_changed_password_and_a_pg_hba_that_rejects_are_temporary_outages() {
    let cluster = Cluster::new();
    let database = Database::in_cluster(&cluster.url);
    let (url, role) = served(&database);
    let token = Server::bootstrap(&database).token;
    let owner_only = "host all openindex 127.0.0.1/32 trust\n";
    let both = format!("{owner_only}host all all 127.0.0.1/32 scram-sha-256\n");
    let set_password = |password: &str| {
        database.execute_all(&format!(
            "ALTER ROLE {role} PASSWORD '{password}'; SELECT pg_terminate_backend(pid) \
             FROM pg_stat_activity WHERE usename = '{role}'"
        ));
    };
    set_password("first-hunter2");
    cluster.allow(&both);
    let server = Server::start_at(&as_user(&url, &format!("{role}:first-hunter2")), &[]);
    let assert_away = |log: &str| {
        for outcome in outcomes(&server, &token) {
            assert_eq!(outcome, (503, "unavailable".to_owned()), "{log}");
        }
        wait_for_log(&server, log);
    };
    assert_well(&server, &token);
    set_password("second");
    assert_away("password authentication failed");
    set_password("first-hunter2");
    assert_well(&server, &token);
    cluster.allow(owner_only);
    assert_away("no pg_hba.conf entry");
    cluster.allow(&both);
    assert_well(&server, &token);
    assert!(!server.log().contains("hunter2"));
}
