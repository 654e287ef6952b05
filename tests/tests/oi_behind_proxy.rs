//! `oi` behind a company's proxy with the rules that are installed with it.

use std::process::Command;

use openindex_tests::{Database, Kind, Nginx, Oi, Server, Squid, free_port};
use serde_json::Value;

const CREATE: [&str; 5] = ["settings", "personal", "tokens", "create", "ci"];

fn oi(url: &str, token: &str, proxy: &str) -> Oi {
    Oi::new()
        .with_env("OPENINDEX_APP_URL", url)
        .with_env("OPENINDEX_TOKEN", token)
        .with_env("OPENINDEX_ALLOW_INSECURE_HTTP", "1")
        .with_env("http_proxy", proxy)
        .with_env("https_proxy", proxy)
}

#[test]
fn a_server_on_any_port_is_reached_through_a_proxy_that_connects_to_443_alone() {
    let database = Database::new(Kind::Sqlite);
    let admin = Server::bootstrap(&database).token;
    let server = Server::start(&database);
    let proxy = Squid::start("");
    let port = server.address.rsplit(':').next().expect("a port");
    let url = format!("http://oi.corp.example:{port}");
    let oi = oi(&url, &admin, &proxy.url);
    let created = oi.run(&CREATE).json();
    let id = created["id"].as_str().expect("an id");
    let listed = oi.run(&["settings", "personal", "tokens", "list"]).json();
    assert!(listed.to_string().contains(id), "{listed}");
    let deleted = oi.run(&["settings", "personal", "tokens", "delete", "--yes", id]);
    assert_eq!(deleted.code, 0, "{deleted:?}");
    let exported = oi.run(&["settings", "admin", "audit", "export", "--format", "csv"]);
    assert!(exported.stdout.contains(id), "{exported:?}");
}

#[test]
fn an_https_server_is_reached_by_connect_and_a_port_that_the_proxy_denies_is_reported() {
    let database = Database::new(Kind::Sqlite);
    let admin = Server::bootstrap(&database).token;
    let server = Server::start(&database);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().display();
    let made = Command::new("openssl")
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(' '),
        )
        .args(
            "-keyout key -out pem -subj /CN=oi -addext subjectAltName=DNS:oi.corp.example"
                .split(' '),
        )
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(directory.path())
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{made:?}");
    let [plain, secure] = [(); 2].map(|()| free_port());
    let _nginx = Nginx::start(
        plain,
        &format!(
            "}} server {{ listen 127.0.0.1:{secure} ssl; ssl_certificate {path}/pem; \
             ssl_certificate_key {path}/key; location / {{ proxy_pass http://{}; }}",
            server.address
        ),
    );
    let url = format!("https://oi.corp.example:{secure}");
    let certificate = format!("{path}/pem");
    let allowing = Squid::start(&format!("acl SSL_ports port {secure}"));
    let created = oi(&url, &admin, &allowing.url)
        .with_env("SSL_CERT_FILE", &certificate)
        .run(&CREATE);
    assert_eq!(created.code, 0, "{created:?}");
    let stock = Squid::start("");
    let rejected = oi(&url, &admin, &stock.url).run(&CREATE);
    let said = format!("does not allow connections to oi.corp.example:{secure} (HTTP 403)");
    assert!(rejected.stderr.contains(&said), "{rejected:?}");
    assert!(
        !rejected.stderr.contains("may have been applied"),
        "{rejected:?}"
    );
}

#[test]
fn an_error_of_the_proxy_names_its_variable_and_not_its_password() {
    let proxy = Squid::start("");
    let address = proxy.url.strip_prefix("http://").expect("a URL").to_owned();
    let nobody = format!("http://oi.corp.example:{}", free_port());
    let token = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
    // A proxy login that is not required is ignored.
    let proxied = oi(&nobody, token, &format!("http://ada:hunter2@{address}"));
    let failed = proxied.run(&CREATE);
    assert_eq!(failed.code, 1, "{failed:?}");
    let document: Value = serde_json::from_str(&failed.stdout).expect("one document");
    assert_eq!(document["error"]["status"], 503, "{document}");
    assert_eq!(document["mayHaveArrived"], true, "{document}");
    let named = format!("the proxy {} (http_proxy)", proxy.url);
    assert!(failed.stderr.contains(&named), "{failed:?}");
    assert!(!format!("{failed:?}").contains("hunter2"), "{failed:?}");

    let closed = Squid::start(
        "auth_param basic program /bin/cat\nacl known proxy_auth REQUIRED\n\
         http_access deny !known",
    );
    let rejected = oi(&nobody, token, &closed.url).run(&CREATE);
    assert_eq!(rejected.code, 1, "{rejected:?}");
    let said = format!(
        "the proxy {} (http_proxy) requires a user name and password (HTTP 407)",
        closed.url
    );
    assert!(rejected.stderr.contains(&said), "{rejected:?}");
    assert!(
        !rejected.stderr.contains("may have been applied"),
        "{rejected:?}"
    );
}
