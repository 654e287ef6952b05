//! Signing in takes the same work for known and unknown accounts: on PostgreSQL the same statements,
//! and measurably the same time.

use std::time::Instant;

use openindex_tests::{Cluster, Database, Kind, Server};

/// How many pairs of attempts are timed, unless `OPENINDEX_PAIRS` says another number.
const PAIRS: usize = 200;

/// Fails to sign in from an address of its own, so that only accounts are throttled.
fn fail(server: &Server, email: &str, number: usize) {
    let form = format!("email={email}&password=five+words+that+are+wrong");
    let address = format!("10.{}.{}.7", number / 250, number % 250);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
        ("x-forwarded-for", &address),
    ];
    let refused = server.http.send("POST", "/sign-in", &headers, Some(&form));
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(refused.text.contains("wrong"), "{refused:?}");
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
            // Uses and housekeeping go on beside it.
            let concerns = [
                "attempts",
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
    // The first prepares them, on each connection.
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

/// Prints Welch's t of the times that a refusal takes. Beyond ±4.5 a difference is told (TVLA).
fn measure(kind: Kind) {
    let database = Database::new(kind);
    let server = start(&database);
    let pairs = std::env::var("OPENINDEX_PAIRS");
    let pairs = pairs.map_or(PAIRS, |pairs| pairs.parse().expect("a number"));
    let mut times = [vec![], vec![]];
    for pair in 0..pairs {
        // In turn the first and the second; and never throttled.
        let order = if pair % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            let email = ["grace@example.com", "nobody@example.com"][which];
            let begun = Instant::now();
            fail(&server, email, 2 * pair + which);
            times[which].push(begun.elapsed().as_secs_f64() * 1e6);
        }
        if pair % 4 == 3 {
            database.execute("DELETE FROM attempts");
        }
    }
    let [known, unknown] = times.map(|times| summary(&times));
    let t = (known.0 - unknown.0) / (known.1 + unknown.1).sqrt();
    println!(
        "{kind:?}: known {:.0} µs, unknown {:.0} µs, {pairs} pairs, t = {t:.2}",
        known.0, unknown.0
    );
}

/// The mean without the slowest tenth, in which the machine did something else, and the variance of
/// that mean.
fn summary(times: &[f64]) -> (f64, f64) {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.truncate(times.len() * 9 / 10);
    let count = f64::from(u32::try_from(times.len()).expect("few"));
    let mean = times.iter().sum::<f64>() / count;
    let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}

#[test]
#[ignore = "a measurement: run it on an idle machine, with --no-capture"]
fn how_long_a_refusal_takes_on_sqlite() {
    measure(Kind::Sqlite);
}

#[test]
#[ignore = "a measurement: run it on an idle machine, with --no-capture"]
fn how_long_a_refusal_takes_on_postgresql() {
    measure(Kind::Postgres);
}
