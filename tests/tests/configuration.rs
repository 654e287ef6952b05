//! The configuration of `oi-server`: flags, variables, the file, and which of them counts.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use openindex_tests::{Database, Kind, Server, binary};
use tempfile::TempDir;

/// Runs `oi-server` with only these variables of ours.
fn server(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(binary("oi-server"))
        .args(arguments)
        .env_remove("DATABASE_URL")
        .envs(variables.iter().copied())
        .output()
        .expect("oi-server runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes a file for its owner only, and returns its path.
fn written(directory: &TempDir, name: &str, contents: &str) -> String {
    let path = directory.path().join(name);
    fs::write(&path, contents).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
    path.display().to_string()
}

fn shown(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = server(&[arguments, &["config", "show"]].concat(), variables);
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

#[test]
fn a_flag_overrides_a_variable_and_that_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = written(
        &directory,
        "server.toml",
        "token_quota = 5\nlog = \"warn\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n\
         run_quota = 7\n",
    );
    let with_file = ["--config", &file];
    let variables = [("OPENINDEX_LOG", "error"), ("OPENINDEX_RUN_QUOTA", "8")];
    let output = shown(&[&with_file[..], &["--log", "debug"]].concat(), &variables);
    for line in [
        format!("token_quota = 5  # {file}, line 1"),
        format!("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]  # {file}, line 3"),
        "run_quota = 8  # OPENINDEX_RUN_QUOTA".to_owned(),
        "log = \"debug\"  # --log".to_owned(),
        "listen = \"127.0.0.1:8080\"  # default".to_owned(),
        "# public_url is not set".to_owned(),
    ] {
        assert!(output.lines().any(|it| it == line), "{line} in {output}");
    }
    // The variable names the file, too.
    let named = shown(&[], &[("OPENINDEX_SERVER_CONFIG", &file)]);
    assert!(named.contains("token_quota = 5"), "{named}");
}

#[test]
fn what_is_shown_can_be_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let variables = [
        ("OPENINDEX_TRUSTED_PROXIES", "10.0.0.0/8,::1"),
        ("OPENINDEX_PUBLIC_URL", "https://openindex.example.com"),
        ("OPENINDEX_DRAIN_SECONDS", "20"),
        ("OPENINDEX_LOG", "openindex_app=debug,warn"),
    ];
    let first = shown(&[], &variables);
    let file = written(&directory, "server.toml", &first);
    let second = shown(&["--config", &file], &[]);
    // Neither of the two is an error together with the other.
    let url_file = written(&directory, "url", "sqlite://a.db");
    let with_url_file = shown(&[], &[("DATABASE_URL_FILE", &url_file)]);
    let third = written(&directory, "third.toml", &with_url_file);
    let third = shown(&["--config", &third], &[]);
    assert!(
        third.contains("database_url = \"sqlite://a.db\""),
        "{third}"
    );
    let without_sources = |shown: &str| -> Vec<String> {
        let lines = shown.lines().map(|line| line.split("  # ").next());
        lines
            .map(|line| line.unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(without_sources(&first), without_sources(&second));
}

#[test]
fn a_server_and_its_commands_use_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = occupied.local_addr().expect("an address").to_string();
    let database = directory.path().join("a.db");
    let file = written(
        &directory,
        "server.toml",
        &format!(
            "database_url = \"sqlite://{}\"\nlisten = \"{address}\"\n",
            database.display()
        ),
    );
    let arguments = ["bootstrap", "--email", "ada@example.com", "--name", "Ada"];
    let output = server(&[&["--config", &file], &arguments[..]].concat(), &[]);
    assert!(output.status.success(), "{output:?}");
    assert!(database.exists());
    // The next step has the address of the file.
    let said = text(&output.stdout);
    assert!(
        said.contains(&format!("--app-url http://{address}")),
        "{said}"
    );
    let output = server(&["serve", "--config", &file], &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stderr);
    assert!(
        said.contains(&format!("cannot listen on {address}")),
        "{said}"
    );
}

#[test]
fn a_mistake_in_the_file_has_its_line_and_not_its_value() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = directory.path().join("none.toml").display().to_string();
    for command in [&["config", "check"][..], &[], &["migrate"]] {
        let output = server(&[&["--config", &missing], command].concat(), &[]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains(&format!("cannot read the configuration {missing}")),
            "{said}"
        );
    }
    for (contents, expected) in [
        (
            "\ntoken_quota = 0",
            "line 2: token_quota must be a whole number from 1 to 100000",
        ),
        (
            "token_qouta = 5",
            "line 1: unknown setting; did you mean token_quota?",
        ),
        (
            "database_url = \"mysql://oi:hunter2@db\"",
            "line 1: database_url must begin with",
        ),
        (
            "log = \"info\"\ndatabase_url = postgres://oi:hunter2@db",
            "line 2: ",
        ),
        (
            "[serve]\nlisten = \"127.0.0.1:1\"",
            "line 1: settings are in no section",
        ),
    ] {
        let file = written(&directory, "server.toml", contents);
        let output = server(&["--config", &file, "config", "check"], &[]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains(&format!("{file}, {expected}")),
            "{contents}: {said}"
        );
        assert!(!said.contains("Usage"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let file = written(&directory, "server.toml", "token_quota = 5");
    let output = server(&["--config", &file, "config", "check"], &[]);
    assert_eq!(
        text(&output.stdout),
        format!("The configuration in {file} is valid.\n")
    );
}

#[test]
fn a_command_without_settings_does_not_read_the_files_of_the_service() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = written(&directory, "server.toml", "this is no setting\n");
    let missing = directory.path().join("missing").display().to_string();
    let variables = [
        ("OPENINDEX_SERVER_CONFIG", &*file),
        ("DATABASE_URL_FILE", &*missing),
    ];
    for arguments in [
        &["openapi"][..],
        &["man"],
        &["grants"],
        &["completions", "bash"],
    ] {
        let output = server(arguments, &variables);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    let output = server(&["config", "check"], &variables);
    assert!(!output.status.success(), "{output:?}");
}

#[test]
fn a_url_instead_of_a_path_is_an_error_that_does_not_repeat_it() {
    let url = "postgres://oi:hunter2@db/oi";
    for variable in ["DATABASE_URL_FILE", "OPENINDEX_SERVER_CONFIG"] {
        let output = server(&["config", "check"], &[(variable, url)]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = text(&output.stderr);
        assert!(said.contains("must be the path of a file"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let variables = [
        ("DATABASE_URL_FILE", url),
        ("OPENINDEX_PUBLIC_URL", url),
        ("OPENINDEX_LOG", url),
    ];
    let help = text(&server(&["--help"], &variables).stdout);
    assert!(
        help.contains("Examples:") && !help.contains("hunter2"),
        "{help}"
    );
}

#[test]
fn a_key_instead_of_its_path_is_an_error_that_does_not_repeat_it() {
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA"])
        .output();
    let key = text(&made.expect("openssl runs").stdout);
    let lines: Vec<&str> = key.lines().filter(|line| line.len() > 20).collect();
    assert!(lines.len() > 10, "{key}");
    for value in [key.clone(), key.replace('\n', " ")] {
        let flag = format!("--tls-key={value}");
        let variable = [("OPENINDEX_TLS_KEY", &*value)];
        for output in [
            server(&["config", "check"], &variable),
            server(&["serve", &flag], &[]),
        ] {
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains("not what is in it"), "{said}");
            for line in lines.iter().flat_map(|line| line.split(['+', '/'])) {
                assert!(line.len() < 8 || !said.contains(line), "{said}");
            }
        }
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_found_without_starting() {
    let directory = tempfile::tempdir().expect("a directory");
    let certificate = written(&directory, "server.pem", "no certificate\n");
    let key = directory.path().join("missing").display().to_string();
    let lines = format!(
        "public_url = \"https://localhost\"\ntls_cert = \"{certificate}\"\ntls_key = \"{key}\"\n"
    );
    let file = written(&directory, "server.toml", &lines);
    let output = server(&["--config", &file, "config", "check"], &[]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("check --tls-cert and --tls-key"), "{said}");
    assert!(said.contains("contains no certificate"), "{said}");
}

#[test]
fn what_is_valid_and_not_safe_is_a_warning() {
    let directory = tempfile::tempdir().expect("a directory");
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| directory.path().join(name));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-subj",
            "/CN=a",
            "-addext",
            "subjectAltName=DNS:oi.example.com,IP:::1",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{made:?}");
    let warnings = |variables: &[(&str, &str)]| {
        let output = server(&["config", "check"], variables);
        assert!(output.status.success(), "{output:?}");
        text(&output.stderr)
    };
    let (certificate, key) = (
        certificate.to_str().expect("text"),
        key.to_str().expect("text"),
    );
    let with_tls = |url: &str| {
        warnings(&[
            ("OPENINDEX_TLS_CERT", certificate),
            ("OPENINDEX_TLS_KEY", key),
            ("OPENINDEX_PUBLIC_URL", url),
        ])
    };
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).expect("a mode");
    let warned = with_tls("https://oi.example.com");
    assert!(warned.contains(&format!("chmod o= {key}")), "{warned}");
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).expect("a mode");
    for url in ["https://oi.example.com", "https://[::1]:8443/oi"] {
        assert_eq!(with_tls(url), "");
    }
    for host in ["localhost", "example.com", "127.0.0.1"] {
        let warned = with_tls(&format!("https://{host}"));
        assert!(
            warned.contains(&format!("is not for {host}, the host of")),
            "{warned}"
        );
    }
    let with_url = |url: &str| warnings(&[("OPENINDEX_PUBLIC_URL", url)]);
    assert!(with_url("http://oi.example.com").contains("without encryption"));
    for url in [
        "http://localhost:8080",
        "http://[::1]",
        "http://127.0.0.2",
        "https://a.example",
    ] {
        assert_eq!(with_url(url), "", "{url}");
    }
}

#[test]
fn a_sampler_and_a_collector_are_checked() {
    let check = |endpoint, sampler| {
        let variables = [
            ("OPENINDEX_OTLP_ENDPOINT", endpoint),
            ("OTEL_TRACES_SAMPLER", sampler),
        ];
        let output = server(&["config", "check"], &variables);
        (output.status.success(), text(&output.stderr))
    };
    let endpoint = "http://127.0.0.1:4318";
    assert_eq!(check(endpoint, "always_off"), (true, String::new()));
    let (is_valid, said) = check(endpoint, "sometimes");
    assert!(
        !is_valid && said.contains("OTEL_TRACES_SAMPLER must be one of"),
        "{said}"
    );
    let (is_valid, said) = check("http://127.0.0.1:4318/v1/traces", "always_off");
    assert!(!is_valid && said.contains("remove /v1/traces"), "{said}");
}

#[test]
fn a_health_check_accepts_the_variables_of_the_server() {
    let variables = [("OPENINDEX_LISTEN", "unix:/nonexistent/openindex.sock")];
    let output = server(&["healthcheck"], &variables);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("/nonexistent/openindex.sock"), "{said}");
}

#[test]
fn the_password_in_the_database_url_is_not_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = "postgres://oi:hunter2@db.example.com:5432/oi?sslmode=require";
    let file = written(
        &directory,
        "server.toml",
        &format!("database_url = \"{url}\""),
    );
    let without_host = "postgres:///oi?host=db&password=hunter2";
    for (arguments, variables, masked) in [
        (&["--config", &file][..], &[][..], "postgres://…"),
        (&["--database-url", url], &[], "postgres://…"),
        (&[], &[("DATABASE_URL", url)], "postgres://…"),
        (&[], &[("DATABASE_URL", without_host)], "postgres:///oi?…"),
    ] {
        let output = shown(arguments, variables);
        assert!(!output.contains("hunter2"), "{output}");
        let line = format!("database_url = \"{masked}");
        assert!(output.contains(&line), "{output}");
    }
    let checked = |path: &str| {
        let output = server(&["--config", path, "config", "check"], &[]);
        assert!(output.status.success(), "{output:?}");
        text(&output.stderr)
    };
    assert_eq!(checked(&file), "");
    fs::set_permissions(Path::new(&file), fs::Permissions::from_mode(0o644)).expect("a mode");
    let warning = checked(&file);
    assert!(
        warning.contains(&format!("run: chmod o= {file}")),
        "{warning}"
    );
}

#[test]
fn the_database_url_can_be_in_a_file_of_its_own() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}/a.db", directory.path().display());
    let credential = written(&directory, "url", &format!("{url}\n"));
    let output = shown(&[], &[("DATABASE_URL_FILE", &credential)]);
    let line = format!("database_url = \"{url}\"  # {credential}");
    assert!(output.contains(&line), "{output}");
    // A flag has precedence over a variable.
    let output = shown(
        &["--database-url", "sqlite://b.db"],
        &[("DATABASE_URL_FILE", &credential)],
    );
    assert!(
        output.contains("database_url = \"sqlite://b.db\""),
        "{output}"
    );
    let config = written(
        &directory,
        "server.toml",
        "database_url = \"sqlite://b.db\"",
    );
    let output = shown(
        &["--config", &config],
        &[("DATABASE_URL_FILE", &credential)],
    );
    assert!(output.contains(&line), "{output}");

    let output = server(
        &["config", "check"],
        &[("DATABASE_URL", &url), ("DATABASE_URL_FILE", &credential)],
    );
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("not both"), "{output:?}");
    for (contents, expected) in [
        (" \n", "the file is empty"),
        ("hunter2", "must begin with sqlite:// or postgres://"),
        ("\"postgres://oi:hunter2@db/oi\"", "must not be in quotes"),
    ] {
        let credential = written(&directory, "url", contents);
        let output = server(&["config", "check"], &[("DATABASE_URL_FILE", &credential)]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = text(&output.stderr);
        assert!(
            said.contains(expected) && said.contains(&credential),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
}

/// The file is a pipe at first, so the signal arrives while the server reads its settings.
#[test]
fn a_hangup_while_the_server_starts_reloads_the_file_once_it_has() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("server.toml");
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo runs").success());
    let database = Database::new(Kind::Sqlite);
    let mut server = Command::new(binary("oi-server"))
        .args(["--listen", "127.0.0.1:0", "--config"])
        .arg(&path)
        .env("DATABASE_URL", database.url())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("oi-server runs");
    // Waits until the server reads.
    let mut pipe = fs::File::options().write(true).open(&path).expect("a pipe");
    fs::remove_file(&path).expect("removed");
    written(&directory, "server.toml", "log = \"debug\"\n");
    let id = server.id().to_string();
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &id]).status();
        assert!(sent.expect("kill runs").success());
    };
    signal("-HUP");
    pipe.write_all(b"log = \"info\"\n").expect("written");
    drop(pipe);
    let log = BufReader::new(server.stderr.take().expect("standard error"));
    let mut lines = log.lines().map(|line| line.expect("a line"));
    let reloaded = lines.find(|line| line.contains("configuration reloaded"));
    let reloaded = reloaded.expect("the server does not end");
    assert!(reloaded.contains(r#""changed":"log""#), "{reloaded}");
    signal("-TERM");
    assert!(lines.any(|line| line.contains("stopped")));
    assert!(server.wait().expect("it ends").success());
}

#[test]
fn a_hangup_reloads_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |text: &str| written(&directory, "server.toml", text);
    let file = write("token_quota = 5\n");
    let database = Database::new(Kind::Sqlite);
    let server = Server::start_with(&database, &["--config", &file]);
    let is_shared = || {
        let origin = [("origin", "https://app.example.com")];
        let response = server.http.send("GET", "/health", &origin, None);
        response.headers.contains_key("access-control-allow-origin")
    };
    assert!(!is_shared());

    write("token_quota = 6\nlog = \"debug\"\ncors_origins = [\"https://app.example.com\"]\n");
    server.signal("HUP");
    let line = server.until_logged("configuration reloaded");
    assert!(line.contains(r#""changed":"log, cors_origins""#), "{line}");
    let line = server.until_logged("restart the server");
    assert!(line.contains(r#""settings":"token_quota""#), "{line}");
    assert!(is_shared());
    let mut broken = TcpStream::connect(&server.address).expect("a connection");
    broken.write_all(b"\0\r\n\r\n").expect("sent");
    let _ = server.until_logged("connection ended early");
    assert!(is_shared());
    let line = server.until_logged(r#""message":"close""#);
    assert!(line.contains(r#""span":{"#), "{line}");

    write("token_quota = 5\nlog = \"debug\"\ncors_origins = [\"https://app.example.com\"]\n");
    server.signal("HUP");
    let line = server.until_logged("configuration reloaded; nothing changed");
    assert!(!line.contains("changed\":"), "{line}");

    write("cors_origins = []\nlistne = \"127.0.0.1:80\"\n");
    server.signal("HUP");
    let line = server.until_logged("cannot reload the configuration");
    assert!(
        line.contains("line 2: unknown setting; did you mean listen?"),
        "{line}"
    );
    assert!(is_shared());

    // What only a restart would change, and would then fail on.
    write(
        "cors_origins = []\npublic_url = \"https://localhost\"\ntls_cert = \"none.pem\"\n\
         tls_key = \"none.pem\"\n",
    );
    server.signal("HUP");
    let line = server.until_logged("cannot read none.pem");
    assert!(line.contains("cannot reload the configuration"), "{line}");
    assert!(is_shared());

    // Nothing is ever written to it.
    fs::remove_file(&file).expect("removed");
    let made = Command::new("mkfifo").arg(&file).status();
    assert!(made.expect("mkfifo runs").success());
    server.signal("HUP");
    assert!(is_shared());
    server.signal("TERM");
    let _ = server.until_logged("stopped");
}

#[test]
fn what_no_store_would_accept_is_found_without_connecting() {
    let checked = |variables: &[(&str, &str)]| {
        let output = server(&["config", "check"], variables);
        (output.status.success(), text(&output.stderr))
    };
    let url = "postgres://oi@db/oi?sslmod=require";
    for command in [&["config", "check"][..], &["serve"]] {
        let output = server(command, &[("DATABASE_URL", url)]);
        // The unit does not start it again.
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    for url in [
        "postgres://oi:hunter2@db:99999/oi",
        "postgres://oi:hunter2@db/oi?sslmode=bogus",
        "postgres://oi:hunter2@db/oi?sslmod=require",
        "sqlite://a.db?mode=bogus",
        "sqlite://:memory:",
    ] {
        let (is_valid, error) = checked(&[("DATABASE_URL", url)]);
        assert!(
            !is_valid && error.contains("the database URL is invalid"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
    let ignored = "postgres://oi:hunter2@db/oi?sslmode=require&connect_timeout=5";
    let (is_valid, warning) = checked(&[("DATABASE_URL", ignored)]);
    assert!(
        is_valid && warning.contains("ignoring the parameter connect_timeout"),
        "{warning}"
    );
    let (is_valid, error) = checked(&[
        ("OPENINDEX_LISTEN", "127.0.0.1:80"),
        ("OPENINDEX_METRICS_LISTEN", "127.0.0.1:80"),
    ]);
    assert!(
        !is_valid && error.contains("must be different addresses"),
        "{error}"
    );
    let (is_valid, warning) = checked(&[("OPENINDEX_TOKEN_QOUTA", "5")]);
    assert!(is_valid);
    let advice = "ignoring the variable OPENINDEX_TOKEN_QOUTA; did you mean OPENINDEX_TOKEN_QUOTA?";
    assert!(warning.contains(advice), "{warning}");
    let (is_valid, warning) = checked(&[("OPENINDEX_DATABASE_URL", "sqlite://other.db")]);
    assert!(is_valid);
    let advice = "ignoring the variable OPENINDEX_DATABASE_URL; did you mean DATABASE_URL?";
    assert!(warning.contains(advice), "{warning}");
}

#[test]
fn the_packaged_file_has_every_setting_with_its_default_or_an_example() {
    let packaged = include_str!("../../packaging/server.toml");
    // What is commented out, without the text around it.
    let is_setting = |line: &&str| line.contains(" = ") && !line.starts_with("# ");
    let lines = packaged.lines().filter(is_setting);
    let settings: Vec<&str> = lines.map(|line| line.trim_start_matches('#')).collect();
    let directory = tempfile::tempdir().expect("a directory");
    let all: Vec<&str> = settings
        .iter()
        .copied()
        // Not both.
        .filter(|line| !line.starts_with("database_url_file"))
        .collect();
    let file = written(&directory, "all.toml", &all.join("\n"));
    let shown_all = shown(&["--config", &file], &[]);
    let nothing = written(&directory, "nothing.toml", "");
    for line in shown(&["--config", &nothing], &[]).lines() {
        let line = line.trim_start_matches("# ");
        let key = line.split(' ').next().expect("a key");
        let here = settings
            .iter()
            .find(|it| it.starts_with(&format!("{key} = ")));
        let here = here.unwrap_or_else(|| panic!("{key} is not in packaging/server.toml"));
        let default = line.strip_suffix("  # default");
        if let Some(default) = default.filter(|_| key != "database_url") {
            assert_eq!(*here, default);
        }
        if key != "database_url_file" {
            assert!(shown_all.contains(here), "{here} in {shown_all}");
        }
    }
    let file = written(&directory, "server.toml", packaged);
    let output = server(&["--config", &file, "config", "check"], &[]);
    assert!(output.status.success(), "{output:?}");
}
