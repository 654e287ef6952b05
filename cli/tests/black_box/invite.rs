use serde_json::{Value, json};

use crate::stub::{PAT, Stub, problem, user};
use crate::support::{Home, environment_token, new_token, profile_token};

pub(crate) const CODE: &str = "abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE";
const CLAIM: &str = "POST /auth/invites/claim";
const DISCOVERY: &str = "GET /.well-known/openindex.json";
const PASSWORD: &str = "violet otter harvest ladder";

fn with_token() -> String {
    let pat: Value = serde_json::from_str(PAT).expect("JSON");
    json!({"user": user(1, "a@b.example"), "pat": pat, "token": new_token()}).to_string()
}

fn server(claimed: &str) -> Stub {
    let discovery = r#"{"apiUrl":"BASE","version":"0.1.0"}"#;
    Stub::new(&[(DISCOVERY, 200, discovery), (CLAIM, 201, claimed)])
}

fn sent(server: &Stub) -> Value {
    let requests = server.received();
    let claim = requests
        .iter()
        .find(|request| request.what == CLAIM)
        .expect("a claim was sent");
    assert_eq!(claim.authorization, None, "no token is sent");
    serde_json::from_str(&claim.body).expect("JSON")
}

#[test]
fn an_invite_is_claimed_with_a_link_and_use() {
    let server = server(&with_token());
    let home = Home::new();
    let link = format!("{}/join/{CODE}", server.url);
    let ran = home.run(&["invite", "claim", &link, "--name", " Ada ", "--use"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(!ran.stdout.contains(&new_token()), "it is in the profile");
    let output = ran.json();
    assert_eq!(output["token"], json!(null));
    assert_eq!(output["profile"], "default");
    assert_eq!(output["user"]["email"], "a@b.example");
    assert_eq!(
        sent(&server),
        json!({"code": CODE, "name": "Ada", "tokenName": "oi"})
    );
    let config = home.config();
    assert_eq!(config["current_profile"], "default");
    assert_eq!(config["profiles"]["default"]["token"], new_token());
    assert_eq!(config["profiles"]["default"]["app_url"], server.url);
}

#[test]
fn without_use_the_token_is_shown_and_the_profile_unchanged() {
    let server = server(&with_token());
    let home = Home::with_profile(&server.url).set("OPENINDEX_TOKEN", environment_token());
    let before = home.config();
    let arguments = [
        "invite",
        "claim",
        CODE,
        "--name",
        "Ada",
        "--email",
        "a@b.example",
        "--token-name",
        "ci",
    ];
    let ran = home.run(&arguments);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert_eq!(ran.json()["token"], new_token());
    assert_eq!(
        sent(&server),
        json!({"code": CODE, "name": "Ada", "email": "a@b.example", "tokenName": "ci"})
    );
    let ran = home.run(&[&arguments[..], &["--token-only"]].concat());
    assert_eq!(ran.stdout, format!("{}\n", new_token()));
    assert_eq!(home.config(), before);
}

#[test]
fn a_password_is_only_read_from_standard_input() {
    let claimed = json!({"user": user(1, "a@b.example")}).to_string();
    let server = server(&claimed);
    let home = Home::with_profile(&server.url);
    let claim = ["invite", "claim", CODE, "--name", "Ada", "--password"];
    let ran = home.run_with(&[&claim[..], &["-"]].concat(), &format!("{PASSWORD}\n"));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    assert!(!ran.stdout.contains(PASSWORD));
    assert_eq!(
        ran.json(),
        json!({"user": user(1, "a@b.example"), "pat": null, "token": null, "profile": null})
    );
    assert_eq!(
        sent(&server),
        json!({"code": CODE, "name": "Ada", "password": PASSWORD})
    );
    let requests = server.requests().len();
    let ran = home.run(&[&claim[..], &[PASSWORD]].concat());
    ran.assert_failed(2, "usage");
    assert!(!format!("{ran:?}").contains(PASSWORD), "{ran:?}");
    for weak in ["", "short", "password1234567", "password password"] {
        let ran = home.run_with(&[&claim[..], &["-"]].concat(), weak);
        ran.assert_failed(2, "weak_password");
    }
    assert_eq!(server.requests().len(), requests);
}

#[test]
fn the_link_can_be_read_from_standard_input() {
    let server = server(&with_token());
    let link = format!("{}/join#{CODE}\n", server.url);
    let arguments = [
        "invite",
        "claim",
        "-",
        "--name",
        "Ada",
        "--token-name",
        "ci",
    ];
    let ran = Home::new().run_with(&arguments, &link);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(sent(&server)["code"], CODE);
}

#[test]
fn a_profile_in_use_is_rejected_before_the_invite_is_claimed() {
    let server = server(&with_token());
    let link = format!("{}/join/{CODE}", server.url);
    let home = Home::with_profile(&server.url);
    let claim = ["invite", "claim", &link, "--name", "Ada", "--use"];
    let ran = home.run(&claim);
    ran.assert_failed(2, "usage");
    assert!(ran.stderr.contains("has a token"), "{ran:?}");
    home.write_config(&json!({"profiles": {"default": {"app_url": "https://other.example"}}}));
    let ran = home.run(&claim);
    ran.assert_failed(2, "usage");
    assert!(ran.stderr.contains("is for https://other.example"));
    assert!(!server.requests().contains(&CLAIM.to_owned()));
    let ran = home.run(&[&claim[..], &["--profile", "work"]].concat());
    assert_eq!((ran.status, &ran.json()["profile"]), (0, &json!("work")));
    assert_eq!(home.config()["profiles"]["work"]["token"], new_token());
    assert_eq!(home.config()["current_profile"], "work");
}

#[test]
fn a_token_is_shown_if_it_cannot_be_saved_in_the_profile() {
    let server = server(&with_token());
    let home = Home::with_profile(&server.url);
    std::fs::create_dir(home.config_file().with_file_name("config.json.lock")).unwrap();
    let link = format!("{}/join/{CODE}", server.url);
    let ran = home.run(&[
        "invite",
        "claim",
        &link,
        "--name",
        "Ada",
        "--use",
        "--profile",
        "work",
    ]);
    assert_eq!(ran.status, 1);
    assert_eq!(ran.json()["token"], new_token());
    assert_eq!(ran.json()["profile"], json!(null));
    assert!(
        ran.stderr
            .contains("warning: the token was not saved in the profile")
    );
}

#[test]
fn an_invalid_command_line_exits_with_2_and_claims_nothing() {
    let server = server(&with_token());
    let home = Home::with_profile(&server.url);
    let elsewhere = format!("https://elsewhere.example/join/{CODE}");
    let own = profile_token();
    for arguments in [
        &["claim", CODE, "--token-name", "x"][..],
        &["claim", CODE, "--name", "Ada"],
        &["claim", CODE, "--name", " ", "--token-name", "x"],
        &["claim", CODE, "--name", "Ada", "--token-name", " "],
        &[
            "claim",
            CODE,
            "--name",
            "Ada",
            "--token-name",
            "x",
            "--email",
            "ada",
        ],
        &["claim", "short", "--name", "Ada", "--token-name", "x"],
        &["claim", &own, "--name", "Ada", "--token-name", "x"],
        &["claim", "-", "--name", "Ada", "--password", "-"],
        &[
            "claim",
            &elsewhere,
            "--name",
            "Ada",
            "--token-name",
            "x",
            "--app-url",
            &server.url,
        ],
    ] {
        let ran = home.run(&[&["invite"], arguments].concat());
        ran.assert_failed(2, "usage");
        assert!(!format!("{ran:?}").contains(CODE), "{ran:?}");
    }
    for more in [&["--use"][..], &["--password", "-"]] {
        let claim = ["invite", "claim", CODE, "--name", "Ada", "--token-only"];
        let ran = home.run(&[&claim, more].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{ran:?}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn the_servers_reason_is_printed() {
    let discovery = r#"{"apiUrl":"BASE","version":"0.1.0"}"#;
    for (status, code) in [
        (409, "invite_not_open"),
        (404, "invite_unknown"),
        (400, "weak_password"),
        (429, "rate_limited"),
    ] {
        let body = problem(status, code, "it was claimed already");
        let server = Stub::new(&[(DISCOVERY, 200, discovery), (CLAIM, status, &body)]);
        let home = Home::new();
        let link = format!("{}/join/{CODE}", server.url);
        let ran = home.run(&["invite", "claim", &link, "--name", "Ada", "--use"]);
        ran.assert_failed(1, code);
        assert!(!home.config_file().exists());
    }
}

#[test]
fn a_code_is_not_sent_over_plain_http_to_another_machine() {
    let ran = Home::new().run(&[
        "invite",
        "claim",
        CODE,
        "--name",
        "Ada",
        "--use",
        "--app-url",
        "http://openindex.invalid",
    ]);
    ran.assert_failed(1, "insecure_transport");
}
