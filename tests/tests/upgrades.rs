//! Databases of released versions, with data (`tests/fixtures`), migrated by the current programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use openindex_tests::fixture::{Fixture, Part, current_migrations, events, numbers};
use openindex_tests::{Database, Kind, Oi, Server, World, binary, both_stores};

both_stores! {
    a_database_of_each_release_is_migrated_and_everything_works,
    a_server_migrates_a_database_of_each_release_when_it_starts,
    migrations_only_add_within_one_minor_version,
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn oi_server(database: &Database, command: &str) -> Output {
    let output = Command::new(binary("oi-server"))
        .arg(command)
        .env("DATABASE_URL", database.url())
        .output();
    output.expect("oi-server runs")
}

fn assert_whole(database: &Database) {
    let checked = oi_server(database, "check");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{said} {checked:?}");
    assert!(said.contains("found no problem"), "{said}");
}

fn a_database_of_each_release_is_migrated_and_everything_works(kind: Kind) {
    for fixture in Fixture::all() {
        let (database, document) = fixture.load(Part::Server, kind);
        let world = World::from_json(&document["secrets"]);
        let migrated = oi_server(&database, "migrate");
        assert!(migrated.status.success(), "{fixture:?}: {migrated:?}");
        assert_whole(&database);
        let server = Server::start(&database);
        world.assert_works(&server);
        world.assert_goes_on(&server);
        let before = document["events"].as_array().expect("ids").iter();
        let before: Vec<_> = before.map(|id| id.as_str().expect("an id")).collect();
        let after = events(&server, &world);
        assert!(before.len() > 20 && after.len() > before.len());
        let last: Vec<_> = after[after.len() - before.len()..].iter().collect();
        assert_eq!(last, before);
        let (status, _) = server.stop();
        assert!(status.success());
        assert_whole(&database);
    }
}

fn a_server_migrates_a_database_of_each_release_when_it_starts(kind: Kind) {
    for fixture in Fixture::all() {
        let (database, document) = fixture.load(Part::Server, kind);
        let world = World::from_json(&document["secrets"]);
        world.assert_works(&Server::start(&database));
    }
}

fn migrations_only_add_within_one_minor_version(kind: Kind) {
    let last = Fixture::all().pop().expect("a fixture");
    let (database, _) = last.load(Part::Server, kind);
    let before = database.columns();
    assert!(before.contains("tokens.digest"), "{before:?}");
    let migrated = oi_server(&database, "migrate");
    assert!(migrated.status.success(), "{migrated:?}");
    let after = database.columns();
    let missing: Vec<_> = before.difference(&after).collect();
    let (previous, ..) = releases().pop().expect("a release");
    let [previous, current] = [&*previous, env!("CARGO_PKG_VERSION")].map(numbers);
    let is_same_minor = previous[..2] == current[..2];
    assert!(!is_same_minor || missing.is_empty(), "{missing:?}");
}

/// A server does not start if a migration differs from the one that was applied.
#[test]
fn released_migrations_never_change() {
    let current = current_migrations();
    for fixture in Fixture::all() {
        let released = fixture.migrations();
        assert!(!released.is_empty());
        for (file, checksum) in released {
            let found = current.get(&file);
            assert_eq!(
                found,
                Some(&checksum),
                "{} released {file}",
                fixture.version
            );
        }
    }
}

/// Otherwise, a database that has the later one applies them in another order.
#[test]
fn a_new_migration_has_a_higher_number_than_those_released() {
    let newest = Fixture::all().pop().expect("a fixture").migrations();
    let group = |file: &str| file.rsplit_once('/').expect("a folder").0.to_owned();
    let mut last = BTreeMap::new();
    for file in newest.keys() {
        // Files of a folder are in the order of their numbers.
        last.insert(group(file), file.clone());
    }
    for file in current_migrations().into_keys() {
        let is_new = !newest.contains_key(&file);
        let follows = last.get(&group(&file)).is_none_or(|last| *last < file);
        assert!(!is_new || follows, "{file} is new: number it higher");
    }
}

/// The releases of `tests/fixtures/releases.txt`: the version, the folder and the commit.
fn releases() -> Vec<(String, String, Option<String>)> {
    let path = Path::new(ROOT).join("tests/fixtures/releases.txt");
    let text = fs::read_to_string(path).expect("the releases");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            let mut next = || words.next();
            (
                next().expect("a version"),
                next().expect("a folder"),
                next(),
            )
        })
        .collect()
}

