//! Signing in does the same work for known and unknown accounts.

use openindex_tests::{Cluster, Database, Server};

/// Fails to sign in from a separate address, so that only the account's rate limit applies.
fn fail(server: &Server, email: &str, number: usize) {
    let form = format!("email={email}&password=five+words+that+are+wrong");
    let address = format!("10.{}.{}.7", number / 250, number % 250);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
        ("x-forwarded-for", &address),
    ];
    let rejected = server.http.send("POST", "/sign-in", &headers, Some(&form));
    assert_eq!(rejected.status, 422, "{rejected:?}");
    assert!(
        rejected
            .text
            .contains("Incorrect email address or password"),
        "{rejected:?}"
    );
}

fn start(database: &Database) -> Server {
    let admin = Server::bootstrap(database);
    let server = Server::start_with(database, &["--trusted-proxies", "127.0.0.1"]);
    let _ = server.join(&admin.token, "grace@example.com");
    let _ = server.sign_in_by_link(database, "grace@example.com");
    server
}

#[test]
fn postgresql_executes_the_same_statements_for_known_and_unknown_accounts() {
    let cluster = Cluster::new();
    let database = Database::in_cluster(&cluster.url);
    let server = start(&database);
    let name = database.url().rsplit_once('/').expect("a name").1;
    database.execute_all(&format!("ALTER DATABASE {name} SET log_statement = 'all'"));
    database.execute(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    ));
    let mut number = 0;
    let mut statements = |email: &str| {
        number += 1;
        let before = cluster.log().len();
        fail(&server, email, number);
        let log = cluster.log();
        let logged = log[before..].lines().filter_map(|line| {
            let (_, statement) = line.split_once("LOG:  ")?;
            let (_, sql) = statement.split_once(": ")?;
            // Last-used times and maintenance are written meanwhile.
            let concerns = [
                "rate_limits",
                "users",
                "audit_events",
                "pg_advisory",
                "BEGIN",
                "COMMIT",
            ];
            concerns
                .iter()
                .any(|word| sql.contains(word))
                .then(|| sql.to_owned())
        });
        logged.collect::<Vec<String>>()
    };
    // The first sign-in prepares the statements on each connection.
    for email in ["grace@example.com", "nobody@example.com"] {
        let _ = statements(email);
    }
    let known = statements("grace@example.com");
    let unknown = statements("nobody@example.com");
    assert!(
        known
            .iter()
            .any(|sql| sql.contains("INSERT INTO audit_events")),
        "{known:?}"
    );
    assert_eq!(known, unknown);
}
