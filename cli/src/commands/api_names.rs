//! What has a name in the API can be given by that name: the description is held against the
//! command line.

use clap::CommandFactory as _;
use serde_json::Value;

use crate::cli::Cli;
use crate::flags::kebab;

/// Every command that is one operation of the API.
const OPERATIONS: [(&str, &str); 32] = [
    ("settings personal tokens create", "createPat"),
    ("settings personal tokens list", "listPats"),
    ("settings personal tokens delete", "deletePat"),
    ("settings personal tokens rotate", "rotatePat"),
    ("settings personal account update", "patchMe"),
    ("settings admin users list", "listUsers"),
    ("settings admin users get", "getUser"),
    ("settings admin users suspend", "suspendUser"),
    ("settings admin users unsuspend", "unsuspendUser"),
    ("settings admin users set-role", "patchUser"),
    ("settings admin users update", "patchUser"),
    ("settings admin users delete", "deleteUser"),
    ("settings admin users sign-in-link", "createSignInLink"),
    ("settings admin invites list", "listInvites"),
    ("settings admin invites create", "createInvite"),
    ("settings admin invites withdraw", "withdrawInvite"),
    ("settings admin tokens list", "listAllPats"),
    ("settings admin tokens revoke", "revokePat"),
    ("settings admin tokens revoke-matching", "revokePats"),
    ("settings admin audit list", "listAudit"),
    ("settings admin audit export", "exportAudit"),
    ("agent-run list", "listAgentRuns"),
    ("agent-run start", "startAgentRun"),
    ("agent-run end", "endAgentRun"),
    ("invite claim", "claimInvite"),
    ("work-item list", "listWorkItems"),
    ("work-item get", "getWorkItem"),
    ("work-item create", "createWorkItem"),
    ("work-item update", "patchWorkItem"),
    ("work-item claim", "claimWorkItem"),
    ("work-item delete", "deleteWorkItem"),
    ("queue list", "workQueue"),
];

/// What is deliberately not an argument of that name: a run is never more than `read_write`, so that
/// its scope is there to be refused, a precondition is `--if-version`, and a user's
/// role and address are changed by a command each.
fn is_otherwise(operation: &str, name: &str) -> bool {
    matches!(
        (operation, name),
        ("startAgentRun", "scope")
            | ("patchUser", "role" | "email")
            | (_, "If-Match" | "If-None-Match")
    )
}

fn resolved<'a>(api: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => api.pointer(&reference[1..]).expect("what is referred to"),
        None => value,
    }
}

/// The properties of a schema, of its parts and of its alternatives.
fn properties<'a>(api: &'a Value, schema: &'a Value, names: &mut Vec<&'a str>) {
    let schema = resolved(api, schema);
    if let Some(properties) = schema["properties"].as_object() {
        names.extend(properties.keys().map(String::as_str));
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        for part in schema[key].as_array().into_iter().flatten() {
            properties(api, part, names);
        }
    }
}

/// The names of what an operation takes: in its path, its query and its body.
fn takes<'a>(api: &'a Value, operation: &str) -> Vec<&'a str> {
    let paths = api["paths"].as_object().expect("paths").values();
    let mut methods = paths.flat_map(|path| path.as_object().expect("methods").values());
    let described = methods
        .find(|described| described["operationId"] == operation)
        .unwrap_or_else(|| panic!("{operation} is in the description"));
    let parameters = described["parameters"].as_array().into_iter().flatten();
    let mut names: Vec<&str> = parameters
        .map(|parameter| resolved(api, parameter)["name"].as_str().expect("a name"))
        .collect();
    let body = &described["requestBody"]["content"]["application/json"]["schema"];
    properties(api, body, &mut names);
    names
}

#[test]
fn whatever_has_a_name_in_the_api_has_a_flag_of_that_name() {
    let api: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
    let mut root = Cli::command();
    root.build();
    for (path, operation) in OPERATIONS {
        let command = path.split(' ').fold(&root, |command, name| {
            command.find_subcommand(name).expect("a command")
        });
        let flags: Vec<&str> = command
            .get_arguments()
            .filter_map(clap::Arg::get_long_and_visible_aliases)
            .flatten()
            .collect();
        for name in takes(&api, operation) {
            assert!(
                is_otherwise(operation, name) || flags.contains(&kebab(name).as_str()),
                "oi {path}: {name} of {operation} can be given as --{}",
                kebab(name)
            );
        }
    }
}

#[test]
fn whatever_stands_in_its_place_can_be_given_by_a_flag() {
    fn walk(command: &clap::Command, path: &str) {
        for positional in command.get_positionals() {
            let id = positional.get_id();
            // Its group is of itself and its flags; others are of whole sets of arguments.
            let has_flag = command.get_groups().any(|group| {
                let mut members = group
                    .get_args()
                    .filter(|member| is_positional(command, member));
                let alone = members.next() == Some(id) && members.next().is_none();
                alone && group.get_args().count() > 1
            });
            // A shell and a directory of this machine have no name in the API.
            let of_this_machine = ["completions", "man"].contains(&command.get_name());
            assert!(has_flag || of_this_machine, "{path}: {id} has a flag");
        }
        for child in command
            .get_subcommands()
            .filter(|it| it.get_name() != "help")
        {
            walk(child, &format!("{path} {}", child.get_name()));
        }
    }
    fn is_positional(command: &clap::Command, id: &clap::Id) -> bool {
        command.get_positionals().any(|it| it.get_id() == id)
    }
    let mut root = Cli::command();
    root.build();
    walk(&root, "oi");
}
