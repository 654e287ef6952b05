//! `oi-server` as an operator uses it: help, mistakes, files.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use openindex_tests::{Database, Kind, Server, binary};

fn server(arguments: &[&str]) -> Output {
    Command::new(binary("oi-server"))
        .args(arguments)
        .env_remove("DATABASE_URL")
        .output()
        .expect("oi-server runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_has_examples_and_names_the_defaults() {
    let help = text(&server(&["--help"]).stdout);
    for expected in [
        "Examples:",
        "127.0.0.1:8080",
        "sqlite://openindex.db",
        "DATABASE_URL",
    ] {
        assert!(help.contains(expected), "{expected} in {help}");
    }
}

#[test]
fn help_offers_a_database_to_the_commands_that_open_one_and_says_which_create_it() {
    for (command, opens) in [
        ("serve", true),
        ("bootstrap", true),
        ("sign-in-link", true),
        ("migrate", true),
        ("copy", true),
        ("grants", false),
        ("healthcheck", false),
        ("openapi", false),
    ] {
        let help = text(&server(&[command, "--help"]).stdout);
        assert_eq!(help.contains("--database-url"), opens, "{command}: {help}");
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        let creates = "(serve, bootstrap and migrate create it)";
        assert_eq!(help.contains(creates), opens, "{command}: {help}");
    }
    // A script may pass it with any command, before or after the name.
    for arguments in [
        &["grants", "--database-url", "postgres://db/oi"][..],
        &["--database-url", "postgres://db/oi", "openapi"],
    ] {
        let output = server(arguments);
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn help_does_not_show_the_environment() {
    let output = Command::new(binary("oi-server"))
        .arg("--help")
        .env("DATABASE_URL", "postgres://openindex:hunter2@db/openindex")
        .output()
        .expect("oi-server runs");
    assert!(!text(&output.stdout).contains("hunter2"));
}

#[test]
fn a_usage_error_exits_with_2_and_a_hint() {
    for (arguments, expected) in [
        (
            &["--database-url", "mysql://db/oi"][..],
            "sqlite:// or postgres://",
        ),
        (&["--listen", "8080"], "such as 127.0.0.1:8080"),
        (&["--log", "inof"], "a level (error, warn"),
        (&["--log", "nonsense=["], "openindex_app=debug"),
        (
            &["--listen", "localhost:8099"],
            "for localhost write 127.0.0.1",
        ),
        (&["--listen", "127.0.0.1:99999"], "an IP address and a port"),
        (&["--metrics-listen", ":9090"], "such as 127.0.0.1:8080"),
        (
            &["--token-quota", "lots"],
            "a whole number from 1 to 100000",
        ),
        (&["--run-quota", "1e3"], "a whole number from 1 to 100000"),
        (&["--drain-seconds", "10s"], "a whole number from 0 to 3600"),
        (
            &["--max-connections", "many"],
            "a whole number of at least 1",
        ),
        (
            &["--max-requests-in-progress", "0"],
            "a whole number of at least 1",
        ),
        (&["--trusted-proxies", "proxy.example"], "such as 10.0.0.1"),
        (&["--log-format", "xml"], "[possible values: json, text]"),
        (
            &["--public-url", "example.com"],
            "https://openindex.example.com",
        ),
        (&["--token-quota", "0"], "--token-quota"),
        (&["--token-rate", "0"], "a whole number from 1 to 1000000"),
        (
            &["--token-rate", "1000001"],
            "a whole number from 1 to 1000000",
        ),
        (&["--token-rate=-1"], "a whole number from 1 to 1000000"),
        (&["--token-rate="], "a whole number from 1 to 1000000"),
        (
            &["--run-rate", "unlimited"],
            "a whole number from 1 to 1000000",
        ),
        (&["--run-rate", "1.5"], "a whole number from 1 to 1000000"),
        (&["--run-rate", "0"], "--run-rate"),
        (&["bootstrap"], "--email"),
        (&["serv"], "serve"),
    ] {
        let output = server(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let message = text(&output.stderr);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn a_usage_error_has_nothing_of_the_environment_and_the_file_that_it_is_about() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("backup.db"), "").expect("written");
    let run = |arguments: &[&str]| {
        let output = Command::new(binary("oi-server"))
            .args(arguments)
            .env("DATABASE_URL", "sqlite://a.db")
            .env("OPENINDEX_LOG", "info")
            .current_dir(&directory)
            .output()
            .expect("oi-server runs");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        text(&output.stderr)
    };
    let said = run(&["bootstrap"]);
    assert!(said.contains("Usage: oi-server bootstrap"), "{said}");
    assert!(!said.contains("--log"), "{said}");
    let said = run(&["check", "backup.db"]);
    assert!(said.contains("unexpected argument 'backup.db'"), "{said}");
    assert!(said.contains("--database-url sqlite://PATH"), "{said}");
    assert!(!run(&["check", "hunter2"]).contains("hunter2"));
    for arguments in [&["check", "--rebuild"][..], &["config", "check", "x"]] {
        let said = run(arguments);
        assert!(!said.contains("another database"), "{said}");
    }
    let long = format!("unix:/{}", "a".repeat(200));
    let said = run(&["serve", "--listen", &long]);
    assert!(said.contains("at most 107 bytes (got 201)"), "{said}");
}

#[test]
fn a_failure_exits_with_1_and_its_cause() {
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = occupied.local_addr().expect("an address").to_string();
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}/a.db", directory.path().display());
    let nowhere = format!("sqlite://{}/missing/a.db", directory.path().display());
    for (arguments, expected) in [
        (
            &["--database-url", &url, "--listen", &address][..],
            "cannot listen",
        ),
        (&["--database-url", &nowhere], "missing"),
        (
            &[
                "--database-url",
                &url,
                "bootstrap",
                "--email",
                "ada",
                "--name",
                "A",
            ],
            "--email",
        ),
    ] {
        let output = server(arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert!(!message.contains("panicked"), "{message}");
        assert!(!message.contains("store"), "{message}");
    }
}

#[test]
fn a_failed_write_is_an_error_even_for_help() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}/a.db", directory.path().display());
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["bootstrap", "--help"],
        &["openapi"],
        &["migrate", "--database-url", &url],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let output = Command::new(binary("oi-server"))
            .args(arguments)
            .env_remove("DATABASE_URL")
            .stdout(full.expect("/dev/full"))
            .output()
            .expect("oi-server runs");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    }
}

#[test]
fn a_command_for_an_existing_instance_creates_no_database_in_the_wrong_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = Command::new(binary("oi-server"))
        .args(["sign-in-link", "--email", "ada@example.com"])
        .current_dir(directory.path())
        .env_remove("DATABASE_URL")
        .output()
        .expect("oi-server runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let message = text(&output.stderr);
    let path = directory.path().join("openindex.db");
    for expected in [
        &format!("database file not found: {}", path.display()),
        "--database-url (DATABASE_URL)",
        "oi-server bootstrap",
    ] {
        assert!(message.contains(expected), "{message}");
    }
    assert!(!message.contains("caused by"), "{message}");
    assert!(!path.exists());
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let output = server(&[
        "sign-in-link",
        "--email",
        "a@b.example",
        "--database-url",
        &url,
    ]);
    assert!(text(&output.stderr).contains("not found"), "{output:?}");
    assert!(!path.exists());
}

#[test]
fn a_new_database_file_is_its_owners_alone() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let path = database.url().strip_prefix("sqlite://").expect("a path");
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{path}{suffix}");
        let mode = std::fs::metadata(&file)
            .expect("the file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let log = server.log();
    assert!(
        log.contains("oi-server bootstrap"),
        "the log says what to do: {log}"
    );
}

#[test]
fn the_token_alone_can_be_piped() {
    let database = Database::new(Kind::Sqlite);
    let output = server(&[
        "bootstrap",
        "--email",
        "ada@example.com",
        "--name",
        "Ada",
        "--token-only",
        "--database-url",
        database.url(),
    ]);
    assert!(output.status.success(), "{output:?}");
    let token = text(&output.stdout);
    assert_eq!(token.len(), 56, "55 characters and a line break");
    let server = Server::start(&database);
    assert_eq!(server.http.get("/me", token.trim_end()).status, 200);
}

#[test]
fn migrate_is_a_separate_command_and_can_be_repeated() {
    let database = Database::new(Kind::Sqlite);
    for _ in 0..2 {
        let output = server(&["migrate", "--database-url", database.url()]);
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(database.execute("DELETE FROM users"), 0);
}

#[test]
fn a_health_check_follows_the_readiness_of_the_server_and_says_why() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let port = server.address.rsplit_once(':').expect("a port").1;
    let everywhere = format!("0.0.0.0:{port}");
    let check = |listen: &str| server_with("OPENINDEX_LISTEN", listen, &["healthcheck"]);
    let ready = format!("The server at {} is ready.\n", server.address);
    for listen in [&server.address, &everywhere] {
        let output = check(listen);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(text(&output.stdout), ready);
    }
    database.execute("ALTER TABLE invites RENAME TO elsewhere");
    let output = check(&everywhere);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let expected = format!("error: the server at {} is not ready: ", server.address);
    let message = text(&output.stderr);
    assert!(message.starts_with(&expected), "{message}");
    assert!(message.contains("(status 503)"), "{message}");
    drop(server);
    let output = check(&everywhere);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let message = text(&output.stderr);
    assert!(
        message.contains("cannot reach the server at 127.0.0.1"),
        "{message}"
    );
}

#[test]
fn a_health_check_of_something_else_names_the_setting() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("its address").to_string();
    let serve = std::thread::spawn(move || {
        let (mut client, _) = other.accept().expect("a client");
        client.write_all(b"SSH-2.0-OpenSSH\r\n").expect("written");
        // Reads the request, so that closing does not reset the connection.
        let _ = client.read(&mut [0; 1024]);
    });
    let output = server_with("OPENINDEX_LISTEN", &address, &["healthcheck"]);
    serve.join().expect("the other server ends");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let message = text(&output.stderr);
    assert!(message.contains("OPENINDEX_LISTEN"), "{message}");
}

