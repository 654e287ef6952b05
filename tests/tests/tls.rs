//! TLS of `oi-server` itself, with clients that are not ours.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use openindex_tests::{Database, Kind, Oi, Server, binary, free_port};
use serde_json::Value;
use tempfile::TempDir;

fn run(directory: &Path, command: &mut Command) -> Output {
    command.current_dir(directory).output().expect("it runs")
}

/// Creates `NAME.pem`, a certificate for localhost, and `NAME.key`.
fn certify(directory: &TempDir, name: &str) {
    let arguments = format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={name} \
         -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
         -keyout {name}.key -out {name}.pem"
    );
    let arguments = arguments.split_whitespace();
    let made = run(directory.path(), Command::new("openssl").args(arguments));
    assert!(made.status.success(), "{made:?}");
}

struct Https {
    server: Server,
    directory: TempDir,
}

impl Https {
    /// Starts a server with a copy of the certificate `a`.
    fn start(database: &Database) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        certify(&directory, "a");
        let path = |name: &str| directory.path().join(name).display().to_string();
        copy(&directory, "a.pem", "server.pem");
        copy(&directory, "a.key", "server.key");
        let port = free_port();
        let server = Server::start_with(
            database,
            &[
                &["--listen", &format!("127.0.0.1:{port}")][..],
                &["--public-url", &format!("https://localhost:{port}")],
                &[
                    "--tls-cert",
                    &path("server.pem"),
                    "--tls-key",
                    &path("server.key"),
                ],
            ]
            .concat(),
        );
        Self { server, directory }
    }

    /// Sends requests with curl, which trusts the certificate of this name, and returns for each
    /// its version of HTTP and status, and the last body.
    fn curl(&self, trusted: &str, arguments: &[&str], paths: &[&str]) -> (Vec<String>, String) {
        let trusted = self.directory.path().join(format!("{trusted}.pem"));
        let body = self.directory.path().join("body");
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", "60"]);
        command.args(["--write-out", "%{http_version} %{http_code}\n", "--cacert"]);
        command.arg(trusted).args(arguments);
        for path in paths {
            command.arg("--output").arg(&body);
            command.arg(format!("{}{path}", self.server.url));
        }
        let output = run(self.directory.path(), &mut command);
        let lines = String::from_utf8_lossy(&output.stdout);
        let body = fs::read_to_string(&body).unwrap_or_default();
        let _ = fs::remove_file(self.directory.path().join("body"));
        assert!(output.status.success(), "{output:?}");
        (lines.lines().map(str::to_owned).collect(), body)
    }

    /// Returns the names of the certificates that a new connection gets.
    fn presented(&self) -> String {
        let port = self.server.url.rsplit(':').next().expect("a port");
        let connect = format!("localhost:{port}");
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &connect, "-servername", "localhost"]);
        let output = run(
            self.directory.path(),
            command.stdin(std::process::Stdio::null()),
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn copy(directory: &TempDir, from: &str, to: &str) {
    let path = |name: &str| directory.path().join(name);
    fs::copy(path(from), path(to)).expect("copied");
}

#[test]
fn a_token_is_revoked_at_once_over_both_versions_of_http() {
    let database = Database::new(Kind::Sqlite);
    let https = Https::start(&database);
    let admin = Server::bootstrap(&database).token;
    let authorization = format!("Authorization: Bearer {admin}");
    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let request = |token: &str, arguments: &[&str], path: &str| {
            let token = format!("Authorization: Bearer {token}");
            https.curl(
                "a",
                &[&[flag, "--header", &token], arguments].concat(),
                &[path],
            )
        };
        let json = ["--json", r#"{"name":"ci","scope":"read_write"}"#];
        let (lines, body) = request(&admin, &json, "/me/pats");
        assert_eq!(lines, [format!("{version} 201")]);
        let created: Value = serde_json::from_str(&body).expect("JSON");
        let token = created["token"].as_str().expect("a token");
        let path = format!("/me/pats/{}", created["id"].as_str().expect("an id"));
        let (lines, _) = request(token, &[], "/me");
        assert_eq!(lines, [format!("{version} 200")]);
        let (lines, _) = request(&admin, &["--request", "DELETE"], &path);
        assert_eq!(lines, [format!("{version} 204")]);
        let (lines, body) = request(token, &[], "/me");
        assert_eq!(lines, [format!("{version} 401")]);
        assert!(body.contains("token_revoked"), "{body}");

        // A response before the whole body, then requests at the same time on one connection.
        fs::write(https.directory.path().join("large"), "x".repeat(200_000)).expect("a file");
        let large = [
            "--header",
            "content-type: application/json",
            "--data",
            "@large",
        ];
        let authorized = [&[flag, "--header", &authorization], &large[..]].concat();
        let (lines, _) = https.curl("a", &authorized, &["/me/pats"; 30]);
        assert_eq!(lines, vec![format!("{version} 413"); 30]);
        let parallel = [flag, "--parallel", "--header", &authorization];
        let (lines, _) = https.curl("a", &parallel, &["/me"; 20]);
        assert_eq!(lines, vec![format!("{version} 200"); 20]);
    }
    let (status, log) = https.server.stop();
    assert!(status.success());
    assert!(!log.contains("did not finish in time"), "{log}");
}

#[test]
fn the_command_line_and_the_health_check_speak_tls_and_plain_http_gets_a_hint() {
    let database = Database::new(Kind::Sqlite);
    let https = Https::start(&database);
    let admin = Server::bootstrap(&database).token;
    let certificate = https.directory.path().join("a.pem").display().to_string();
    let listed = Oi::new()
        .with_env("OPENINDEX_APP_URL", &https.server.url)
        .with_env("OPENINDEX_TOKEN", &admin)
        .with_env("SSL_CERT_FILE", &certificate)
        .run(&["settings", "personal", "tokens", "list"]);
    assert_eq!(listed.code, 0, "{listed:?}");

    let checked = Command::new(binary("oi-server"))
        .args(["healthcheck", "--listen", &https.server.address])
        .args(["--tls-cert", &certificate])
        .output()
        .expect("oi-server runs");
    assert!(checked.status.success(), "{checked:?}");

    let mut stream = TcpStream::connect(&https.server.address).expect("a connection");
    stream
        .write_all(b"GET /me HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    assert!(response.starts_with("HTTP/1.1 400"), "{response}");
    assert!(response.contains("use an https:// URL"), "{response}");
    assert!(response.to_lowercase().contains("\r\ndate: "), "{response}");
}

#[test]
fn a_renewed_certificate_is_used_once_its_key_is_there() {
    let database = Database::new(Kind::Sqlite);
    let https = Https::start(&database);
    certify(&https.directory, "b");
    assert!(https.presented().contains("CN=a") || https.presented().contains("CN = a"));

    copy(&https.directory, "b.pem", "server.pem");
    https.server.signal("HUP");
    let line = https
        .server
        .until_logged("cannot reload the TLS certificate");
    assert!(
        line.contains("does not belong to the first certificate"),
        "{line}"
    );
    let (lines, _) = https.curl("a", &[], &["/health"]);
    assert_eq!(lines, ["2 200"]);

    copy(&https.directory, "b.key", "server.key");
    // Without a signal.
    let _ = https.server.until_logged("TLS certificate reloaded");
    let (lines, _) = https.curl("b", &[], &["/health"]);
    assert_eq!(lines, ["2 200"]);
}

#[test]
fn an_unusable_certificate_is_an_error_that_says_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["a", "b"] {
        certify(&directory, name);
    }
    fs::write(directory.path().join("empty"), "").expect("a file");
    for (arguments, expected) in [
        (&["--tls-cert", "a.pem"][..], "requires --tls-key"),
        (&["--tls-key", "a.key"], "requires --tls-cert"),
        (
            &["--tls-cert", "a.pem", "--tls-key", "a.key"],
            "set --public-url",
        ),
        (
            &[
                "--tls-cert",
                "a.pem",
                "--tls-key",
                "a.key",
                "--public-url",
                "http://localhost",
            ],
            "set --public-url (OPENINDEX_PUBLIC_URL) to https://",
        ),
        (
            &[
                "--tls-cert",
                "a.pem",
                "--tls-key",
                "b.key",
                "--public-url",
                "https://localhost",
            ],
            "the key in b.key does not belong to the first certificate in a.pem",
        ),
        (
            &[
                "--tls-cert",
                "a.key",
                "--tls-key",
                "a.key",
                "--public-url",
                "https://localhost",
            ],
            "a.key contains no certificate in PEM",
        ),
        (
            &[
                "--tls-cert",
                "a.pem",
                "--tls-key",
                "empty",
                "--public-url",
                "https://localhost",
            ],
            "empty contains no unencrypted private key in PEM",
        ),
        (
            &[
                "--tls-cert",
                "none",
                "--tls-key",
                "a.key",
                "--public-url",
                "https://localhost",
            ],
            "cannot read none",
        ),
    ] {
        let mut command = Command::new(binary("oi-server"));
        command.args(arguments).env_remove("DATABASE_URL");
        let output = run(directory.path(), &mut command);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    assert!(!directory.path().join("openindex.db").exists());
}
