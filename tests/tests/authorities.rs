//! Certificates of a private certificate authority, such as that of a company's proxy in front of a
//! server.

use std::path::Path;
use std::process::Command;

use openindex_tests::{Database, Kind, Nginx, Oi, Server, free_port};

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(directory)
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "{arguments}: {output:?}");
}

/// Creates an authority (`ca.pem`) and two of its certificates for `localhost`: a valid one
/// (`new.pem`) and an expired one (`old.pem`).
fn certificates(directory: &Path) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    const SIGN: &str =
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext";
    std::fs::write(directory.join("ext"), "subjectAltName=DNS:localhost\n").expect("a file");
    openssl(
        directory,
        &format!("req -x509 {KEY} -keyout ca.key -out ca.pem -days 2 -subj /CN=corporate"),
    );
    openssl(
        directory,
        &format!("req {KEY} -keyout leaf.key -out leaf.csr -subj /CN=localhost"),
    );
    openssl(directory, &format!("{SIGN} -days 2 -out new.pem"));
    openssl(directory, &format!("{SIGN} -days -1 -out old.pem"));
}

#[test]
fn a_rejected_certificate_is_reported_with_its_reason_and_a_hint() {
    let database = Database::new(Kind::Sqlite);
    let admin = Server::bootstrap(&database).token;
    let server = Server::start(&database);
    let directory = tempfile::tempdir().expect("a directory");
    certificates(directory.path());
    let [plain, new, old] = [(); 3].map(|()| free_port());
    let virtual_server = |port: u16, certificate: &str| {
        let path = directory.path().display();
        format!(
            "listen 127.0.0.1:{port} ssl; ssl_certificate {path}/{certificate}; \
             ssl_certificate_key {path}/leaf.key; location / {{ proxy_pass http://{}; }}",
            server.address
        )
    };
    let _nginx = Nginx::start(
        plain,
        &format!(
            "}} server {{ {} }} server {{ {}",
            virtual_server(new, "new.pem"),
            virtual_server(old, "old.pem")
        ),
    );
    let authority = directory.path().join("ca.pem");
    let authority = authority.to_str().expect("text");
    let trusting = || Oi::new().with_env("SSL_CERT_FILE", authority);
    for (oi, host, port, expected) in [
        (trusting(), "localhost", new, None),
        (
            Oi::new(),
            "localhost",
            new,
            Some(["unknown authority", "set SSL_CERT_FILE"]),
        ),
        (
            trusting(),
            "127.0.0.1",
            new,
            Some(["not for the host 127.0.0.1", "check the URL"]),
        ),
        (
            trusting(),
            "localhost",
            old,
            Some(["has expired", "renew the server's certificate"]),
        ),
        (
            trusting(),
            "localhost",
            plain,
            Some(["does not use TLS", "http://"]),
        ),
    ] {
        let url = format!("https://{host}:{port}");
        let oi = oi.with_env("OPENINDEX_TOKEN", &admin);
        let create = [
            "--app-url",
            &url,
            "settings",
            "personal",
            "tokens",
            "create",
            "ci",
        ];
        let output = oi.run(&create);
        let Some(expected) = expected else {
            assert_eq!(output.code, 0, "{output:?}");
            continue;
        };
        assert_eq!(output.code, 1, "{output:?}");
        for expected in expected {
            assert!(output.stderr.contains(expected), "{expected}: {output:?}");
        }
        // Nothing was sent, so nothing can have been done.
        assert!(
            !output.stderr.contains("may have been applied"),
            "{output:?}"
        );
    }
    let list = server.http.get("/me/pats", &admin).json();
    assert_eq!(list["items"].as_array().expect("items").len(), 2);
}
