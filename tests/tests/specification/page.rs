//! The specification that this project implements, and how the tests read it.

use serde_json::Value;

pub(crate) const PAGE: &str = include_str!("personal-access-tokens.txt");
/// The server in the page's examples.
const SERVER: &str = "https://app.openindex.dev";
/// The token in the page's examples.
const TOKEN: &str = "oi_pat_...";

/// Returns the only command of the page that starts like this, with the test's token and server in
/// place of the page's.
pub(crate) fn command(start: &str, token: &str, server: &str) -> String {
    let mut lines = PAGE.lines().skip_while(|line| !line.starts_with(start));
    let mut command = lines
        .next()
        .unwrap_or_else(|| panic!("the page has the command {start}"))
        .to_owned();
    while command.ends_with('\\') {
        command.push('\n');
        command.push_str(lines.next().expect("the rest of it"));
    }
    command.replace(TOKEN, token).replace(SERVER, server)
}

/// Returns the JSON bodies of the page, in order.
pub(crate) fn bodies() -> Vec<Value> {
    let blocks = PAGE.split('{').skip(1);
    blocks
        .map(|block| {
            let (body, _) = block.split_once('}').expect("an end");
            serde_json::from_str(&format!("{{{body}}}")).expect("JSON")
        })
        .collect()
}

/// Returns the cells of the table with this head.
pub(crate) fn rows(head: &str) -> Vec<Vec<&'static str>> {
    let lines = PAGE.lines().skip_while(|line| *line != head).skip(2);
    lines
        .take_while(|line| line.ends_with('|'))
        .map(|line| {
            line.trim_end_matches('|')
                .split(" | ")
                .map(str::trim)
                .collect()
        })
        .collect()
}

#[test]
fn the_page_is_taken_apart_as_it_is_written() {
    let server = "http://127.0.0.1:1";
    assert_eq!(
        command("curl", "oi_pat_x", server),
        "curl -X GET \"http://127.0.0.1:1/me\" \\\n-H \"Authorization: Bearer oi_pat_x\""
    );
    assert_eq!(bodies().len(), 2);
    let scopes = rows("| Scope | Access |");
    assert_eq!((scopes[0][0], scopes[1][0]), ("read_write", "admin"));
    let statuses = rows("| Status | Meaning | Resolution |");
    assert_eq!(
        (statuses[0][0], statuses[1][0]),
        ("401 Unauthorized", "403 Forbidden")
    );
}
