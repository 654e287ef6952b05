//! `scripts/release` in a throw-away clone, whose checks and packages only leave a note.

use std::fs::{self, Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Notes what it was called with, and fails if it is told to.
const STEP: &str = "#!/bin/sh\necho \"$0 $*\" >>\"$STEPS\"\n[ ! -e \"$STEPS.fails\" ]\n";

/// A clone of this repository, as it is in the working directory.
struct Clone {
    directory: TempDir,
    /// The version of the working directory.
    current: [u64; 3],
}

impl Clone {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let current = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).expect("Cargo.toml");
        let current = current
            .lines()
            .find_map(|line| line.strip_prefix("version = "));
        let current = current.expect("a version").trim_matches('"').split('.');
        let current: Vec<_> = current.map(|it| it.parse().expect("a number")).collect();
        let clone = Self {
            directory,
            current: current.try_into().expect("three numbers"),
        };
        let path = clone.path().display().to_string();
        let arguments = ["clone", "--quiet", "--shared", "--no-tags", ROOT, &path];
        clone.git_in(Path::new(ROOT), &arguments);
        clone.git(&["remote", "remove", "origin"]);
        clone.git(&["checkout", "--quiet", "-B", "main"]);
        // What is not committed yet, and the fixture that a new migration requires.
        clone.run(
            "cp \"$ROOT/scripts/release\" scripts/ && rm -rf tests/fixtures && \
             cp -r \"$ROOT/tests/fixtures\" tests/ && \
             newest=$(ls -d tests/fixtures/*/ | sort -V | tail -n 1) && \
             sha384sum $(git ls-files 'adapters-*/migrations*/*.sql') >\"$newest/migrations.txt\"",
        );
        clone.write("scripts/test", STEP);
        clone.write("scripts/package", STEP);
        let readme = clone.read("README.md").replace("is unreleased", "is");
        clone.write("README.md", &readme);
        let changes = clone.read("CHANGELOG.md");
        let changes = changes.replacen("## Unreleased", "## Unreleased\n\n- New.", 1);
        clone.write("CHANGELOG.md", &changes);
        clone.commit("Prepare");
        clone
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("clone")
    }

    fn steps(&self) -> PathBuf {
        self.directory.path().join("steps")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect(name);
    }

    fn command(&self, program: &str, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(directory)
            .env("ROOT", ROOT)
            .env("STEPS", self.steps())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_COMMITTER_NAME", "Ada")])
            .env("GIT_AUTHOR_EMAIL", "ada@example.com")
            .env("GIT_COMMITTER_EMAIL", "ada@example.com");
        command
    }

    fn run(&self, script: &str) {
        let mut shell = self.command("sh", &self.path());
        let output = shell.args(["-c", script]).output().expect("sh runs");
        assert!(output.status.success(), "{output:?}");
    }

    fn git_in(&self, directory: &Path, arguments: &[&str]) -> String {
        let output = self.command("git", directory).args(arguments).output();
        let output = output.expect("git runs");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        text.trim_end().to_owned()
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.path(), arguments)
    }

    fn commit(&self, subject: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", subject]);
    }

    /// The state that a release changes.
    fn state(&self) -> [String; 3] {
        [
            self.git(&["rev-parse", "HEAD"]),
            self.git(&["tag", "--list"]),
            self.git(&["status", "--porcelain"]),
        ]
    }

    /// Returns the next version: with the next number in this place, from 0.
    fn next(&self, place: usize) -> String {
        let mut numbers = self.current;
        numbers[place] += 1;
        numbers[place + 1..].fill(0);
        numbers.map(|number| number.to_string()).join(".")
    }

    fn release(&self, arguments: &[&str]) -> Output {
        let script = self.path().join("scripts/release");
        let mut script = self.command(script.to_str().expect("text"), &self.path());
        script.args(arguments).output().expect("the script runs")
    }

    /// Returns the output of a release that succeeds, without an error.
    fn releases(&self, arguments: &[&str]) -> String {
        let output = self.release(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Asserts that a release fails with this message and changes nothing.
    fn rejects(&self, version: &str, message: &str) {
        let before = self.state();
        let output = self.release(&[version]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{output:?}");
        assert!(said.contains(message), "{message}: {said}");
        assert_eq!(self.state(), before, "{message}");
    }
}

#[test]
fn a_release_is_a_commit_a_tag_and_packages() {
    let clone = Clone::new();
    let version = clone.next(1);
    let said = clone.releases(&[&version]);
    assert!(
        said.contains(&format!("git push origin main v{version}")),
        "{said}"
    );
    assert!(
        clone
            .read("Cargo.toml")
            .contains(&format!("\nversion = \"{version}\"\n"))
    );
    let members = clone.read("Cargo.toml");
    let members = members.lines().filter(|line| line.contains("path = \""));
    let members: Vec<_> = members.filter(|line| line.contains("version")).collect();
    let is_set = |line: &&str| line.contains(&format!("version = \"{version}\""));
    assert!(
        members.len() > 5 && members.iter().all(is_set),
        "{members:?}"
    );
    let locked = format!("name = \"openindex-app\"\nversion = \"{version}\"\n");
    assert!(clone.read("Cargo.lock").contains(&locked));
    let described: Value = serde_json::from_str(&clone.read("docs/openapi.json")).expect("JSON");
    assert_eq!(described["info"]["version"], *version);
    let changes = clone.read("CHANGELOG.md");
    let dated = format!("## Unreleased\n\n## {version} - 20");
    assert!(changes.contains(&dated), "{changes}");
    assert!(changes.contains("\n\n- New.\n"), "{changes}");
    let listed = clone.read("tests/fixtures/releases.txt");
    assert!(
        listed
            .lines()
            .last()
            .expect("a line")
            .starts_with(&format!("{version} "))
    );
    let [head, tags, status] = clone.state();
    assert_eq!((tags, status), (format!("v{version}"), String::new()));
    let tagged = clone.git(&["rev-parse", &format!("v{version}^{{commit}}")]);
    assert_eq!(tagged, head);
    let kind = clone.git(&["cat-file", "-t", &format!("v{version}")]);
    assert_eq!(kind, "tag", "annotated");
    let files = clone.git(&["show", "--format=%s", "--name-only"]);
    assert!(
        files.starts_with(&format!("Release {version}\n")),
        "{files}"
    );
    let steps = || fs::read_to_string(clone.steps()).expect("steps");
    assert_eq!(steps(), "scripts/test --quick\nscripts/package build\n");

    // Again, as after a failure of the build.
    let said = clone.releases(&[&version]);
    assert!(
        said.contains("Already committed") && said.contains("Already tagged"),
        "{said}"
    );
    assert_eq!(clone.state()[0], head);
    assert!(steps().ends_with("scripts/package build\nscripts/package build\n"));

    clone.write("docs/errors.md", "changed");
    clone.commit("Change something");
    clone.rejects(
        &version,
        "which is not the current commit; choose a higher version",
    );
    clone.rejects(&clone.next(2), "is not higher than");
    // Nothing was added since.
    clone.rejects(&clone.next(0), "nothing under Unreleased");
}

#[test]
fn a_dry_run_changes_nothing() {
    let clone = Clone::new();
    let before = clone.state();
    let version = clone.next(2);
    let said = clone.releases(&["--dry-run", &version]);
    for step in [
        format!("Would set the version {version}"),
        format!("under: ## {version} - 20"),
        format!("Would commit: Release {version}"),
        format!("Would tag: v{version}"),
        "Would build the packages".to_owned(),
    ] {
        assert!(said.contains(&step), "{step}: {said}");
    }
    assert_eq!(clone.state(), before);
    let steps = fs::read_to_string(clone.steps()).expect("steps");
    assert_eq!(steps, "scripts/test --quick\n");
}

#[test]
fn what_cannot_be_released_is_left_unchanged() {
    let clone = Clone::new();
    let version = clone.next(2);
    for malformed in ["1.0", "v9.0.0", "9.0.0-rc.1", "9.00.0"] {
        clone.rejects(malformed, "is not a version such as");
    }
    clone.rejects("0.0.0", "0.0.0 is ");
    let changed = |name: &str, text: &str, message: &str| {
        let before = clone.git(&["rev-parse", "HEAD"]);
        clone.write(name, text);
        clone.commit("Change something");
        clone.rejects(&version, message);
        clone.git(&["reset", "--quiet", "--hard", &before]);
    };
    let migration = "adapters-sqlite/migrations/0999_new.sql";
    changed(
        migration,
        "SELECT 1;",
        &format!("scripts/fixture {version}"),
    );
    let migration = "adapters-sqlite/migrations/0001_tokens.sql";
    changed(
        migration,
        "SELECT 1;",
        &format!("scripts/fixture {version}"),
    );
    changed("README.md", "It is unreleased", "README.md says");
    changed("CHANGELOG.md", "# Changelog", "has 0 headings");
    clone.write("docs/errors.md", "changed");
    clone.rejects(&version, "uncommitted changes");
    clone.git(&["restore", "."]);
    clone.git(&["checkout", "--quiet", "-b", "other"]);
    clone.rejects(&version, "are made on main, not on other");
    clone.git(&["checkout", "--quiet", "main"]);
    assert!(
        !clone.steps().exists(),
        "checked before anything takes time"
    );
    clone.releases(&[&version]);
}

#[test]
fn a_release_that_failed_is_continued() {
    let clone = Clone::new();
    let version = clone.next(2);
    let fails = clone.steps().with_extension("fails");
    fs::write(&fails, "").expect("written");
    clone.rejects(&version, "");
    fs::remove_file(&fails).expect("removed");
    // No commit: everything is undone.
    let hook = clone.path().join(".git/hooks/pre-commit");
    fs::create_dir_all(hook.parent().expect("a folder")).expect("a folder");
    fs::write(&hook, "#!/bin/sh\nexit 1\n").expect("written");
    set_permissions(&hook, Permissions::from_mode(0o755)).expect("its mode");
    clone.rejects(&version, "");
    // The packages: the commit and the tag remain.
    let failing = format!("#!/bin/sh\ntouch '{}'\n", fails.display());
    fs::write(&hook, failing).expect("written");
    let output = clone.release(&[&version]);
    assert!(!output.status.success(), "{output:?}");
    let [head, tags, _] = clone.state();
    assert_eq!(tags, format!("v{version}"));
    fs::remove_file(&fails).expect("removed");
    clone.git(&["tag", "--delete", &tags]);
    let said = clone.releases(&[&version]);
    assert!(
        said.contains("Already committed") && said.contains("Tagged: "),
        "{said}"
    );
    assert_eq!(clone.state(), [head, tags, String::new()]);
}
