use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::free_port;
use crate::server::is_root;

/// Startup timeout; generous, for a busy machine.
const START: Duration = Duration::from_mins(1);

/// A running `PgBouncer` in front of one server; killed when dropped.
pub struct PgBouncer {
    child: Child,
    directory: TempDir,
    port: u16,
}

impl PgBouncer {
    /// Starts `PgBouncer` in front of the server that this URL points at. Besides the connection to
    /// the server, its configuration consists of these lines.
    #[must_use]
    pub fn start(url: &str, settings: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let port = free_port();
        let (_, server) = url.split_once('@').expect("a user in the URL");
        let (address, _) = server.split_once('/').expect("a database in the URL");
        let (host, server_port) = address.split_once(':').expect("a port in the URL");
        let path = directory.path().display();
        let config = format!(
            "[databases]\n* = host={host} port={server_port}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             logfile = {path}/log\npidfile = {path}/pid\nauth_file = {path}/users\n{settings}\n"
        );
        std::fs::write(directory.path().join("pgbouncer.ini"), config).expect("written");
        std::fs::write(directory.path().join("users"), "\"openindex\" \"\"\n").expect("written");
        let child = run(directory.path());
        let mut bouncer = Self {
            child,
            directory,
            port,
        };
        bouncer.wait();
        bouncer
    }

    /// Returns the URL of a database through the pooler.
    #[must_use]
    pub fn before(&self, url: &str) -> String {
        let (user, server) = url.split_once('@').expect("a user in the URL");
        let (_, database) = server.split_once('/').expect("a database in the URL");
        format!("{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// Adds these lines to the file of users, each like `"name" "password"`.
    pub fn add_users(&self, lines: &str) {
        let path = self.directory.path().join("users");
        let users = std::fs::read_to_string(&path).expect("its users") + lines;
        std::fs::write(path, users).expect("written");
        let reloaded = Command::new("kill")
            .arg("-HUP")
            .arg(self.child.id().to_string())
            .status();
        assert!(reloaded.expect("kill runs").success());
    }

    /// Runs a command in the admin console, which requires `admin_users = openindex` in the
    /// settings.
    pub fn command(&self, command: &str) {
        let console = format!("postgres://openindex@127.0.0.1:{}/pgbouncer", self.port);
        let done = Command::new("psql")
            .args([&console, "-c", command])
            .output();
        let done = done.expect("psql runs");
        assert!(done.status.success(), "{command}: {done:?}");
    }

    /// Kills the pooler with all its connections.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts the pooler again on the same port.
    pub fn restart(&mut self) {
        self.child = run(self.directory.path());
        self.wait();
    }

    fn wait(&mut self) {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.child.try_wait().expect("its state");
            let log = std::fs::read_to_string(self.directory.path().join("log"));
            assert!(ended.is_none(), "pgbouncer ended: {log:?}");
            assert!(
                begun.elapsed() < START,
                "pgbouncer does not listen: {log:?}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `PgBouncer` does not run as root; in that case it runs as the user of `PostgreSQL`'s package.
fn run(directory: &Path) -> Child {
    let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .unwrap_or("pgbouncer");
    let config = directory.join("pgbouncer.ini");
    let mut command = if is_root() {
        let owned = Command::new("chown")
            .args(["-R", "postgres"])
            .arg(directory)
            .status();
        assert!(owned.expect("chown runs").success());
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=postgres",
            "--regid=postgres",
            "--init-groups",
            program,
        ]);
        command
    } else {
        Command::new(program)
    };
    command
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("pgbouncer starts")
}
