use serde_json::{Value, json};

use crate::stub::{RUN_ID, Stub, agent_run, page};
use crate::support::{Home, new_token};

fn runs<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["agent-run"][..], arguments].concat()
}

fn started() -> Value {
    let mut run = agent_run();
    run["token"] = new_token().into();
    run
}

#[test]
fn starting_a_run_prints_its_token() {
    let response = started();
    let server = Stub::new(&[("POST /agent-runs", 201, &response.to_string())]);
    let home = Home::with_profile(&server.url);
    let ran = home.run(&runs(&[
        "start",
        "--agent-id",
        "builder-7",
        "--work-item",
        "OPS-42",
        "--ttl",
        "30m",
    ]));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.json(), response);
    assert_eq!(
        server.last_body(),
        json!({"agentId": "builder-7", "workItemKey": "OPS-42", "ttlSeconds": 1_800})
    );
    let ran = home.run(&runs(&["start", "--agent-id", "builder-7", "--token-only"]));
    assert_eq!(
        (ran.status, ran.stdout, ran.stderr),
        (0, format!("{}\n", new_token()), String::new())
    );
    assert_eq!(
        server.last_body(),
        json!({"agentId": "builder-7", "ttlSeconds": 3_600})
    );
}

#[test]
fn the_agent_comes_from_flag_then_environment_then_profile() {
    let server = Stub::new(&[("POST /agent-runs", 201, &started().to_string())]);
    let agent = |home: &Home, arguments: &[&str]| {
        assert_eq!(home.run(&runs(arguments)).status, 0);
        server.last_body()["agentId"].clone()
    };
    let home = Home::with_agent(&server.url, "profiles");
    assert_eq!(agent(&home, &["start"]), "profiles");
    let home = home.set("OPENINDEX_AGENT_ID", "environments");
    assert_eq!(agent(&home, &["start"]), "environments");
    assert_eq!(agent(&home, &["start", "--agent-id", "flags"]), "flags");
}

#[test]
fn a_page_of_runs_is_printed_unchanged() {
    let list = page(&[agent_run()], Some("c"));
    let server = Stub::new(&[
        ("GET /agent-runs?limit=50", 200, &list),
        (
            "GET /agent-runs?includeEnded=true&cursor=b&limit=7",
            200,
            &list,
        ),
    ]);
    let home = Home::with_profile(&server.url);
    for arguments in [
        &["list"][..],
        &["ls", "--ended", "--limit", "7", "--cursor", "b"],
    ] {
        let ran = home.run(&runs(arguments));
        assert_eq!(ran.status, 0, "{ran:?}");
        assert_eq!(ran.json(), serde_json::from_str::<Value>(&list).unwrap());
        assert!(ran.stderr.contains("--cursor c"), "{ran:?}");
    }
}

#[test]
fn ending_without_a_terminal_requires_yes() {
    let path = format!("DELETE /agent-runs/{RUN_ID}");
    let server = Stub::new(&[(path.leak(), 204, "")]);
    let home = Home::with_profile(&server.url);
    let document = home.run(&runs(&["end", RUN_ID])).assert_failed(2, "usage");
    let message = document["error"]["message"].as_str().unwrap();
    assert!(message.contains("--yes"), "{message}");
    let ran = home.run(&runs(&["end", "--yes", RUN_ID, RUN_ID]));
    assert_eq!((ran.status, ran.json()), (0, json!({"ended": [RUN_ID]})));
    assert_eq!(server.requests(), [format!("DELETE /agent-runs/{RUN_ID}")]);
    let unknown = RUN_ID.replace('9', "8");
    let ran = home.run(&runs(&["end", "--yes", RUN_ID, &unknown]));
    assert_eq!(ran.assert_failed(1, "not_found")["ended"], json!([RUN_ID]));
}

#[test]
fn an_invalid_command_line_exits_with_2_and_sends_nothing() {
    let server = Stub::new(&[]);
    let home = Home::with_profile(&server.url);
    let secret = new_token();
    for arguments in [
        // No agent.
        &["start"][..],
        &["start", "--agent-id", "two words"],
        &["start", "--agent-id", ""],
        &["start", "--agent-id", "a", "--ttl", "59s"],
        &["start", "--agent-id", "a", "--ttl", "25h"],
        &["start", "--agent-id", "a", "--ttl", "soon"],
        &["start", "--agent-id", "a", "--work-item", "o-42"],
        &["start", "--agent-id", "a", "--token-only", "--json"],
        &["end", "--yes"],
        &["end", "--yes", "builder-7"],
        &["end", "--yes", &secret],
        &["list", "--limit", "0"],
    ] {
        home.run(&runs(arguments)).assert_failed(2, "usage");
    }
    let home = home.set("OPENINDEX_AGENT_ID", "two words");
    let ran = home.run(&runs(&["start"]));
    ran.assert_failed(2, "usage");
    assert!(ran.stderr.contains("OPENINDEX_AGENT_ID"), "{ran:?}");
    assert!(server.requests().is_empty());
}