#[test]
fn manual_pages_and_completions_name_every_command_and_nothing_of_the_environment() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("man1");
    let path = path.to_str().expect("text");
    let secret = "postgres://u:hunter2@db/oi";
    let run = |arguments: &[&str]| {
        let output = server_with("DATABASE_URL", secret, arguments);
        assert!(output.status.success(), "{output:?}");
        text(&output.stdout)
    };
    run(&["man", path]);
    let completions = ["bash", "zsh", "fish"].map(|shell| run(&["completions", shell]));
    let page = run(&["man"]);
    for section in ["EXIT STATUS", "ENVIRONMENT", "FILES"] {
        assert!(page.contains(section), "{section}: {page}");
    }
    for command in [
        "serve",
        "bootstrap",
        "sign-in-link",
        "migrate",
        "grants",
        "healthcheck",
    ] {
        let name = format!("oi-server-{command}.1");
        let own = std::fs::read_to_string(format!("{path}/{name}")).expect("a page");
        assert!(!own.contains("hunter2"), "{own}");
        assert!(
            page.contains(&format!("oi\\-server\\-{}", command.replace('-', "\\-"))),
            "{page}"
        );
        for script in &completions {
            assert!(script.contains(command), "{command}: {script}");
            assert!(!script.contains("hunter2"), "{script}");
        }
    }
    assert!(!page.contains("hunter2"), "{page}");
}

