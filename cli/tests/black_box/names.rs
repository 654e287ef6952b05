//! Arguments that can be positional or a flag named like the API's field.

use openindex_domain::token::TokenKind;

use crate::support::{Home, secret};

const PAT: &str = "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";

/// Each command requires a server; the attempt to reach one shows that the arguments are valid.
#[test]
fn a_flag_is_equivalent_to_the_positional_argument() {
    let home = Home::new().set("OPENINDEX_TOKEN", secret(TokenKind::Personal, 2));
    let user = "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
    let invite = "inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
    let run = "run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
    let url = "--app-url=http://127.0.0.1:9";
    for line in [
        "settings personal tokens create --name ci",
        "settings personal tokens create ci",
        "settings personal tokens create --name=-dash --expires-at 2099-01-01",
        &format!("settings personal tokens delete --yes --id {PAT} --id {PAT}"),
        "settings personal tokens delete --yes --name ci",
        "settings personal tokens rotate --name ci --overlap-seconds 60",
        &format!("settings personal tokens rotate --id {PAT}"),
        &format!("settings admin users get --id {user}"),
        "settings admin users get --email ada@example.com",
        "settings admin users suspend --yes --email ada@example.com",
        "settings admin users unsuspend --email ada@example.com",
        "settings admin users sign-in-link --email ada@example.com",
        "settings admin users set-role --yes --email ada@example.com --role admin",
        "settings admin users set-role --yes ada@example.com --role admin",
        "settings admin users set-role --yes ada@example.com admin",
        "settings admin invites create --email grace@example.com --role member",
        &format!("settings admin invites withdraw --yes --id {invite}"),
        "settings admin invites withdraw --yes --email grace@example.com",
        &format!("settings admin tokens revoke --yes --id {PAT}"),
        &format!("agent-run end --yes --id {run}"),
        "agent-run start --agent-id builder-7 --ttl-seconds 60 --work-item-key OPS-42",
        "agent-run list --include-ended",
        "work-item get --key OPS-42",
        "work-item claim --key OPS-42",
        "work-item release --key OPS-42",
        "work-item complete --key OPS-42",
        "work-item delete --yes --key OPS-42",
        "work-item update --key OPS-42 --execution-target agent",
        "work-item list --execution-target agent --agent-id builder-7 --q words",
        "invite claim --code abcdefghijklmnopqrstuvwxyz0123456789_-ABCDE --name Grace --token-name x",
    ] {
        let mut arguments: Vec<&str> = line.split(' ').collect();
        arguments.push(url);
        let ran = home.run(&arguments);
        assert_eq!(ran.status, 1, "{line}: {ran:?}");
        assert_eq!(ran.json()["error"]["code"], "unreachable", "{line}");
    }
}

#[test]
fn a_profile_can_be_selected_by_its_flag() {
    let home = Home::new();
    for line in [
        "profile set --name work --agent-id builder-7",
        "profile set other --agent-id builder-8",
        "profile use --name work",
        "profile show --name other",
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ran = home.run(&arguments);
        assert_eq!(ran.status, 0, "{line}: {ran:?}");
    }
    assert_eq!(home.config()["current_profile"], "work");
}

#[test]
fn both_and_neither_are_usage_errors_with_an_example() {
    let home = Home::new();
    for (line, missing, example) in [
        (
            "settings personal tokens create",
            "NAME",
            "oi settings personal tokens create --name \"local cli\" --scope read_write",
        ),
        (
            "settings personal tokens create a --name b",
            "--name",
            "oi settings personal tokens create --name \"local cli\" --scope read_write",
        ),
        ("work-item get", "--key", "oi work-item get OPS-42"),
        (
            "work-item get OPS-1 --key OPS-2",
            "--key",
            "oi work-item get OPS-42",
        ),
        (
            "settings admin users set-role ada@example.com",
            "--role",
            "oi settings admin users set-role",
        ),
        ("agent-run end --yes", "--id", "oi agent-run end"),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ran = home.run(&arguments);
        let document = ran.assert_failed(2, "usage");
        let message = document["error"]["message"].as_str().expect("a message");
        assert!(message.contains(missing), "{line}: {message}");
        assert!(ran.stderr.contains(example), "{line}: {}", ran.stderr);
    }
}

#[test]
fn a_flag_accepts_only_its_own_kind_of_value() {
    let home = Home::new().set("OPENINDEX_TOKEN", secret(TokenKind::Personal, 2));
    for line in [
        "settings personal tokens delete --yes --id ci",
        "settings personal tokens rotate --id run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        "settings admin users get --id ada@example.com",
        "settings admin users get --email usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        "settings admin invites withdraw --yes --id grace@example.com",
        "settings admin invites withdraw --yes --email inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        "agent-run start --agent-id b --ttl-seconds 59",
        "settings personal tokens rotate --name ci --overlap-seconds 86401",
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        home.run(&arguments).assert_failed(2, "usage");
    }
}