/// A migration that is added then starts from the last release, whose schema has a fixture.
#[test]
fn the_schema_of_each_release_has_a_fixture() {
    let fixtures = Fixture::all();
    let releases = releases();
    let folders: Vec<_> = releases.iter().map(|(_, folder, _)| folder).collect();
    for folder in &folders {
        let exists = fixtures.iter().any(|fixture| fixture.version == **folder);
        assert!(
            exists,
            "tests/fixtures/{folder} is missing: scripts/fixture"
        );
    }
    let newest = fixtures.last().expect("a fixture");
    assert_eq!(
        folders.last(),
        Some(&&newest.version),
        "of the last release"
    );
    let changelog = fs::read_to_string(Path::new(ROOT).join("CHANGELOG.md")).expect("a changelog");
    for heading in changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
    {
        let (version, date) = heading.split_once(" - ").unwrap_or((heading, ""));
        let is_listed = releases.iter().any(|(listed, ..)| listed == version);
        assert!(
            date.is_empty() || is_listed,
            "{version} is not in releases.txt"
        );
    }
    assert!(releases.is_sorted_by_key(|(version, ..)| numbers(version)));
}

/// By the history, if this clone has it.
#[test]
fn a_fixture_has_the_migrations_of_its_releases() {
    let git = |arguments: &[&str]| {
        let git = Command::new("git")
            .args(arguments)
            .current_dir(ROOT)
            .output();
        let output = git.ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let tags = git(&["tag", "--list", "v[0-9]*"]).unwrap_or_default();
    let releases = releases();
    for tag in tags.lines() {
        let version = tag.trim_start_matches('v');
        let is_listed = releases.iter().any(|(listed, ..)| listed == version);
        assert!(is_listed, "{tag} is not in releases.txt");
    }
    for (version, folder, commit) in releases {
        let tag = format!("v{version}");
        let tag = tags.lines().find(|found| *found == tag);
        let Some(commit) = tag.map(str::to_owned).or(commit) else {
            continue;
        };
        let Some(files) = git(&["ls-tree", "-r", "--name-only", &commit, "--"]) else {
            continue;
        };
        let is_migration = |file: &&str| {
            file.contains("/migrations")
                && Path::new(file).extension().is_some_and(|it| it == "sql")
        };
        let mut files: Vec<_> = files.lines().filter(is_migration).collect();
        files.sort_unstable();
        let fixtures = Fixture::all();
        let fixture = fixtures.iter().find(|fixture| fixture.version == folder);
        let listed = fixture.expect("its fixture").migrations();
        assert_eq!(files, listed.keys().collect::<Vec<_>>(), "{version}");
    }
}

#[test]
fn no_scanner_reports_the_secrets_of_fixtures() {
    let folder = Path::new(ROOT).join("tests/fixtures").display().to_string();
    let scanned = Oi::new().run(&["scan", &folder]);
    assert_eq!(scanned.code, 0, "{scanned:?}");
    let all = fs::read_dir(&folder).expect("the fixtures");
    let folders = all.map(|entry| entry.expect("an entry").path());
    for folder in folders.filter(|path| path.is_dir()) {
        for file in fs::read_dir(folder).expect("a fixture") {
            let text = fs::read_to_string(file.expect("a file").path()).expect("text");
            assert!(!text.contains("oi_pat_") && !text.contains("oi_run_"));
        }
    }
}