/// Runs `oi-server` with one variable, in a temporary directory.
fn server_with(variable: &str, value: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    Command::new(binary("oi-server"))
        .args(arguments)
        .env_remove("DATABASE_URL")
        .env(variable, value)
        .current_dir(&directory)
        .output()
        .expect("oi-server runs")
}

/// A variable, a value that contains a secret, arguments, and what the error must say.
type Mistake = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const MISTAKES: [Mistake; 18] = [
    (
        "DATABASE_URL",
        "\"postgres://u:hunter2@h/db\"",
        &["migrate"],
        &["DATABASE_URL", "quotes"],
    ),
    (
        "DATABASE_URL",
        "mysql://u:hunter2@h/db",
        &["migrate"],
        &["DATABASE_URL", "postgres://"],
    ),
    (
        "DATABASE_URL",
        "postgres://u:hunter2#@h/db",
        &["migrate"],
        &["DATABASE_URL", "%23"],
    ),
    (
        "DATABASE_URL",
        "postgres://u:12/hunter2@h/db",
        &["migrate"],
        &["DATABASE_URL", "%2F"],
    ),
    (
        "DATABASE_URL",
        "postgres://u:hunter2?@h/db",
        &["migrate"],
        &["DATABASE_URL", "%3F"],
    ),
    (
        "DATABASE_URL",
        "postgres://u:hunter2",
        &["migrate"],
        &["DATABASE_URL", "%40"],
    ),
    (
        "DATABASE_URL",
        "postgres://u@h/db?sslmode=hunter2",
        &["migrate"],
        &["DATABASE_URL", "sslmode"],
    ),
    (
        "DATABASE_URL",
        "sqlite://u:hunter2@h/db",
        &["migrate"],
        &["DATABASE_URL", "postgres://"],
    ),
    (
        "OPENINDEX_PUBLIC_URL",
        "https://u:hunter2@h",
        &[],
        &["OPENINDEX_PUBLIC_URL", "password"],
    ),
    (
        "OPENINDEX_LISTEN",
        "postgres://u:hunter2@h",
        &[],
        &["OPENINDEX_LISTEN"],
    ),
    (
        "OPENINDEX_TRUSTED_PROXIES",
        "hunter2",
        &[],
        &["OPENINDEX_TRUSTED_PROXIES"],
    ),
    (
        "OPENINDEX_TOKEN_QUOTA",
        "hunter2",
        &[],
        &["OPENINDEX_TOKEN_QUOTA"],
    ),
    (
        "OPENINDEX_LOG_FORMAT",
        "hunter2",
        &[],
        &["OPENINDEX_LOG_FORMAT", "json"],
    ),
    ("OPENINDEX_LOG", "hunter2=[", &[], &["OPENINDEX_LOG"]),
    (
        "UNUSED",
        "",
        &["postgres://u:hunter2@h/db"],
        &["subcommand"],
    ),
    (
        "UNUSED",
        "",
        &["migrate", "hunter2"],
        &["unexpected argument"],
    ),
    (
        "UNUSED",
        "",
        &["--databse-url=postgres://u:hunter2@h/db"],
        &["--databse-url"],
    ),
    (
        "UNUSED",
        "",
        &["bootstrap", "--email", "hunter2", "--name", "A"],
        &["--email"],
    ),
];

