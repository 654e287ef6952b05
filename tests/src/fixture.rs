//! Released schemas with data: `tests/fixtures` has a folder for each, which `scripts/fixture`
//! wrote when the schema was released and which never changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use tokio::runtime::Runtime;

use crate::{Database, Kind, Server, World, hex};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
const MIGRATIONS: &str = "migrations.txt";
/// What the files of secrets say.
const NOTE: &str =
    "Throw-away secrets of a test instance that nobody runs: `throw-away ` is `oi_`.";
/// Times of a fixture are at most this long before and after it was made, in ms.
const SPAN: i64 = 2 * 365 * 86_400_000;

/// A released schema with data, on both databases.
#[derive(Debug)]
pub struct Fixture {
    /// The first release with this schema.
    pub version: String,
    folder: PathBuf,
}

/// What a database has.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// Everything, as `oi-server` creates it.
    Server,
    /// Only tokens, their owners and the audit log, as an embedding service without accounts has
    /// them.
    Tokens,
}

impl Fixture {
    /// Returns all of them, oldest first.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir(FOLDER).expect("the fixtures");
        let folders = entries.map(|entry| entry.expect("an entry").path());
        let folders = folders.filter(|path| path.is_dir());
        let mut all: Vec<_> = folders
            .map(|folder| Self::of(&folder.file_name().expect("a name").display().to_string()))
            .collect();
        all.sort_by_key(|fixture| numbers(&fixture.version));
        all
    }

    /// Returns the one of this version, which may not be written yet.
    #[must_use]
    pub fn of(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            folder: Path::new(FOLDER).join(version),
        }
    }

    /// Writes a new fixture with the built `oi-server`.
    ///
    /// # Panics
    ///
    /// Also if there is one of this version.
    pub fn make(version: &str) {
        let fixture = Self::of(version);
        fs::create_dir(&fixture.folder).expect("a fixture never changes");
        for kind in [Kind::Sqlite, Kind::Postgres] {
            let database = Database::new(kind);
            let (world, _) = World::fill(&database);
            let server = Server::start(&database);
            let events = events(&server, &world);
            let (status, _) = server.stop();
            assert!(status.success());
            let document = json!({"events": events, "secrets": world.to_json()});
            fixture.save(Part::Server, &database, document);
        }
        let lines = current_migrations().into_iter();
        let lines = lines.map(|(file, checksum)| format!("{checksum}  {file}\n"));
        let lines = lines.collect::<Vec<_>>().concat();
        fs::write(fixture.folder.join(MIGRATIONS), lines).expect("written");
    }

    /// Writes a database, which no process uses, and what its tests know about it.
    pub fn save(&self, part: Part, database: &Database, mut document: Value) {
        let (known, dump) = names(part, database.kind());
        document["note"] = NOTE.into();
        // Later than all times in it, which therefore are never moved into the future.
        document["madeAt"] = now().into();
        let text = serde_json::to_string_pretty(&document).expect("JSON");
        fs::write(self.folder.join(known), text + "\n").expect("written");
        fs::write(self.folder.join(dump), dumped(database)).expect("written");
    }

    /// Loads a part into a new database, as if it had been made just now, and returns it with what
    /// its tests know about it.
    #[must_use]
    pub fn load(&self, part: Part, kind: Kind) -> (Database, Value) {
        let (known, dump) = names(part, kind);
        let read = |name: String| fs::read_to_string(self.folder.join(&name)).expect(&name);
        let document: Value = serde_json::from_str(&read(known)).expect("JSON");
        let made_at = document["madeAt"].as_i64().expect("a time");
        let later = now() - made_at;
        let database = Database::new(kind);
        match kind {
            Kind::Sqlite => database.load(&moved(&read(dump), made_at, later)),
            Kind::Postgres => database.load(&(read(dump) + &moving(later))),
        }
        (database, document)
    }

    /// Returns the migrations of the release, each file with its checksum.
    #[must_use]
    pub fn migrations(&self) -> BTreeMap<String, String> {
        let lines = fs::read_to_string(self.folder.join(MIGRATIONS)).expect(MIGRATIONS);
        let lines = lines
            .lines()
            .map(|line| line.split_once("  ").expect("a file"));
        lines
            .map(|(checksum, file)| (file.to_owned(), checksum.to_owned()))
            .collect()
    }
}

/// Replaces the `oi_` of a secret.
const DISGUISE: &str = "throw-away ";

/// Returns a token in a form that no scanner reports, and other secrets unchanged.
#[must_use]
pub fn disguised(secret: &str) -> String {
    match secret.strip_prefix("oi_") {
        Some(rest) => format!("{DISGUISE}{rest}"),
        None => secret.to_owned(),
    }
}

