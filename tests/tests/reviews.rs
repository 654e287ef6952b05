//! Bulk revocations while other clients create, use, rotate and delete tokens: over the API, with
//! `oi` and in the pages, exactly what was reviewed is revoked, or nothing.

use std::collections::BTreeSet;
use std::rc::Rc;

use openindex_domain::admin_tokens::Review;
use openindex_domain::token::TokenId;
use openindex_tests::{Bootstrapped, Client, Database, Kind, Oi, Response, Server, both_stores};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

both_stores! {
    a_bulk_revocation_revokes_exactly_what_was_reviewed,
    more_than_a_thousand_tokens_are_reviewed_page_by_page,
}

/// When the tokens of the test expire, and a day later. The acting tokens never expire.
const EXPIRES: &str = "2090-01-01";
const BEFORE: &str = "2090-01-03";
/// Number of rounds for each way of revoking, besides one undisturbed and one outdated.
const ROUNDS: usize = 8;

#[derive(Debug, Clone, Copy)]
enum Way {
    Api,
    Oi,
    Page,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Create,
    Use,
    Rotate,
    Delete,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        Just(Change::Create),
        Just(Change::Use),
        Just(Change::Rotate),
        Just(Change::Delete),
    ];
    proptest::collection::vec(change, 0..4)
}

struct World {
    database: Database,
    replicas: [Rc<Server>; 2],
    admin: Bootstrapped,
    cookie: String,
    grace: Member,
}

/// A member whose tokens are revoked, on the other replica.
struct Member {
    user: String,
    token: String,
    http: Client,
}

impl Member {
    fn create(&self) -> Value {
        let body = json!({"name": "ci", "scope": "read_write", "expiresAt": EXPIRES});
        let created = self.http.post("/me/pats", &self.token, &body);
        assert_eq!(created.status, 201, "{created:?}");
        created.json()
    }

    /// Changes a token, or adds one. The change may come too late.
    fn change(&self, change: Change, one: &Value) {
        let (http, id) = (&self.http, text(&one["id"]));
        match change {
            Change::Create => drop(self.create()),
            Change::Use => drop(http.get("/me", text(&one["token"]))),
            Change::Rotate => {
                let path = format!("/me/pats/{id}/rotate");
                drop(http.post(&path, &self.token, &json!({})));
            }
            Change::Delete => drop(http.delete(&format!("/me/pats/{id}"), &self.token)),
        }
    }
}

impl World {
    fn new(kind: Kind) -> Self {
        let database = Database::new(kind);
        let arguments = ["--token-quota", "10000", "--token-rate", "100000"];
        let replicas = Server::replicas(&database, &arguments);
        let admin = Server::bootstrap(&database);
        let (user, token) = replicas[0].join_with_token(&admin.token, "grace@example.com");
        Self {
            cookie: replicas[0].sign_in_by_link(&database, "ada@example.com"),
            grace: Member {
                user,
                token,
                http: replicas[1].http.clone(),
            },
            database,
            replicas,
            admin,
        }
    }

    /// Returns the tokens that administrators have revoked so far, by the audit log.
    fn revoked(&self) -> BTreeSet<String> {
        let mut revoked = BTreeSet::new();
        let mut path = "/audit?action=token.revoked&limit=200".to_owned();
        loop {
            let page = self.replicas[0].http.get(&path, &self.admin.token).json();
            let events = page["items"].as_array().expect("events").iter();
            let by_admin = events.filter(|it| it["actor"]["userId"] == self.admin.user_id());
            revoked.extend(by_admin.map(|event| text(&event["subject"]).to_owned()));
            let Some(cursor) = page["nextCursor"].as_str() else {
                return revoked;
            };
            path = format!("/audit?action=token.revoked&limit=200&cursor={cursor}");
        }
    }

    fn api(&self, expected: Option<&str>) -> Response {
        let body = json!({
            "user": self.grace.user, "expiringBefore": BEFORE, "dryRun": expected.is_none(),
            "expected": expected,
        });
        let http = &self.replicas[0].http;
        http.post("/admin/pats/revoke", &self.admin.token, &body)
    }

    fn oi(&self, arguments: &[&str]) -> openindex_tests::Output {
        let oi = Oi::new()
            .with_env("OPENINDEX_TOKEN", &self.admin.token)
            .with_env("OPENINDEX_APP_URL", &self.replicas[0].url);
        let filter = ["--user", &self.grace.user, "--expiring-before", BEFORE];
        let command = ["settings", "admin", "tokens", "revoke-matching"];
        oi.run(&[&command[..], &filter, arguments].concat())
    }

