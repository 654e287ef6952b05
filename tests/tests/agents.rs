//! Agents on the built programs: which agent gets an item, and what ends a run.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use openindex_tests::{Bootstrapped, Client, Database, Kind, Response, Server, both_stores};
use serde_json::{Value, json};

both_stores! {
    only_one_of_64_agents_claims_an_item,
    sixteen_agents_complete_500_items_once_each,
    a_revocation_ends_100_runs_before_it_returns,
    a_run_ends_with_its_issuer_owner_or_item,
    items_of_a_dead_agent_become_available_again,
}

/// Two servers on one database, or the one of a SQLite file, with its administrator.
struct World {
    replicas: [Rc<Server>; 2],
    admin: Bootstrapped,
    // Dropped after the servers.
    _database: Database,
}

impl World {
    fn new(kind: Kind) -> Self {
        let database = Database::new(kind);
        let replicas = Server::replicas(&database, &[]);
        let admin = Server::bootstrap(&database);
        Self {
            replicas,
            admin,
            _database: database,
        }
    }

    fn http(&self, number: usize) -> &Client {
        &self.replicas[number % 2].http
    }

    fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        let response = self.http(0).post(path, token, body);
        assert!(
            (200..300).contains(&response.status),
            "{path}: {response:?}"
        );
        response.json()
    }

    /// Creates a personal access token of the administrator and returns its id and secret.
    fn pat(&self, name: &str) -> (String, String) {
        let body = json!({"name": name, "scope": "read_write"});
        let created = self.post("/me/pats", &self.admin.token, &body);
        (text(&created, "id"), text(&created, "token"))
    }

    /// Starts a run with `token` and returns its id and secret.
    fn run(&self, token: &str, agent: &str, work_item: Option<&str>) -> (String, String) {
        let body = json!({"agentId": agent, "ttlSeconds": 3600, "workItemKey": work_item});
        let started = self.post("/agent-runs", token, &body);
        (text(&started, "id"), text(&started, "token"))
    }

    fn item(&self, title: &str) -> String {
        let body = json!({"domain": "OPS", "title": title});
        text(&self.post("/browse", &self.admin.token, &body), "key")
    }
}

fn text(value: &Value, field: &str) -> String {
    let text = value[field].as_str();
    text.unwrap_or_else(|| panic!("{field} of {value}"))
        .to_owned()
}

fn only_one_of_64_agents_claims_an_item(kind: Kind) {
    let world = World::new(kind);
    let key = world.item("Wanted by all");
    let agents: Vec<(String, String)> = (0..64)
        .map(|number| {
            let agent = format!("agent-{number}");
            let (_, run) = world.run(&world.admin.token, &agent, None);
            (agent, run)
        })
        .collect();
    let path = format!("/browse/{key}/claim");
    let responses: Vec<(&str, Response)> = std::thread::scope(|scope| {
        let claims: Vec<_> = (0..)
            .zip(&agents)
            .map(|(number, (agent, run))| {
                let (http, path) = (world.http(number), &path);
                scope.spawn(move || (agent.as_str(), http.post(path, run, &json!({}))))
            })
            .collect();
        claims
            .into_iter()
            .map(|claim| claim.join().expect("a response"))
            .collect()
    });
    let winners: Vec<&str> = responses
        .iter()
        .filter(|(_, response)| response.status == 200)
        .map(|(agent, _)| *agent)
        .collect();
    let [winner] = winners[..] else {
        panic!("one wins: {winners:?}");
    };
    for (agent, response) in &responses {
        if *agent == winner {
            assert_eq!(response.json()["activeAgentId"], winner);
        } else {
            assert_eq!(response.outcome(), (409, "work_item_claimed".to_owned()));
            assert_eq!(response.json()["holder"]["agentId"], winner, "{response:?}");
            let detail = text(&response.json(), "detail");
            assert!(detail.contains(winner), "{detail}");
        }
    }
}

