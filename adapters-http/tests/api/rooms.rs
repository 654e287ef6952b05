//! The modules of this crate import each other in one direction only.

use std::fs;
use std::path::Path;

/// Each module with those that it may import.
const ROOMS: [(&str, &[&str]); 6] = [
    ("wire", &[]),
    ("client", &["wire"]),
    ("guard", &["wire"]),
    ("remote", &["guard", "wire"]),
    ("server", &["guard", "wire"]),
    ("web", &["guard", "server", "wire"]),
];

fn check(folder: &Path, room: &str, allowed: &[&str], wrong: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            check(&path, room, allowed, wrong);
            continue;
        }
        let source = fs::read_to_string(&path).expect("a source file");
        for (other, _) in ROOMS {
            let imports = source.contains(&format!("crate::{other}::"))
                || source.contains(&format!("crate::{other};"));
            if imports && other != room && !allowed.contains(&other) {
                wrong.push(format!("{} imports {other}", path.display()));
            }
        }
        // Otherwise, an import would be hidden from this test.
        for hidden in ["use crate::{", "super::super::super"] {
            if source.contains(hidden) {
                wrong.push(format!("{} contains {hidden}", path.display()));
            }
        }
    }
}

#[test]
fn modules_import_each_other_in_one_direction() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (room, allowed) in ROOMS {
        check(&source.join(room), room, allowed, &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
