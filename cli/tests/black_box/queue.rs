use serde_json::json;

use crate::stub::{Stub, problem, work_item_summary};
use crate::support::{Home, run_token};

fn queue() -> String {
    json!({
        "available": {"items": [work_item_summary("OPS-42")], "more": true},
        "mine": {"items": [], "more": false},
    })
    .to_string()
}

#[test]
fn the_queue_is_printed_unchanged_with_only_a_note() {
    let body = queue();
    let server = Stub::new(&[("GET /browse/queue?limit=1", 200, &body)]);
    let ran = Home::with_profile(&server.url).run(&["queue", "list", "--limit", "1"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(ran.json().to_string(), body);
    assert_eq!(
        ran.stderr,
        "note: there are more items; pass a higher --limit to list them\n"
    );
}

#[test]
fn the_queue_is_for_the_agent_or_else_for_the_user() {
    let body = queue();
    let server = Stub::new(&[
        ("GET /browse/queue", 200, &body),
        ("GET /browse/queue?agentId=profiles", 200, &body),
        ("GET /browse/queue?agentId=environments", 200, &body),
        ("GET /browse/queue?agentId=team%2Fci", 200, &body),
    ]);
    let flag = ["queue", "list", "--agent-id", "team/ci"];
    let person = Home::with_profile(&server.url);
    let agent = Home::with_agent(&server.url, "profiles");
    assert_eq!(person.run(&flag[..2]).status, 0);
    assert_eq!(agent.run(&flag[..2]).status, 0);
    let agent = agent.set("OPENINDEX_AGENT_ID", "environments");
    assert_eq!(agent.run(&flag[..2]).status, 0);
    assert_eq!(agent.run(&flag).status, 0);
    // A run uses its own agent, whatever is configured for the user.
    let run = agent.set("OPENINDEX_TOKEN", run_token());
    assert_eq!(run.run(&flag[..2]).status, 0);
    assert_eq!(
        server.requests(),
        [
            "GET /browse/queue",
            "GET /browse/queue?agentId=profiles",
            "GET /browse/queue?agentId=environments",
            "GET /browse/queue?agentId=team%2Fci",
            "GET /browse/queue",
        ]
    );
}

#[test]
fn a_run_that_names_another_agent_is_rejected_by_the_server() {
    let body = problem(403, "agent_mismatch", "this agent run belongs to builder-7");
    let server = Stub::new(&[("GET /browse/queue?agentId=other", 403, &body)]);
    let home = Home::with_profile(&server.url).set("OPENINDEX_TOKEN", run_token());
    let ran = home.run(&["queue", "list", "--agent-id", "other"]);
    let document = ran.assert_failed(4, "agent_mismatch");
    assert_eq!(document["source"], "OPENINDEX_TOKEN");
}
