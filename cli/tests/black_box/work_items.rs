use serde_json::{Value, json};

use crate::stub::{Stub, page, problem, user_id, work_item, work_item_summary};
use crate::support::{Home, Ran, run_token};

fn run(server: &Stub, arguments: &[&str]) -> Ran {
    run_in(&Home::with_profile(&server.url), arguments)
}

fn run_in(home: &Home, arguments: &[&str]) -> Ran {
    home.run(&[&["work-item"][..], arguments].concat())
}

#[test]
fn filters_are_sent_and_the_page_is_printed_unchanged() {
    let list = page(&[work_item_summary("OPS-42.1")], None);
    let path = "GET /browse?agentId=builder-7&assignee=me&domain=OPS&executionTarget=agent\
                &kind=sub_task&parent=OPS-42&priority=high&q=fix+it\
                &status=todo%2Cin_progress%2Cdone&limit=7";
    let server = Stub::new(&[(path, 200, &list), ("GET /browse?limit=50", 200, &list)]);
    let ran = run(
        &server,
        &[
            "list",
            "--domain",
            "OPS",
            "--kind",
            "sub_task",
            "--status",
            "todo,in_progress",
            "--status",
            "done",
            "--priority",
            "high",
            "--target",
            "agent",
            "--assignee",
            "me",
            "--agent",
            "builder-7",
            "--parent",
            "OPS-42",
            "--search",
            "fix it",
            "--limit",
            "7",
        ],
    );
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.json(), serde_json::from_str::<Value>(&list).unwrap());
    assert_eq!(run(&server, &["ls"]).json(), ran.json());
}

#[test]
fn all_pages_are_one_list() {
    let first = page(&[work_item_summary("OPS-2")], Some("b"));
    let second = page(&[work_item_summary("OPS-1")], None);
    let server = Stub::new(&[
        ("GET /browse?limit=200", 200, &first),
        ("GET /browse?cursor=b&limit=200", 200, &second),
    ]);
    let list = run(&server, &["list", "--all"]).json();
    assert_eq!(list["items"][0]["key"], "OPS-2");
    assert_eq!(list["items"][1]["key"], "OPS-1");
    assert_eq!(list["nextCursor"], Value::Null);
}

#[test]
fn an_item_is_printed_with_its_description() {
    let item = work_item("OPS-42");
    let server = Stub::new(&[("GET /browse/OPS-42", 200, &item.to_string())]);
    let ran = run(&server, &["get", "OPS-42"]);
    assert_eq!((ran.status, ran.json()), (0, item));
}

#[test]
fn an_item_is_created_in_a_domain_or_as_a_sub_task() {
    let item = work_item("OPS-42");
    let server = Stub::new(&[("POST /browse", 201, &item.to_string())]);
    let ran = run(
        &server,
        &["create", "--domain", "OPS", "--title", " Fix it "],
    );
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.json(), item);
    assert_eq!(
        server.last_body(),
        json!({"domain": "OPS", "title": "Fix it"})
    );
    let arguments = [
        "create",
        "--domain",
        "OPS",
        "--title",
        "Move",
        "--kind",
        "project",
        "--description",
        "- one\n- two",
        "--priority",
        "urgent",
        "--target",
        "human",
        "--assignee",
        "me",
    ];
    assert_eq!(run(&server, &arguments).status, 0);
    assert_eq!(
        server.last_body(),
        json!({
            "domain": "OPS", "title": "Move", "kind": "project", "description": "- one\n- two",
            "priority": "urgent", "executionTarget": "human", "assignee": "me",
        })
    );
    assert_eq!(
        run(&server, &["create", "--parent", "OPS-42", "--title", "x"]).status,
        0
    );
    assert_eq!(
        server.last_body(),
        json!({"parent": "OPS-42", "title": "x"})
    );
}