/// Returns a secret that was [`disguised`].
#[must_use]
pub fn revealed(secret: &str) -> String {
    secret.replacen(DISGUISE, "oi_", 1)
}

/// Returns the ids of all audit events, newest first.
#[must_use]
pub fn events(server: &Server, world: &World) -> Vec<String> {
    let exported = server.http.get("/audit/export", world.get("admin")).json();
    let events = exported.as_array().expect("events").iter();
    events
        .map(|event| event["id"].as_str().expect("an id").to_owned())
        .collect()
}

/// Returns the migrations of the source, each file with the checksum that servers compare.
#[must_use]
pub fn current_migrations() -> BTreeMap<String, String> {
    let runtime = Runtime::new().expect("a runtime");
    let mut all = BTreeMap::new();
    for database in ["adapters-sqlite", "adapters-postgres"] {
        for group in ["migrations", "migrations-tokens", "migrations-work"] {
            let folder = Path::new(ROOT).join(database).join(group);
            let migrations = runtime.block_on(Migrator::new(folder));
            for migration in migrations.expect("migrations").iter() {
                let name = migration.description.replace(' ', "_");
                let file = format!("{database}/{group}/{:04}_{name}.sql", migration.version);
                all.insert(file, hex(&migration.checksum));
            }
        }
    }
    all
}

/// Returns the numbers of a version, to compare it with others.
#[must_use]
pub fn numbers(version: &str) -> Vec<u64> {
    let numbers = version
        .split('.')
        .map(|number| number.parse().expect(version));
    numbers.collect()
}

fn names(part: Part, kind: Kind) -> (String, String) {
    let part = match part {
        Part::Server => "",
        Part::Tokens => "tokens-",
    };
    let kind = match kind {
        Kind::Sqlite => "sqlite",
        Kind::Postgres => "postgres",
    };
    (format!("{part}{kind}.json"), format!("{part}{kind}.sql"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "as the database and the server have it"
)]
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(now.expect("after 1970").as_millis()).expect("a time")
}

/// Returns SQL that creates the database anew.
fn dumped(database: &Database) -> String {
    let mut command = match database.kind() {
        Kind::Sqlite => {
            let mut command = Command::new("sqlite3");
            command.arg(database.url().trim_start_matches("sqlite://"));
            command.arg(".dump");
            command
        }
        Kind::Postgres => {
            let mut command = Command::new("pg_dump");
            command.args(["--inserts", "--no-owner", "--no-privileges"]);
            command.arg(database.url());
            command
        }
    };
    let output = command.output().expect("sqlite3 and pg_dump are installed");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    // Commands of psql, and a setting that older servers do not know.
    let is_sql = |line: &&str| !line.starts_with('\\') && !line.contains("transaction_timeout");
    let lines = text.split_inclusive('\n').filter(is_sql);
    let note = "-- Test data. Its password and its secrets are throw-away: see ../README.md.\n";
    std::iter::once(note).chain(lines).collect()
}

/// Returns the dump of a SQLite file with all times this much later: numbers of milliseconds.
fn moved(dump: &str, made_at: i64, later: i64) -> String {
    let mut text = String::with_capacity(dump.len());
    // `split_inclusive` leaves the delimiter behind each value.
    for part in dump.split_inclusive([',', '(', ')']) {
        let value = part.trim_end_matches([',', '(', ')']);
        let time = value
            .parse()
            .ok()
            .filter(|time: &i64| (time - made_at).abs() < SPAN);
        match time {
            Some(time) => {
                text.push_str(&(time + later).to_string());
                text.push_str(&part[value.len()..]);
            }
            None => text.push_str(part),
        }
    }
    text
}

/// Returns SQL that moves all times of a PostgreSQL database.
fn moving(later: i64) -> String {
    format!(
        "DO $$ DECLARE change text; BEGIN \
         SET LOCAL session_replication_role = replica; \
         FOR change IN SELECT format('UPDATE public.%I SET ', table_name) || string_agg( \
         format('%1$I = %1$I + interval ''{later} milliseconds''', column_name), ', ') \
         FROM information_schema.columns WHERE table_schema = 'public' \
         AND data_type = 'timestamp with time zone' GROUP BY table_name \
         LOOP EXECUTE change; END LOOP; END $$;"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_of_a_dump_are_moved() {
        let dump = "INSERT INTO t VALUES(X'1764383273000',1764383273000,'1764383273000',3,1);";
        let moved = moved(dump, 1_764_383_270_000, 1_000);
        let expected = "INSERT INTO t VALUES(X'1764383273000',1764383274000,'1764383273000',3,1);";
        assert_eq!(moved, expected);
    }

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(numbers("0.10") > numbers("0.9.1"));
    }
}
