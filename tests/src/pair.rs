use std::path::PathBuf;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::cluster::{open_directory, script, start};

/// A generous timeout for a busy machine.
const SOON: Duration = Duration::from_mins(1);

/// Two PostgreSQL servers: a primary, and its synchronous standby. Stopped when dropped.
pub struct Pair {
    directory: TempDir,
    urls: [String; 2],
    primary: usize,
    runtime: Runtime,
}

impl Pair {
    /// Creates and starts both.
    #[must_use]
    pub fn new() -> Self {
        let directory = open_directory();
        let primary = start(&directory.path().join("0"));
        let mut pair = Self {
            directory,
            urls: [primary, String::new()],
            primary: 0,
            runtime: Runtime::new().expect("a runtime"),
        };
        pair.attach();
        pair
    }

    /// Returns the URL of the primary's first database.
    #[must_use]
    pub fn primary(&self) -> &str {
        &self.urls[self.primary]
    }

    /// Returns host and port of both, always in the same order.
    #[must_use]
    pub fn addresses(&self) -> [&str; 2] {
        self.urls.each_ref().map(|url| {
            let (_, server) = url.split_once('@').expect("a user in the URL");
            server.split_once('/').expect("a database in the URL").0
        })
    }

    /// Returns a URL of this database that lists both.
    #[must_use]
    pub fn list(&self, database: &str) -> String {
        format!(
            "postgres://openindex@{}/{database}?target_session_attrs=read-write",
            self.addresses().join(",")
        )
    }

    /// Kills all processes of the primary, as if its machine had failed.
    pub fn kill_primary(&self) {
        self.script("kill", self.primary, None);
    }

    /// Makes the standby the primary, which has no standby itself.
    pub fn promote(&mut self) {
        self.primary = 1 - self.primary;
        self.script("promote", self.primary, None);
    }

    /// Creates the other server anew as the primary's synchronous standby, and waits until no
    /// change is acknowledged without it.
    pub fn attach(&mut self) {
        let other = 1 - self.primary;
        self.urls[other] = self.script("standby", other, Some(self.primary()));
        for statement in [
            "ALTER SYSTEM SET synchronous_standby_names = '*'",
            "SELECT pg_reload_conf()",
        ] {
            self.ask(statement);
        }
        self.wait("SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
        // The process that tells the sessions of the setting has done so when it has done this.
        self.ask("CHECKPOINT");
        let written = self.ask("SELECT pg_current_wal_lsn()::text");
        self.wait(&format!(
            "SELECT bool_and(flush_lsn >= '{written}') FROM pg_stat_replication"
        ));
    }

    /// Starts the former primary as it was, so that there are two.
    pub fn start_former_primary(&self) {
        let former = 1 - self.primary;
        assert_eq!(start(&self.path(former)), self.urls[former]);
    }

    /// Runs a statement on the primary's first database, and returns its last value as text.
    pub fn ask(&self, statement: &str) -> String {
        self.runtime.block_on(async {
            let connection = PgConnection::connect(self.primary()).await;
            let mut connection = connection.expect("the primary");
            let rows = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
                .fetch_all(&mut connection)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
            let value = rows.last().map(|row| row.try_get_unchecked::<String, _>(0));
            value.and_then(Result::ok).unwrap_or_default()
        })
    }

    fn wait(&self, condition: &str) {
        let begun = Instant::now();
        while self.ask(condition) != "t" {
            assert!(begun.elapsed() < SOON, "not so: {condition}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn path(&self, server: usize) -> PathBuf {
        self.directory.path().join(server.to_string())
    }

    /// Runs a command of `scripts/postgres` on one of the servers.
    fn script(&self, command: &str, server: usize, argument: Option<&str>) -> String {
        let path = self.path(server).display().to_string();
        let arguments = [command, &path].into_iter().chain(argument);
        let output = script(&arguments.collect::<Vec<_>>());
        assert!(output.status.success(), "{command}: {output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        text.trim().to_owned()
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for server in [0, 1] {
            let path = self.path(server).display().to_string();
            // Fails if it was killed.
            let _ = script(&["stop", &path, "--immediate"]);
        }
    }
}
