//! `docs/dependencies.md`, compared with the manifests of the product.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Folders of the crates that are linked into a program or embedded by a service.
const PRODUCT: [&str; 12] = [
    "adapters-argon2",
    "adapters-http",
    "adapters-postgres",
    "adapters-sql",
    "adapters-sqlite",
    "adapters-system",
    "app",
    "cli",
    "coalescing",
    "command-line",
    "domain",
    "token-index",
];
/// The other members of the workspace.
const OTHERS: [&str; 5] = [
    "bench",
    "bench/http",
    "examples/own-users",
    "examples/verify-only",
    "tests",
];

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).expect(path)
}

/// Returns the crates of others in the sections for all builds.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut is_ours = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_ours = line.ends_with("dependencies]") && !line.ends_with("dev-dependencies]");
        } else if let (true, Some((name, _))) = (is_ours, line.split_once([' ', '.'])) {
            found.insert(name.to_owned());
        }
    }
    found.retain(|name| !name.starts_with("openindex-") && !name.starts_with('#'));
    found
}

#[test]
fn each_dependency_of_the_product_has_a_row_that_says_what_it_is_for() {
    let used: BTreeSet<String> = PRODUCT
        .iter()
        .flat_map(|folder| dependencies(&read(&format!("{folder}/Cargo.toml"))))
        .collect();
    let page = read("docs/dependencies.md");
    let (first, _) = page
        .split_once("## What is our own")
        .expect("the second table");
    let documented: BTreeSet<String> = first
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(documented, used);
}

#[test]
fn each_member_of_the_workspace_is_known() {
    let manifest = read("Cargo.toml");
    let (_, members) = manifest.split_once("members = [").expect("members");
    let (members, _) = members.split_once(']').expect("their end");
    let mut members: Vec<_> = members.split('"').skip(1).step_by(2).collect();
    members.sort_unstable();
    let mut known = [&PRODUCT[..], &OTHERS].concat();
    known.sort_unstable();
    assert_eq!(members, known);
}

#[test]
fn a_manifest_is_read_without_what_only_tests_use() {
    let manifest = "[package]\nname = \"a\"\n[dependencies]\n# why\nb.workspace = true\n\
                    c = { version = \"1\" }\nopenindex-d.workspace = true\n\
                    [target.'cfg(unix)'.dependencies]\ne.workspace = true\n\
                    [dev-dependencies]\nf.workspace = true\n";
    let expected = ["b", "c", "e"].map(str::to_owned);
    assert_eq!(dependencies(manifest), expected.into());
}
