//! A store that can be read but not written is not ready from the first change that fails until a
//! small one succeeds; its log reports the state, not each request.

use std::process::Command;

use openindex_tests::{Database, Kind, Server, binary};

use crate::support::{assert_well, outcomes, served, wait_for_log};

/// Makes every INSERT into these tables fail as on a full disk.
fn fail_with(code: &str, message: &str) -> String {
    let trigger = |table: &str| {
        format!("CREATE TRIGGER full_disk BEFORE INSERT ON {table} EXECUTE FUNCTION full_disk();")
    };
    format!(
        "CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE '{message}' USING ERRCODE = '{code}'; END $$; {}{}{}",
        trigger("tokens"),
        trigger("rate_limits"),
        trigger("audit_events")
    )
}

const RECOVER: &str = "DROP FUNCTION full_disk CASCADE";

#[test]
fn postgresql_with_a_full_disk_is_not_ready_until_a_change_succeeds() {
    let database = Database::new(Kind::Postgres);
    let (url, _) = served(&database);
    let token = Server::bootstrap(&database).token;
    for (code, message, hint) in [
        ("53100", "could not extend file", "free disk space"),
        (
            "25006",
            "cannot execute INSERT in a read-only transaction",
            "point the database URL at the primary",
        ),
        ("53200", "out of memory", "(SQLSTATE 53200)"),
    ] {
        let server = Server::start_at(&url, &[]);
        assert_well(&server, &token);
        database.execute_all(&fail_with(code, message));
        let unavailable = (503, "unavailable".to_owned());
        for _ in 0..5 {
            let [read, change, ready] = outcomes(&server, &token);
            assert_eq!(read.0, 200, "{code}");
            assert_eq!(
                (change, &ready),
                (unavailable.clone(), &unavailable),
                "{code}"
            );
        }
        wait_for_log(&server, hint);
        database.execute_all(RECOVER);
        assert_eq!(
            server.http.get("/ready", "").status,
            200,
            "{}",
            server.log()
        );
        wait_for_log(&server, "database recovered");
        assert_well(&server, &token);
        let log = server.log();
        assert_eq!(log.matches("database failed").count(), 1, "{log}");
        let left = database.execute("SELECT 1 FROM rate_limits WHERE key LIKE 'probe%'");
        assert_eq!(left, 0);
    }
}

#[test]
fn sqlite_with_a_full_disk_is_not_ready_until_a_change_succeeds() {
    let database = Database::new(Kind::Sqlite);
    let token = Server::bootstrap(&database).token;
    // Exceeding the limit on file size is an error instead of killing the process.
    let mut program = Command::new("bash");
    program.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    program.arg(binary("oi-server"));
    let server = Server::start_program(program, database.url());
    assert_well(&server, &token);
    let limit = |bytes: &str| {
        let limited = Command::new("prlimit")
            .args([
                "--pid",
                &server.id().to_string(),
                &format!("--fsize={bytes}"),
            ])
            .status();
        assert!(limited.expect("prlimit runs").success());
    };
    limit("4096:unlimited");
    let unavailable = (503, "unavailable".to_owned());
    for _ in 0..5 {
        let [read, change, ready] = outcomes(&server, &token);
        assert_eq!(read.0, 200);
        assert_eq!((change, &ready), (unavailable.clone(), &unavailable));
    }
    wait_for_log(&server, "check the disk and its file system");
    limit("unlimited:unlimited");
    assert_eq!(
        server.http.get("/ready", "").status,
        200,
        "{}",
        server.log()
    );
    wait_for_log(&server, "database recovered");
    assert_well(&server, &token);
    let log = server.log();
    assert_eq!(log.matches("database failed").count(), 1, "{log}");
    assert_eq!(
        database.execute("DELETE FROM rate_limits WHERE key LIKE 'probe%'"),
        0
    );
}

#[test]
fn the_end_of_an_outage_is_noticed_without_a_probe() {
    let database = Database::new(Kind::Postgres);
    let (url, _) = served(&database);
    let token = Server::bootstrap(&database).token;
    let server = Server::start_at(&url, &[]);
    database.execute_all(&fail_with("53100", "could not extend file"));
    let [_, change, _] = outcomes(&server, &token);
    assert_eq!(change.0, 503);
    database.execute_all(RECOVER);
    wait_for_log(&server, "database recovered");
}
