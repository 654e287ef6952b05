//! Helpers of these tests.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use openindex_tests::{Database, Server, binary};

/// A generous timeout for a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Replaces the user in a URL with `name` or `name:password`.
pub(crate) fn as_user(url: &str, user: &str) -> String {
    let (_, server) = url.split_once('@').expect("a user in the URL");
    format!("postgres://{user}@{server}")
}

/// Returns the name of the database in a URL.
pub(crate) fn name(database: &Database) -> &str {
    database.url().rsplit_once('/').expect("a name").1
}

/// Runs `oi-server` with these arguments on the database with this URL.
pub(crate) fn oi_server(url: &str, arguments: &[&str]) -> Output {
    Command::new(binary("oi-server"))
        .args(arguments)
        .env("DATABASE_URL", url)
        .output()
        .expect("oi-server runs")
}

/// Returns standard error.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Creates a role that serves a migrated database, and returns its URL and its name.
pub(crate) fn served(database: &Database) -> (String, String) {
    let role = format!("served_{}", name(database));
    database.execute(&format!("CREATE ROLE {role} LOGIN"));
    let migrated = oi_server(database.url(), &["migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    grant(database, &role);
    (as_user(database.url(), &role), role)
}

/// Runs the SQL that `oi-server grants` prints.
pub(crate) fn grant(database: &Database, role: &str) {
    let grants = oi_server("sqlite://unused.db", &["grants", "--role", role]);
    assert!(grants.status.success(), "{grants:?}");
    let grants = String::from_utf8(grants.stdout).expect("SQL");
    database.execute_all(&grants);
}

/// Returns the statuses of a verification, of a change and of the readiness check.
pub(crate) fn outcomes(server: &Server, token: &str) -> [(u16, String); 3] {
    let body = serde_json::json!({"name": "ci", "scope": "read_write"});
    [
        server.http.get("/me", token),
        server.http.post("/me/pats", token, &body),
        server.http.get("/ready", ""),
    ]
    .map(|response| {
        if response.status == 503 {
            let retry_after = response.header("retry-after");
            assert!(!retry_after.is_empty(), "{response:?}");
        }
        response.outcome()
    })
}

/// Waits until a line of the log contains these words; it is written concurrently with the
/// response.
pub(crate) fn wait_for_log(server: &Server, words: &str) {
    let begun = Instant::now();
    while !server.log().contains(words) {
        assert!(begun.elapsed() < SOON, "{words}: {}", server.log());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Asserts that the server works.
pub(crate) fn assert_well(server: &Server, token: &str) {
    let outcomes = outcomes(server, token);
    assert_eq!(outcomes.map(|(status, _)| status), [200, 201, 200]);
}