#[test]
fn a_description_can_be_read_from_a_file_or_a_pipe() {
    let item = work_item("OPS-42").to_string();
    let server = Stub::new(&[
        ("POST /browse", 201, &item),
        ("PATCH /browse/OPS-42", 200, &item),
    ]);
    let home = Home::with_profile(&server.url);
    let text = "# Why\n\n- é\n";
    let arguments = ["create", "--domain", "OPS", "--title", "x"];
    for flag in ["--description-file", "--description"] {
        let piped = [&["work-item"], &arguments[..], &[flag, "-"]].concat();
        assert_eq!(home.run_with(&piped, text).status, 0);
        assert_eq!(server.last_body()["description"], text);
    }
    let file = home.config_file().with_file_name("plan.md");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let ran = run_in(&home, &["update", "OPS-42", "--description-file", file]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(server.last_body(), json!({"description": text}));
    let ran = run_in(
        &home,
        &["update", "OPS-42", "--description-file", "missing.md"],
    );
    ran.assert_failed(1, "description_unreadable");
    assert!(ran.stderr.contains("cannot read missing.md"), "{ran:?}");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn an_update_sends_only_the_changes_and_the_version() {
    let item = work_item("OPS-42").to_string();
    let server = Stub::new(&[("PATCH /browse/OPS-42", 200, &item)]);
    let other = user_id(7);
    for (arguments, body) in [
        (&["--status", "done"][..], json!({"status": "done"})),
        (
            &["--title", " x ", "--description", ""],
            json!({"title": "x", "description": ""}),
        ),
        (
            &["--priority", "low", "--target", "either"],
            json!({"priority": "low", "executionTarget": "either"}),
        ),
        (&["--assignee", "me"], json!({"assignee": "me"})),
        (&["--assignee", &other], json!({"assignee": other})),
        (&["--assignee", "none"], json!({"assignee": null})),
    ] {
        let ran = run(&server, &[&["update", "OPS-42"], arguments].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        assert_eq!(server.last_body(), body);
        assert_eq!(server.received().pop().unwrap().if_match, None);
    }
    run(
        &server,
        &["update", "OPS-42", "--status", "done", "--if-version", "3"],
    );
    let request = server.received().pop().unwrap();
    assert_eq!(request.if_match.as_deref(), Some("\"3\""));
}

#[test]
fn an_item_that_was_changed_in_the_meantime_is_not_overwritten() {
    let body = problem(412, "version_mismatch", "OPS-42 has version 4 by now");
    let server = Stub::new(&[("DELETE /browse/OPS-42", 412, &body)]);
    let arguments = ["delete", "OPS-42", "--yes", "--if-version", "3"];
    let document = run(&server, &arguments).assert_failed(1, "version_mismatch");
    assert_eq!(
        document["error"]["message"],
        "OPS-42 is at another version, not 3 (--if-version); nothing was deleted"
    );
    assert_eq!(server.received()[0].if_match.as_deref(), Some("\"3\""));
    // The current version is included if the item can be read.
    let item = work_item("OPS-42").to_string();
    let body = problem(412, "version_mismatch", "which If-Match rules out");
    let server = Stub::new(&[
        ("PATCH /browse/OPS-42", 412, &body),
        ("GET /browse/OPS-42", 200, &item),
    ]);
    let arguments = ["update", "OPS-42", "--status", "done", "--if-version", "3"];
    let ran = run(&server, &arguments);
    let document = ran.assert_failed(1, "version_mismatch");
    assert_eq!(
        document["error"]["message"],
        "OPS-42 is at version 1, not 3 (--if-version); nothing was changed"
    );
    assert_eq!(document["currentVersion"], 1);
    assert_eq!(document["error"]["nextCommand"], "oi work-item get OPS-42");
    assert!(ran.stderr.contains("then pass --if-version 1"), "{ran:?}");
    assert!(!ran.stderr.contains("If-Match"), "{ran:?}");
}

#[test]
fn deleting_without_a_terminal_requires_yes() {
    let server = Stub::new(&[("DELETE /browse/OPS-42", 204, "")]);
    let document = run(&server, &["delete", "OPS-42"]).assert_failed(2, "usage");
    let message = document["error"]["message"].as_str().unwrap();
    assert!(message.contains("--yes"), "{message}");
    assert!(server.requests().is_empty());
    let ran = run(&server, &["rm", "OPS-42", "--yes"]);
    assert_eq!(
        (ran.status, ran.json()),
        (0, json!({"deleted": ["OPS-42"]}))
    );
    assert_eq!(server.received().pop().unwrap().if_match, None);
}

#[test]
fn work_is_done_as_the_user_or_the_named_agent() {
    let item = work_item("OPS-42");
    let body = item.to_string();
    let server = Stub::new(&[
        ("POST /browse/OPS-42/claim", 200, &body),
        ("POST /browse/OPS-42/release", 200, &body),
        ("POST /browse/OPS-42/complete", 200, &body),
    ]);
    for action in ["claim", "release", "complete"] {
        let act = |home: &Home, flag: &[&str]| {
            let ran = run_in(home, &[&[action, "OPS-42"], flag].concat());
            assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
            assert_eq!(ran.json(), item);
            server.last_body()
        };
        let flag = ["--agent-id", "flags"];
        assert_eq!(act(&Home::with_profile(&server.url), &[]), json!({}));
        let home = Home::with_agent(&server.url, "profiles");
        assert_eq!(act(&home, &[]), json!({"agentId": "profiles"}));
        let home = home.set("OPENINDEX_AGENT_ID", "environments");
        assert_eq!(act(&home, &[]), json!({"agentId": "environments"}));
        assert_eq!(act(&home, &flag), json!({"agentId": "flags"}));
        // A run uses its own agent unless a flag names another.
        let home = home.set("OPENINDEX_TOKEN", run_token());
        assert_eq!(act(&home, &[]), json!({}));
        assert_eq!(act(&home, &flag), json!({"agentId": "flags"}));
    }
}

#[test]
fn a_claim_by_another_user_names_them_and_the_next_command() {
    let mut body: Value = serde_json::from_str(&problem(
        409,
        "work_item_claimed",
        "OPS-42 is claimed by agent builder-6",
    ))
    .unwrap();
    body["holder"] = json!({"agentId": "builder-6"});
    body["nextCommand"] = "oi queue list".into();
    let server = Stub::new(&[("POST /browse/OPS-42/claim", 409, &body.to_string())]);
    let ran = run(&server, &["claim", "OPS-42"]);
    let document = ran.assert_failed(1, "work_item_claimed");
    assert_eq!(document["error"]["status"], 409);
    assert_eq!(document["error"]["nextCommand"], "oi queue list");
    assert_eq!(document["holder"], json!({"agentId": "builder-6"}));
    assert!(ran.stderr.contains("OPS-42 is claimed by agent builder-6"));
    assert!(ran.stderr.contains("next: oi queue list"));
}

#[test]
fn an_invalid_command_line_exits_with_2_and_sends_nothing() {
    let server = Stub::new(&[]);
    let long = "x ".repeat(9);
    for arguments in [
        &["get"][..],
        &["get", "o-42"],
        &["get", "OPS-042"],
        &["list", "--status", "todo,open"],
        &["list", "--kind", "epic"],
        &["list", "--assignee", "none"],
        &["list", "--search", &long],
        &["list", "--domain", "o"],
        &["create", "--title", "x"],
        &["create", "--domain", "OPS"],
        &["create", "--domain", "OPS", "--title", " "],
        &["create", "--domain", "OPS", "--title", "a\nb"],
        &[
            "create", "--domain", "OPS", "--title", "x", "--kind", "sub_task",
        ],
        &[
            "create", "--domain", "OPS", "--title", "x", "--parent", "OPS-1",
        ],
        &[
            "create", "--parent", "OPS-1", "--title", "x", "--kind", "task",
        ],
        &[
            "create",
            "--domain",
            "OPS",
            "--title",
            "x",
            "--description",
            "\x1b[2J",
        ],
        &["update", "OPS-42"],
        &["update", "OPS-42", "--if-version", "3"],
        &["update", "OPS-42", "--title", "x", "--if-version", "0"],
        &[
            "update",
            "OPS-42",
            "--description",
            "x",
            "--description-file",
            "-",
        ],
        &["update", "OPS-42", "--assignee", "ada@example.com"],
        &["claim"],
        &["claim", "OPS-42", "--agent-id", "two words"],
    ] {
        run(&server, arguments).assert_failed(2, "usage");
    }
    assert!(server.requests().is_empty());
}
