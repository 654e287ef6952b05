use super::*;
use crate::commands::tests::STYLE;

const TOKEN: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Scans the text as standard input, in chunks of `size` bytes.
fn scanned(text: &str, size: usize) -> Vec<String> {
    let (mut scanner, mut diff) = (Scanner::default(), Diff::new(STDIN));
    let mut job = Job::default();
    for chunk in text.as_bytes().chunks(size) {
        job.feed_lines(chunk, &mut scanner, &mut diff).unwrap();
    }
    job.finish_lines(&mut scanner, &diff).unwrap();
    let lines = human(&job.output, false, &STYLE);
    let lines = lines.lines().filter(|line| line.contains("oi_"));
    lines
        .map(|line| line.replace(" personal access token oi_pat_…wm0h", ""))
        .collect()
}

#[test]
fn a_diff_names_the_lines_of_its_files_and_the_commits() {
    let log = format!(
        "commit {COMMIT}\nAuthor: Ada <ada@example.com>\n\n    Use {TOKEN}\n\n\
         diff --git a/src/a.env b/src/a.env\nindex 0..1 100644\n--- a/src/a.env\n+++ b/src/a.env\n\
         @@ -10,4 +10,5 @@ fn {TOKEN}\n kept {TOKEN}\n-old={TOKEN}\n--- a/{TOKEN}\n\
         +\tnew='{TOKEN}'\n++++ b/no\n+a\n last {TOKEN}\n\\ No newline at end of file\n\
         @@ -90 +91 @@\n-x\n+{TOKEN}\n\
         diff --git a/gone b/gone\n--- a/gone\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-{TOKEN}\n\
         -- \n{TOKEN}\ncommit deadbeef\n+{TOKEN}\n"
    );
    let expected = [
        "-:4:9: (commit 0123456789ab)",
        "-:10:22: (commit 0123456789ab)",
        "src/a.env:10:6: (commit 0123456789ab, unchanged)",
        "src/a.env:11:5: (commit 0123456789ab, removed)",
        "src/a.env:12:6: (commit 0123456789ab, removed)",
        "src/a.env:11:7: (commit 0123456789ab, added)",
        "src/a.env:14:6: (commit 0123456789ab, unchanged)",
        "src/a.env:91:1: (commit 0123456789ab, added)",
        "gone:1:1: (commit 0123456789ab, removed)",
        "-:28:1: (commit 0123456789ab)",
        "-:30:2: (commit 0123456789ab)",
    ];
    for size in [1, 13, log.len()] {
        assert_eq!(scanned(&log, size), expected, "{size}");
    }
}

#[test]
fn a_diff_without_git_and_ordinary_text_are_located() {
    let diff = format!(
        "--- old dir/a.txt\t2026-11-01 00:00:00\n+++ \"b/new \\303\\251.txt\"\n@@ -0,0 +1,2 @@\n+\n\
         +{TOKEN}\n"
    );
    assert_eq!(scanned(&diff, 5), ["new \\303\\251.txt:2:1: (added)"]);
    let text = format!("one\r\n\r\n - {TOKEN}, {TOKEN}");
    assert_eq!(scanned(&text, 4), ["-:3:4:", "-:3:61:"]);
    let hostile = format!(
        "@@ -18446744073709551615,9 +18446744073709551615,9 @@\n {TOKEN}\n \n {TOKEN}\n@@@ x\n"
    );
    assert_eq!(scanned(&hostile, 9).len(), 2);
}

#[test]
fn the_log_has_the_required_fields_of_sarif_and_no_token() {
    let mut job = Job::default();
    let secret = Secret::parse(TOKEN).unwrap();
    let place = Place { line: 3, column: 7 };
    job.found(Found::Secret(secret, place), |place| {
        Location::of("./a dir/100% #é.env", place)
    });
    job.unreadable(
        Path::new("/secret"),
        &io::ErrorKind::PermissionDenied.into(),
    );
    let mut log = sarif::log(&job.output);
    let version = &mut log["runs"][0]["tool"]["driver"]["version"];
    assert_eq!(version.take(), env!("CARGO_PKG_VERSION"));
    assert!(!log.to_string().contains(&TOKEN[7..40]));
    insta::assert_snapshot!(serde_json::to_string_pretty(&log).unwrap());
}