    fn page(&self, expected: Option<&str>) -> Response {
        let http: &Client = &self.replicas[0].http;
        let (path, user) = ("/settings/admin/tokens/revoke", &self.grace.user);
        let path = format!("{path}?user={user}&expiringBefore={BEFORE}");
        let cookie = ("cookie", self.cookie.as_str());
        let Some(expected) = expected else {
            return http.send("GET", &path, &[cookie], None);
        };
        let headers = [
            cookie,
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        let form = format!("expected={expected}");
        http.send("POST", &path, &headers, Some(&form))
    }

    /// Reviews the matching tokens; returns the digest and, if this way shows them, the ids.
    fn review(&self, way: Way) -> (String, Option<BTreeSet<String>>) {
        let listed = match way {
            Way::Api => self.api(None).json(),
            Way::Oi => self.oi(&["--dry-run"]).json(),
            Way::Page => {
                let page = self.page(None);
                assert_eq!(page.status, 200, "{page:?}");
                let digest = page.text.split_once("name=\"expected\" value=\"");
                // Without a match there is no form.
                let digest = digest.map_or_else(
                    || Review::of([]).digest.to_string(),
                    |(_, rest)| rest.split('"').next().unwrap_or_default().to_owned(),
                );
                return (digest, None);
            }
        };
        (text(&listed["expected"]).to_owned(), Some(ids(&listed)))
    }

    /// Submits a review and returns whether it was carried out.
    fn revoke(&self, way: Way, expected: &str) -> bool {
        match way {
            Way::Api => {
                let response = self.api(Some(expected));
                if response.status == 200 {
                    return true;
                }
                assert_eq!(response.outcome(), (409, "review_outdated".to_owned()));
                false
            }
            Way::Oi => {
                let output = self.oi(&["--expected", expected]);
                if output.code == 0 {
                    return true;
                }
                assert!(output.stdout.contains("review_outdated"), "{output:?}");
                false
            }
            Way::Page => {
                let response = self.page(Some(expected));
                if response.status == 303 {
                    // Back to the list with the same filter.
                    let user = &self.grace.user;
                    let list = format!("/tokens?user={user}&expiringBefore={BEFORE}");
                    assert!(response.header("location").ends_with(&list));
                    return true;
                }
                assert_eq!(response.status, 409, "{response:?}");
                assert!(
                    response.text.contains("Nothing was revoked"),
                    "{response:?}"
                );
                false
            }
        }
    }

    /// Reviews and revokes while `meanwhile` happens; returns whether it was carried out.
    fn round(&self, way: Way, between: &[Change], meanwhile: &[Change]) -> bool {
        let grace = &self.grace;
        let tokens = [(); 3].map(|()| grace.create());
        let before = self.revoked();
        let done = std::thread::scope(|scope| {
            scope.spawn(|| {
                for (change, one) in meanwhile.iter().zip(tokens.iter().cycle()) {
                    grace.change(*change, one);
                }
            });
            let (expected, listed) = self.review(way);
            for change in between {
                grace.change(*change, &tokens[2]);
            }
            let done = self.revoke(way, &expected);
            let ended: BTreeSet<String> = &self.revoked() - &before;
            if done {
                let named = ended.iter().map(|id| id.parse::<TokenId>().expect("an id"));
                assert_eq!(Review::of(named).digest.to_string(), expected, "{way:?}");
                assert!(listed.is_none_or(|listed| listed == ended), "{way:?}");
            } else {
                assert_eq!(ended, BTreeSet::new(), "{way:?}");
            }
            done
        });
        // Revokes the rest, so that it does not disturb the next round.
        if !done {
            let (expected, _) = self.review(way);
            assert!(self.revoke(way, &expected), "nothing happens any more");
        }
        done
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn ids(listed: &Value) -> BTreeSet<String> {
    let items = listed["items"].as_array().expect("tokens").iter();
    items.map(|item| text(&item["id"]).to_owned()).collect()
}

fn a_bulk_revocation_revokes_exactly_what_was_reviewed(kind: Kind) {
    let world = World::new(kind);
    let mut runner = TestRunner::deterministic();
    for way in [Way::Api, Way::Oi, Way::Page] {
        assert!(world.round(way, &[], &[]), "{way:?}, undisturbed");
        for change in [Change::Create, Change::Rotate, Change::Delete] {
            assert!(!world.round(way, &[change], &[]), "{way:?}, {change:?}");
        }
        let swap = [Change::Delete, Change::Create];
        assert!(!world.round(way, &swap, &[]), "{way:?}, the same number");
        for _ in 0..ROUNDS {
            let meanwhile = changes().new_tree(&mut runner).expect("changes");
            world.round(way, &[], &meanwhile.current());
        }
    }
    assert_eq!(world.grace.http.get("/me", &world.grace.token).status, 200);
    drop(world.database);
}

fn more_than_a_thousand_tokens_are_reviewed_page_by_page(kind: Kind) {
    let world = World::new(kind);
    for _ in 0..1_001 {
        world.grace.create();
    }
    let first = world.api(None).json();
    assert_eq!(first["count"], 1_001);
    assert_eq!(ids(&first).len(), 1_000);
    assert!(first["nextCursor"].is_string(), "{}", first["nextCursor"]);
    let unreviewed = json!({"user": world.grace.user, "expiringBefore": BEFORE, "dryRun": false});
    let http = &world.replicas[0].http;
    let rejected = http.post("/admin/pats/revoke", &world.admin.token, &unreviewed);
    assert_eq!(rejected.outcome(), (409, "review_required".to_owned()));
    let listed = world.oi(&["--dry-run"]).json();
    assert_eq!(ids(&listed).len(), 1_001);
    assert_eq!(listed["expected"], first["expected"]);
    let revoked = world.oi(&["--expected", text(&first["expected"])]).json();
    assert_eq!(
        (&revoked["count"], ids(&revoked).len()),
        (&json!(1_001), 1_000)
    );
    assert_eq!(world.revoked(), ids(&listed));
}
