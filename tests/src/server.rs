use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::Client;
use crate::{Database, Kind, binary};

/// Startup timeout; generous, for a busy machine.
const START: Duration = Duration::from_mins(1);

/// A running `oi-server`; killed when dropped.
pub struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
    stdout: Receiver<Vec<u8>>,
    closed: Receiver<()>,
    /// The public URL: `http://127.0.0.1:PORT` by default.
    pub url: String,
    /// The address that it listens on, as `127.0.0.1:PORT` unless the arguments have `--listen`.
    pub address: String,
    /// A client for this server.
    pub http: Client,
}

/// The first administrator.
#[derive(Debug)]
pub struct Bootstrapped {
    /// The output of `oi-server bootstrap --json`.
    pub json: Value,
    /// The secret of their token.
    pub token: String,
}

impl Bootstrapped {
    /// Returns the administrator's id.
    #[must_use]
    pub fn user_id(&self) -> &str {
        self.json["user"]["id"].as_str().expect("an id")
    }

    /// Returns the id of their token.
    #[must_use]
    pub fn pat_id(&self) -> &str {
        self.json["pat"]["id"].as_str().expect("an id")
    }
}

/// Returns whether the tests run as root.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout == b"0\n"
}

/// Returns a command that runs `oi-server` as a user who is subject to file permissions, even if
/// the tests run as root.
#[must_use]
pub fn server_as_nobody() -> Command {
    if !is_root() {
        return Command::new(binary("oi-server"));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    command.arg(binary("oi-server"));
    command
}

impl Server {
    /// Starts a server on a free port and waits until it listens.
    #[must_use]
    pub fn start(database: &Database) -> Self {
        Self::start_with(database, &[])
    }

    /// Starts two servers with these arguments on one database. A SQLite file has one, which is
    /// returned twice.
    #[must_use]
    pub fn replicas(database: &Database, arguments: &[&str]) -> [Rc<Self>; 2] {
        let first = Rc::new(Self::start_with(database, arguments));
        let second = match database.kind() {
            Kind::Sqlite => Rc::clone(&first),
            Kind::Postgres => Rc::new(Self::start_with(database, arguments)),
        };
        [first, second]
    }

    /// Starts a server with more arguments.
    #[must_use]
    pub fn start_with(database: &Database, arguments: &[&str]) -> Self {
        Self::start_at(database.url(), arguments)
    }

    /// Starts a server on the database with this URL.
    #[must_use]
    pub fn start_at(database_url: &str, arguments: &[&str]) -> Self {
        Self::run(Command::new(binary("oi-server")), database_url, arguments)
    }

    /// Starts a server as a user who is subject to file permissions, even if the tests run as root.
    #[must_use]
    pub fn start_as_nobody(database_url: &str) -> Self {
        Self::run(server_as_nobody(), database_url, &[])
    }

    /// Starts a server with a program that becomes `oi-server`.
    #[must_use]
    pub fn start_program(program: Command, database_url: &str) -> Self {
        Self::run(program, database_url, &[])
    }

    /// Starts a server with a program that becomes `oi-server`, with more arguments and with the
    /// program's standard input.
    #[must_use]
    pub fn start_program_with(program: Command, database_url: &str, arguments: &[&str]) -> Self {
        Self::spawn(program, database_url, arguments)
    }

    /// Returns the process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn run(mut program: Command, database_url: &str, arguments: &[&str]) -> Self {
        program.stdin(Stdio::null());
        Self::spawn(program, database_url, arguments)
    }

    fn spawn(mut program: Command, database_url: &str, arguments: &[&str]) -> Self {
        program.args(["serve", "--log-format", "json"]);
        if !arguments.contains(&"--listen") {
            program.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = program
            .args(arguments)
            .env("DATABASE_URL", database_url)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("oi-server starts");
        let stderr = BufReader::new(child.stderr.take().expect("standard error"));
        let log = Arc::new(Mutex::new(String::new()));
        let (listening, heard) = channel();
        let (close, closed) = channel();
        let lines = log.clone();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                let Ok(line) = line else { break };
                if let Some(place) = listening_at(&line) {
                    let _ = listening.send(place);
                }
                let mut log = lines.lock().expect("the log");
                log.push_str(&line);
                log.push('\n');
            }
            let _ = close.send(());
        });
        let stdout = drain(child.stdout.take().expect("standard output"));
        let Ok((url, address)) = heard.recv_timeout(START) else {
            let _ = child.kill();
            panic!("oi-server did not listen: {}", log.lock().expect("the log"));
        };
        let served = (database_url.to_owned(), url.clone());
        SERVED.lock().expect("the servers").push(served);
        Self {
            child,
            log,
            stdout,
            closed,
            http: Client::new(&url),
            url,
            address,
        }
    }

    /// Creates the first administrator, as an operator does.
    #[must_use]
    pub fn bootstrap(database: &Database) -> Bootstrapped {
        Self::bootstrap_by(Command::new(binary("oi-server")), database)
    }

    /// Creates the first administrator with this program.
    #[must_use]
    pub fn bootstrap_by(mut program: Command, database: &Database) -> Bootstrapped {
        let output = program
            .args(["bootstrap", "--email", "ada@example.com"])
            .args(["--name", "Ada Lovelace", "--json"])
            .env("DATABASE_URL", database.url())
            .output()
            .expect("oi-server runs");
        assert!(output.status.success(), "{output:?}");
        let json: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        let token = json["token"].as_str().expect("a token").to_owned();
        Bootstrapped { json, token }
    }

    /// Invites a new member, claims the invite with a token, and returns the user's id.
    #[must_use]
    pub fn join(&self, admin: &str, email: &str) -> String {
        self.join_with_token(admin, email).0
    }

    /// Invites a new member, claims the invite with a token, and returns the user's id and the
    /// token's secret.
    #[must_use]
    pub fn join_with_token(&self, admin: &str, email: &str) -> (String, String) {
        self.http.join_with_token(admin, email)
    }

    /// Signs a user in with a sign-in link from `oi-server sign-in-link`, and returns the cookie
    /// that a browser would send from then on.
    #[must_use]
    pub fn sign_in_by_link(&self, database: &Database, email: &str) -> String {
        let output = Command::new(binary("oi-server"))
            .args(["sign-in-link", "--email", email, "--public-url", &self.url])
            .env("DATABASE_URL", database.url())
            .output()
            .expect("oi-server runs");
        assert!(output.status.success(), "{output:?}");
        let url = String::from_utf8(output.stdout).expect("a URL");
        let path = url
            .trim()
            .strip_prefix(&self.url)
            .expect("a URL of this server");
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        let password = "five+words+that+nobody+says";
        let form = format!("password={password}&confirmation={password}");
        let response = self.http.send("POST", path, &headers, Some(&form));
        assert_eq!(response.status, 303, "{response:?}");
        let set = response.headers.get_all("set-cookie").iter();
        let mut set = set.filter_map(|value| value.to_str().ok()?.split(';').next());
        let session = set.find(|cookie| cookie.contains("_session="));
        session.expect("a session").to_owned()
    }

    /// Returns the message on standard output of a new server without users.
    #[must_use]
    pub fn welcome(&self) -> String {
        let mut text = String::new();
        while !text.contains("prints a new link") {
            let bytes = self.stdout.recv_timeout(START).expect("a welcome");
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        text
    }

    /// Returns the log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// Waits until a line of the log contains the text, and returns it.
    #[must_use]
    pub fn until_logged(&self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(begun.elapsed() < START, "{text} is not in {log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends SIGTERM, waits for the exit, and returns the exit status and the whole log.
    #[must_use]
    pub fn stop(mut self) -> (ExitStatus, String) {
        self.signal("TERM");
        let status = self.child.wait().expect("it ends");
        let _ = self.closed.recv_timeout(START);
        let log = self.log();
        (status, log)
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status()
            .expect("kill runs");
        assert!(sent.success());
    }

    /// Kills the server with SIGKILL: no destructors, no flush.
    pub fn kill(mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut served = SERVED.lock().expect("the servers");
        served.retain(|(_, url)| *url != self.url);
    }
}

/// The running servers: URLs of their databases, and their own.
static SERVED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Makes the server of a SQLite file notice what a test has changed in it: a change does, and the
/// check for readiness begins one.
pub(crate) fn notice_changes(database_url: &str) {
    let served = SERVED.lock().expect("the servers").clone();
    for (_, url) in served
        .iter()
        .filter(|(database, _)| database == database_url)
    {
        // One that cannot respond has no change to notice.
        let _ = Client::new(url).try_send("GET", "/ready", &[], None);
    }
}

/// Reads the pipe until the server exits, so that it never fills up.
fn drain(mut stdout: ChildStdout) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stdout.read(&mut buffer) {
            // The receiver may be gone; the pipe must be emptied anyway.
            let _ = sender.send(buffer[..read].to_vec());
        }
    });
    receiver
}

/// Returns the public URL and the address from a "listening" line of the log.
fn listening_at(line: &str) -> Option<(String, String)> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["message"] != "listening" {
        return None;
    }
    let text = |field: &str| line[field].as_str().map(str::to_owned);
    Some((text("url")?, text("address")?))
}
