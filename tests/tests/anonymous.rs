//! Callers without a credential can make the server store only a limited amount.

use openindex_tests::{Database, Kind, Server, both_stores};
use serde_json::json;

both_stores! { anonymous_callers_cannot_fill_the_database }

/// Returns the tables that could grow, with their numbers of rows.
fn rows(database: &Database) -> Vec<(&'static str, u64)> {
    let tables = [
        ("rate_limits", "count = count"),
        ("invites", "digest = digest"),
        ("notices", "at = at"),
        ("sessions", "client = client"),
        ("sign_in_links", "digest = digest"),
        ("tokens", "name = name"),
        ("used_forms", "made = made"),
        ("users", "name = name"),
    ];
    let count = |(table, same): (&'static str, &str)| {
        (
            table,
            database.execute(&format!("UPDATE {table} SET {same}")),
        )
    };
    tables.map(count).to_vec()
}

fn anonymous_callers_cannot_fill_the_database(kind: Kind) {
    let database = Database::new(kind);
    let admin = Server::bootstrap(&database);
    let server = Server::start(&database);
    let before = rows(&database);
    let http = &server.http;
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
    ];
    for number in 0..15 {
        let form_body =
            format!("email=nobody{number}@example.com&password=five+words+that+are+wrong");
        let rejected = http.send("POST", "/sign-in", &form, Some(&form_body));
        assert_eq!(rejected.status, 422, "{rejected:?}");
    }
    let json_body = [("content-type", "application/json")];
    let unknown = "oi_pat_".to_owned() + &"A".repeat(48);
    for number in 0..70 {
        let report = json!({"tokens": [unknown]}).to_string();
        let reported = http.send("POST", "/credentials/revoke", &json_body, Some(&report));
        let claim = json!({"code": "x".repeat(43), "name": "Mallory"}).to_string();
        let claimed = http.send("POST", "/auth/invites/claim", &json_body, Some(&claim));
        if number >= 60 {
            assert_eq!((reported.status, claimed.status), (429, 429), "{claimed:?}");
        }
        let shown = http.send("GET", "/settings", &[("cookie", "oi_session=x")], None);
        assert_ne!(shown.status, 200, "{shown:?}");
    }
    let attempts = |rows: &[(&str, u64)]| rows[0].1;
    let after = rows(&database);
    // One row for each account, and one for each route from this address.
    assert!(attempts(&after) <= attempts(&before) + 15 + 4, "{after:?}");
    assert_eq!(after[1..], before[1..]);

    let events = http.get("/audit?limit=100", &admin.token).json();
    let actions = |action: &str| {
        let events = events["items"].as_array().expect("events");
        events
            .iter()
            .filter(|event| event["action"] == action)
            .count()
    };
    assert_eq!(actions("sign_in.rejected"), 9, "{events}");
    assert_eq!(actions("sign_in.rejected_repeatedly"), 1, "{events}");
    let all = events["items"].as_array().expect("events").len();
    assert_eq!(all, 10 + 1, "and that the instance began: {events}");
}
