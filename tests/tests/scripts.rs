//! The scripts of this repository, as a contributor runs them.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

fn postgres(arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres");
    Command::new(script)
        .args(arguments)
        .output()
        .expect("the script runs")
}

/// As root, the server runs as another user, who may have no access to a home directory.
#[test]
fn a_cluster_in_a_closed_home_starts_or_names_the_directory_that_keeps_its_user_out() {
    let home = tempfile::tempdir().expect("a directory");
    set_permissions(home.path(), Permissions::from_mode(0o700)).expect("its mode");
    let within = home.path().join("work");
    std::fs::create_dir(&within).expect("a directory");
    let directory = within.join("cluster");
    let directory = directory.to_str().expect("text");
    let started = postgres(&["start", directory]);
    let message = String::from_utf8_lossy(&started.stderr);
    if started.status.success() {
        assert!(postgres(&["stop", directory]).status.success());
        return;
    }
    let expected = format!("cannot enter {} (mode 700)", home.path().display());
    assert!(message.contains(&expected), "{message}");
    assert!(
        message.contains("choose a directory elsewhere"),
        "{message}"
    );
    assert!(!Path::new(directory).exists());
}
