//! Where `oi-server` listens: a Unix socket, and sockets that a service manager passes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use openindex_tests::{Database, Kind, Server, binary};
use serde_json::Value;

const PUBLIC_URL: &str = "https://oi.example.com";

/// Sends a request over a Unix socket, and returns the response.
fn ask(socket: &Path, head: &str, body: &str) -> String {
    respond(
        UnixStream::connect(socket).expect("a connection"),
        head,
        body,
    )
}

fn respond(mut stream: impl Read + Write, head: &str, body: &str) -> String {
    let length = body.len();
    let close = format!("Host: oi\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let request = format!("{head}\r\n{close}{body}");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    response
}

#[test]
fn a_proxy_reaches_the_server_over_a_unix_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("server.sock");
    let listen = format!("unix:{}", socket.display());
    let arguments = [
        &["--listen", &listen, "--public-url", PUBLIC_URL][..],
        &["--trusted-proxies", "127.0.0.1"],
    ]
    .concat();
    let database = Database::new(Kind::Sqlite);
    let server = Server::start_with(&database, &arguments);
    assert_eq!(server.address, listen);
    assert_eq!(server.url, PUBLIC_URL);
    assert!(server.welcome().contains(PUBLIC_URL));
    let token = Server::bootstrap(&database).token;

    let head = format!(
        "POST /me/pats HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\
         X-Forwarded-For: 198.51.100.7\r\nContent-Type: application/json"
    );
    let created = ask(&socket, &head, r#"{"name":"ci","scope":"read_write"}"#);
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    let (_, body) = created.split_once("\r\n\r\n").expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["createdFrom"], "198.51.100.7", "{body}");

    let checked = Command::new(binary("oi-server"))
        .args(["healthcheck", "--listen", &listen])
        .output()
        .expect("oi-server runs");
    assert!(checked.status.success(), "{checked:?}");

    // The file is taken over only from a process that has ended.
    let other = Database::new(Kind::Sqlite);
    let refused = Command::new(binary("oi-server"))
        .args(&arguments)
        .env("DATABASE_URL", other.url())
        .output()
        .expect("oi-server runs");
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(
        error.contains("another process listens on the socket"),
        "{error}"
    );
    server.kill();
    assert!(socket.exists());
    let server = Server::start_with(&database, &arguments);
    let head = format!("GET /me HTTP/1.1\r\nAuthorization: Bearer {token}");
    let me = ask(&socket, &head, "");
    assert!(me.starts_with("HTTP/1.1 200"), "{me}");
    let (status, _) = server.stop();
    assert!(status.success());
    assert!(!socket.exists());
}

#[test]
fn a_unix_socket_needs_the_url_of_the_proxy() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(binary("oi-server"))
        .current_dir(folder.path())
        .args(["--listen", "unix:server.sock"])
        .env_remove("DATABASE_URL")
        .output()
        .expect("oi-server runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    let advice = "with a Unix socket, set --public-url (OPENINDEX_PUBLIC_URL)";
    assert!(error.contains(advice), "{error}");
    assert!(!folder.path().join("server.sock").exists());
}

/// Starts a server with a socket.
fn start_with_socket(database: &Database, socket: impl Into<OwnedFd>) -> Server {
    let arguments = ["--public-url", PUBLIC_URL];
    Server::start_program_with(with_socket(socket), database.url(), &arguments)
}

/// Returns the command that runs `oi-server` as systemd does: the socket is file descriptor 3.
fn with_socket(socket: impl Into<OwnedFd>) -> Command {
    let mut shell = Command::new("sh");
    let script = r#"LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&0 </dev/null"#;
    shell.args(["-c", script, "sh"]).arg(binary("oi-server"));
    shell.stdin(socket.into());
    shell
}

#[test]
fn a_socket_of_the_service_manager_outlives_the_server() {
    let database = Database::new(Kind::Sqlite);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let passed = || listener.try_clone().expect("another descriptor");
    let server = start_with_socket(&database, passed());
    assert_eq!(server.address, address.to_string());
    let token = Server::bootstrap(&database).token;
    let head = format!("GET /me HTTP/1.1\r\nAuthorization: Bearer {token}");
    let connect = || TcpStream::connect(address).expect("a connection");
    let me = respond(connect(), &head, "");
    assert!(me.starts_with("HTTP/1.1 200"), "{me}");
    let (status, _) = server.stop();
    assert!(status.success());

    // A client that connects meanwhile waits.
    let waiting = connect();
    let _server = start_with_socket(&database, passed());
    let response = respond(waiting, "GET /health HTTP/1.1", "");
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
}

#[test]
fn a_unix_socket_of_the_service_manager_is_not_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("server.sock");
    let database = Database::new(Kind::Sqlite);
    let listener = UnixListener::bind(&socket).expect("a socket");
    let server = start_with_socket(&database, listener);
    let response = ask(&socket, "GET /health HTTP/1.1", "");
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    let (status, _) = server.stop();
    assert!(status.success());
    assert!(socket.exists());
}

#[test]
fn a_unix_socket_of_the_service_manager_needs_the_url_of_the_proxy() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = UnixListener::bind(folder.path().join("server.sock")).expect("a socket");
    let output = with_socket(listener)
        .current_dir(folder.path())
        .env_remove("DATABASE_URL")
        .output()
        .expect("oi-server runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        error.contains("with a Unix socket, set --public-url"),
        "{error}"
    );
}

#[test]
fn the_service_manager_learns_that_clients_can_connect() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_nonblocking(true).expect("no waiting");
    let database = Database::new(Kind::Sqlite);
    let mut command = Command::new(binary("oi-server"));
    command.env("NOTIFY_SOCKET", &path);
    let _server = Server::start_program(command, database.url());
    let mut message = [0; 64];
    let length = manager.recv(&mut message).expect("a message");
    assert_eq!(message[..length].trim_ascii_end(), b"READY=1");
}

#[test]
fn an_empty_socket_of_the_service_manager_counts_as_unset() {
    let database = Database::new(Kind::Sqlite);
    let mut command = Command::new(binary("oi-server"));
    command.env("NOTIFY_SOCKET", "");
    let server = Server::start_program(command, database.url());
    let (status, log) = server.stop();
    assert!(status.success());
    assert!(!log.contains("NOTIFY_SOCKET"), "{log}");
}

#[test]
fn sockets_for_another_process_are_ignored() {
    let database = Database::new(Kind::Sqlite);
    let mut command = Command::new(binary("oi-server"));
    command.env("LISTEN_FDS", "1").env("LISTEN_PID", "1");
    let server = Server::start_program(command, database.url());
    assert!(
        server.address.starts_with("127.0.0.1:"),
        "{}",
        server.address
    );
    let mut command = Command::new(binary("oi-server"));
    command.env("LISTEN_FDS", "1");
    let other = Database::new(Kind::Sqlite);
    let server = Server::start_program(command, other.url());
    assert!(
        server.address.starts_with("127.0.0.1:"),
        "{}",
        server.address
    );
}
