//! SIGTERM while clients are in the middle of a request.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use openindex_tests::{Database, Kind, Server};
use serde_json::json;

fn say(server: &Server, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&server.address).expect("a connection");
    stream.write_all(text.as_bytes()).expect("it is sent");
    stream
}

fn rest(mut stream: TcpStream) -> String {
    let mut rest = Vec::new();
    // A reset ends the response too.
    let _ = stream.read_to_end(&mut rest);
    String::from_utf8_lossy(&rest).into_owned()
}

#[test]
fn a_stop_does_not_wait_for_incomplete_requests() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start_with(&database, &["--drain-seconds", "600"]);
    let admin = Server::bootstrap(&database).token;
    let head = format!(
        "POST /me/pats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin}\r\n\
         Content-Type: application/json\r\n"
    );
    // "100 Continue" means that the server waits for the body, so these requests are in progress.
    let waiting = |rest: &str| {
        let mut stream = say(&server, &format!("{head}Expect: 100-continue\r\n{rest}"));
        let mut told = [0; 25];
        stream.read_exact(&mut told).expect("it goes on");
        assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream
    };
    let mut half = waiting("Content-Length: 100\r\n\r\n");
    half.write_all(b"{\"name\":").expect("half of it");
    let mut chunks = waiting("Transfer-Encoding: chunked\r\n\r\n");
    chunks.write_all(b"5\r\n{\"nam\r\n").expect("a chunk");
    let nothing = waiting("Content-Length: 100\r\n\r\n");
    let half_head = say(&server, "GET /me HTTP/1.1\r\nHost: x\r\nX-Ha");
    let silent = say(&server, "");
    let mut idle = say(&server, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut first = [0; 15];
    idle.read_exact(&mut first).expect("a response");
    assert_eq!(&first, b"HTTP/1.1 200 OK");

    server.signal("TERM");
    for body in [half, chunks, nothing] {
        let response = rest(body);
        assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
        assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
        assert!(response.contains("\"code\":\"unavailable\""), "{response}");
        assert!(response.contains("nothing was changed"), "{response}");
    }
    for stream in [half_head, silent] {
        assert_eq!(rest(stream), "");
    }
    assert!(!rest(idle).contains("HTTP/1.1"));
    let (status, log) = server.stop();
    assert!(status.success());
    assert!(!log.contains("did not finish"), "{log}");

    let server = Server::start(&database);
    let list = server.http.get("/me/pats", &admin).json();
    let items = list["items"].as_array().expect("a list");
    assert_eq!(items.len(), 1, "nothing was created: {}", json!(items));
}
