//! A secret that is shown once but cannot be written is revoked, on a real server.

use std::fs::OpenOptions;

use openindex_tests::{Database, Kind, Oi, Server, both_stores};

both_stores! { a_secret_that_could_not_be_shown_is_revoked }

fn a_secret_that_could_not_be_shown_is_revoked(kind: Kind) {
    let database = Database::new(kind);
    let admin = Server::bootstrap(&database).token;
    let server = Server::start(&database);
    let oi = Oi::new()
        .with_env("OPENINDEX_APP_URL", &server.url)
        .with_env("OPENINDEX_TOKEN", &admin);
    let live = |path: &str| {
        let list = server.http.get(path, &admin).json();
        let items = list["items"].as_array().expect("items").clone();
        let items = items.into_iter();
        let live = items.filter(|item| {
            ["live", "open"]
                .map(Some)
                .contains(&item["status"].as_str())
        });
        live.count()
    };
    for (arguments, path, undone) in [
        (
            &[
                "settings",
                "personal",
                "tokens",
                "create",
                "--name",
                "ci",
                "--token-only",
            ][..],
            "/me/pats",
            " was revoked",
        ),
        (
            &["settings", "personal", "tokens", "rotate", "kept"],
            "/me/pats",
            " was revoked",
        ),
        (
            &["agent-run", "start", "--agent-id", "builder-7"],
            "/agent-runs",
            " was ended",
        ),
        (
            &[
                "settings",
                "admin",
                "invites",
                "create",
                "grace@example.com",
            ],
            "/admin/invites",
            " was withdrawn",
        ),
    ] {
        let rotates = arguments.contains(&"rotate");
        if rotates {
            let kept = ["settings", "personal", "tokens", "create", "--name", "kept"];
            assert_eq!(oi.run(&kept).code, 0);
        }
        let before = live(path);
        let full = OpenOptions::new().write(true).open("/dev/full");
        let output = oi.run_into(arguments, "", full.expect("Linux"));
        assert_eq!(output.code, 1, "{output:?}");
        assert!(output.stderr.contains(undone), "{output:?}");
        assert_eq!(live(path), before - usize::from(rotates), "{output:?}");
    }
}