fn sixteen_agents_complete_500_items_once_each(kind: Kind) {
    const ITEMS: usize = 500;
    let world = World::new(kind);
    let wanted: BTreeSet<String> = (0..ITEMS)
        .map(|number| world.item(&format!("Item {number}")))
        .collect();
    let runs: Vec<String> = (0..16)
        .map(|number| {
            world
                .run(&world.admin.token, &format!("agent-{number}"), None)
                .1
        })
        .collect();
    let done: Vec<String> = std::thread::scope(|scope| {
        let agents: Vec<_> = (0..)
            .zip(&runs)
            .map(|(number, run)| {
                let http = world.http(number);
                scope.spawn(move || drain(http, run, number))
            })
            .collect();
        agents
            .into_iter()
            .flat_map(|agent| agent.join().expect("an agent's work"))
            .collect()
    });
    assert_eq!(done.len(), ITEMS, "none is done twice");
    assert_eq!(
        done.into_iter().collect::<BTreeSet<_>>(),
        wanted,
        "none is lost"
    );
    let left = world
        .http(0)
        .get("/browse?status=todo,in_progress", &runs[0]);
    assert_eq!(left.json()["items"], json!([]));
}

/// Claims and completes items until the queue is empty, and returns those that this agent
/// completed.
fn drain(http: &Client, run: &str, number: usize) -> Vec<String> {
    let mut done = Vec::new();
    loop {
        let queue = http.get("/browse/queue?limit=16", run);
        assert_eq!(queue.status, 200, "{queue:?}");
        let queue = queue.json();
        let offered = queue["available"]["items"].as_array().expect("items");
        if offered.is_empty() {
            return done;
        }
        // Each agent starts at another position, so that they rarely claim the same item.
        let key = text(&offered[number % offered.len()], "key");
        let claimed = http.post(&format!("/browse/{key}/claim"), run, &json!({}));
        match claimed.status {
            200 => {
                let completed = http.post(&format!("/browse/{key}/complete"), run, &json!({}));
                assert_eq!(completed.status, 200, "{completed:?}");
                done.push(key);
            }
            409 => {}
            _ => panic!("{claimed:?}"),
        }
    }
}

fn a_revocation_ends_100_runs_before_it_returns(kind: Kind) {
    let world = World::new(kind);
    let (id, pat) = world.pat("issuer");
    let runs: Vec<(String, String)> = (0..100)
        .map(|number| world.run(&pat, &format!("agent-{number}"), None))
        .collect();
    let (_, other) = world.run(&world.admin.token, "other", None);
    let deleted = world
        .http(0)
        .delete(&format!("/me/pats/{id}"), &world.admin.token);
    assert_eq!(deleted.status, 204, "{deleted:?}");
    for (number, (_, run)) in (1..).zip(&runs) {
        let response = world.http(number).get("/me", run);
        assert_eq!(response.outcome(), (401, "token_revoked".to_owned()));
    }
    assert_eq!(world.http(1).get("/me", &other).status, 200);
    // One request, one time, and one audit event for each run.
    let request = deleted.header("x-request-id");
    let path = "/audit?action=agent_run.ended&limit=200";
    let trail = world.http(1).get(path, &world.admin.token).json();
    let events = trail["items"].as_array().expect("events");
    let ended: BTreeMap<String, &Value> = events
        .iter()
        .map(|event| (text(event, "subject"), event))
        .collect();
    assert_eq!(ended.len(), 100);
    for (run, _) in &runs {
        let event = ended[run];
        assert_eq!(event["related"], id.as_str());
        assert_eq!(event["requestId"], request);
        assert_eq!(event["at"], events[0]["at"]);
    }
}

/// Ends a run: a function of the run's id and of the id that the cause concerns.
type Cause = fn(&World, &str, &str) -> Response;