#[test]
fn no_error_repeats_a_secret_and_each_names_its_key_and_the_fix() {
    for (variable, value, arguments, expected) in MISTAKES {
        let output = server_with(variable, value, arguments);
        assert!(!output.status.success(), "{value} {arguments:?}");
        let said = text(&output.stderr) + &text(&output.stdout);
        assert!(!said.contains("hunter2"), "{said}");
        for expected in expected {
            assert!(said.contains(expected), "{expected}: {said}");
        }
    }
}

#[test]
fn an_unsupported_parameter_of_the_database_url_is_named_without_its_value() {
    // No process listens there; the server gives up after the timeout for a connection.
    let url = "postgres://u:hunter2@127.0.0.1:1/db?sslpassword=hunter2";
    let output = server_with("DATABASE_URL", url, &["--log", "trace"]);
    let said = text(&output.stderr);
    assert!(said.contains("sslpassword"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn an_empty_variable_is_an_error_and_help_still_works() {
    use std::os::unix::ffi::OsStrExt as _;
    for variable in [
        "DATABASE_URL",
        "OPENINDEX_LISTEN",
        "OPENINDEX_PUBLIC_URL",
        "OPENINDEX_TRUSTED_PROXIES",
        "OPENINDEX_METRICS_LISTEN",
        "OPENINDEX_LOG",
    ] {
        for blank in ["", " \n"] {
            let output = server_with(variable, blank, &["migrate"]);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{variable}: {said}");
            assert!(
                said.contains(&format!("{variable} is set but empty")),
                "{said}"
            );
            for flag in ["--help", "--version"] {
                let output = server_with(variable, blank, &[flag]);
                assert!(output.status.success(), "{variable} {flag}");
            }
        }
    }
    let value = std::ffi::OsStr::from_bytes(b"postgres://u:\xffhunter2@h/db");
    let said = text(&server_with("DATABASE_URL", value, &["migrate"]).stderr);
    assert!(said.contains("DATABASE_URL is not valid UTF-8"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_first_token_that_cannot_be_printed_is_revoked_with_a_hint() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(binary("oi-server"))
        .args(["bootstrap", "--email", "a@b.example", "--name", "Ada"])
        .args(["--token-only", "--database-url", "sqlite://x.db"])
        .current_dir(directory.path())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("was revoked"), "{stderr}");
    assert!(
        stderr.contains("oi-server sign-in-link --email a@b.example"),
        "{stderr}"
    );
}

#[test]
fn a_second_bootstrap_says_how_an_existing_administrator_signs_in() {
    let database = Database::new(Kind::Sqlite);
    let run = |email: &str, flags: &[&str], variables: &[(&str, &str)]| {
        let output = Command::new(binary("oi-server"))
            .args(["bootstrap", "--email", email, "--name", "Ada"])
            .args(flags)
            .env_remove("DATABASE_URL")
            .env_remove("OPENINDEX_LISTEN")
            .env_remove("OPENINDEX_PUBLIC_URL")
            .envs(variables.iter().copied())
            .output()
            .expect("oi-server runs");
        text(&output.stderr)
    };
    let at = ["--database-url", database.url()];
    let said = run("ada@b.example", &at, &[]);
    assert!(said.contains("edit the address in the command"), "{said}");
    let at_port = [&at[..], &["--listen", "127.0.0.1:9999"]].concat();
    let variable = [("DATABASE_URL", database.url())];
    let flag = format!(" --database-url {}", database.url());
    for (flags, variables, expected) in [
        (&at[..], &[][..], flag.clone()),
        (&[], &variable, String::new()),
        (&at_port, &[], flag + " --listen 127.0.0.1:9999"),
    ] {
        let said = run("eve@b.example", flags, variables);
        let hint = format!(
            "To sign in as ada@b.example, run: oi-server sign-in-link --email ada@b.example{expected}\n"
        );
        assert!(said.ends_with(&hint), "{hint}: {said}");
    }
}

#[test]
fn a_printed_address_is_that_of_the_server_or_says_that_it_may_not_be() {
    let database = Database::new(Kind::Sqlite);
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = Command::new(binary("oi-server"))
            .args(arguments)
            .args(["--database-url", database.url()])
            .env_remove("OPENINDEX_LISTEN")
            .env_remove("OPENINDEX_PUBLIC_URL")
            .envs(variables.iter().copied())
            .output()
            .expect("oi-server runs");
        (text(&output.stdout), text(&output.stderr))
    };
    let bootstrap = ["bootstrap", "--email", "a@b.example", "--name", "Ada"];
    let (made, said) = run(&bootstrap, &[("OPENINDEX_LISTEN", "127.0.0.1:9999")]);
    assert!(!said.contains("edit the address"), "{said}");
    let set = "oi profile set --app-url http://127.0.0.1:9999 --token -";
    assert!(made.contains(set), "{made}");
    let (_, again) = run(&bootstrap, &[]);
    for said in [
        "the instance already has users",
        "oi-server sign-in-link --email a@b.example",
    ] {
        assert!(again.contains(said), "{again}");
    }
    let link = ["sign-in-link", "--email", "a@b.example"];
    let listen = ("OPENINDEX_LISTEN", "[::1]:9999");
    let public = ("OPENINDEX_PUBLIC_URL", "https://oi.example/team");
    let hint = "edit the address";
    for (flags, variables, beginning, is_guess) in [
        (&[][..], &[][..], "http://127.0.0.1:8080/", true),
        (
            &[],
            &[("OPENINDEX_LISTEN", "127.0.0.1:0")],
            "http://127.0.0.1:8080/",
            true,
        ),
        (&[], &[listen], "http://[::1]:9999/", false),
        (&[], &[listen, public], "https://oi.example/team/", false),
        (
            &["--listen", "127.0.0.1:9998"],
            &[listen],
            "http://127.0.0.1:9998/",
            false,
        ),
        (
            &["--public-url", "http://a.example"],
            &[listen, public],
            "http://a.example/",
            false,
        ),
    ] {
        let arguments = [&link[..], flags].concat();
        let (printed, said) = run(&arguments, variables);
        let beginning = format!("{beginning}sign-in/link/");
        assert!(
            printed.starts_with(&beginning),
            "{arguments:?}: {printed}{said}"
        );
        assert_eq!(said.contains(hint), is_guess, "{said}");
    }
}

#[test]
fn a_flag_before_a_command_that_would_ignore_it_is_an_error() {
    let output = server(&[
        "--listen",
        "127.0.0.1:1",
        "sign-in-link",
        "--email",
        "a@b.example",
    ]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let message = text(&output.stderr);
    assert!(message.contains("put it after sign-in-link"), "{message}");
}