fn a_run_ends_with_its_issuer_owner_or_item(kind: Kind) {
    let world = World::new(kind);
    let admin = world.admin.token.as_str();
    let causes: [(&str, Cause); 6] = [
        ("its end", |world, run, _| {
            let path = format!("/agent-runs/{run}");
            world.http(0).delete(&path, &world.admin.token)
        }),
        ("its issuer's rotation", |world, _, pat| {
            let path = format!("/me/pats/{pat}/rotate");
            world.http(0).post(&path, &world.admin.token, &json!({}))
        }),
        (
            "its issuer's revocation by an administrator",
            |world, _, pat| {
                let path = format!("/admin/pats/{pat}");
                world.http(0).delete(&path, &world.admin.token)
            },
        ),
        ("its item's completion", |world, _, item| {
            let path = format!("/browse/{item}/complete");
            world.http(0).post(&path, &world.admin.token, &json!({}))
        }),
        ("its item's cancellation", |world, _, item| {
            let path = format!("/browse/{item}");
            let body = json!({"status": "cancelled"}).to_string();
            let authorization = format!("Bearer {}", world.admin.token);
            let headers = [
                ("authorization", authorization.as_str()),
                ("content-type", "application/json"),
            ];
            world.http(0).send("PATCH", &path, &headers, Some(&body))
        }),
        ("its item's deletion", |world, _, item| {
            let path = format!("/browse/{item}");
            world.http(0).delete(&path, &world.admin.token)
        }),
    ];
    for (what, cause) in causes {
        let (pat, secret) = world.pat(what);
        let item = world.item(what);
        let bound = what.starts_with("its item's").then_some(item.as_str());
        let (id, run) = world.run(&secret, "agent", bound);
        assert_eq!(world.http(1).get("/me", &run).status, 200, "{what}");
        let about = if bound.is_some() { &item } else { &pat };
        let response = cause(&world, &id, about);
        assert!(
            (200..300).contains(&response.status),
            "{what}: {response:?}"
        );
        for replica in [1, 0] {
            let response = world.http(replica).get("/browse", &run);
            assert_eq!(
                response.outcome(),
                (401, "token_revoked".to_owned()),
                "{what}"
            );
        }
        let shown = world
            .http(0)
            .get(&format!("/agent-runs/{id}"), admin)
            .json();
        assert_eq!(shown["status"], "revoked", "{what}");
    }
    // A suspension; the run stays ended when it is lifted.
    let (grace, secret) = world.replicas[0].join_with_token(admin, "grace@example.com");
    let path = format!("/admin/users/{grace}");
    let (_, run) = world.run(&secret, "agent", None);
    for step in ["suspend", "unsuspend"] {
        let _ = world.post(&format!("{path}/{step}"), admin, &json!({}));
        let response = world.http(1).get("/me", &run);
        assert_eq!(
            response.outcome(),
            (401, "token_revoked".to_owned()),
            "{step}"
        );
    }
    assert_eq!(world.http(1).get("/me", &secret).status, 200);
}

fn items_of_a_dead_agent_become_available_again(kind: Kind) {
    let world = World::new(kind);
    let admin = world.admin.token.as_str();
    let key = world.item("Held");
    let claim = format!("/browse/{key}/claim");
    let (id, first) = world.run(admin, "first", None);
    let (_, second) = world.run(admin, "second", None);
    assert_eq!(world.http(0).post(&claim, &first, &json!({})).status, 200);
    let rejected = world.http(1).post(&claim, &second, &json!({}));
    assert_eq!(rejected.outcome(), (409, "work_item_claimed".to_owned()));
    let ended = world.http(0).delete(&format!("/agent-runs/{id}"), admin);
    assert_eq!(ended.status, 204);
    let queue = world.http(1).get("/browse/queue", &second).json();
    assert_eq!(queue["available"]["items"][0]["key"], key.as_str());
    let claimed = world.http(1).post(&claim, &second, &json!({}));
    assert_eq!(claimed.status, 200, "{claimed:?}");
    assert_eq!(claimed.json()["activeAgentId"], "second");
}
