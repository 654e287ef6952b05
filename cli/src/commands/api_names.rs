//! What has a name in the API can be given by that name: the description is held against the
//! command line.

use clap::{CommandFactory as _, Parser as _};
use serde_json::Value;

use crate::cli::Cli;
use crate::flags::kebab;

/// Operations for programs, and those that a command uses on its way.
const WITHOUT_COMMAND: [&str; 5] = [
    "getHealth",
    "getReadiness",
    "getDiscovery",
    "getPat",
    "getAgentRun",
];

/// What is deliberately not an argument of that name: a run is never more than `read_write`, so that
/// its scope is there to be refused, a precondition is `--if-version`, a user's
/// role and address are changed by a command each, and a dry run lists all of its pages.
fn is_otherwise(operation: &str, name: &str) -> bool {
    matches!(
        (operation, name),
        ("startAgentRun", "scope")
            | ("updateUser", "role" | "email")
            | ("revokeAdminPats", "cursor")
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

/// The description, as it is committed.
fn api() -> Value {
    serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap()
}

/// Every operation, with the command lines that the description gives as its examples.
fn operations(api: &Value) -> Vec<(&str, Vec<&str>)> {
    let paths = api["paths"].as_object().expect("paths").values();
    let methods = paths.flat_map(|path| path.as_object().expect("methods").values());
    let operations = methods.map(|described| {
        let id = described["operationId"].as_str().expect("an id");
        let examples = api["x-oi"][id].as_array().into_iter().flatten();
        let examples = examples.map(|line| line.as_str().expect("a command line"));
        (id, examples.collect())
    });
    operations.collect()
}

/// The words of a command line with double quotes, up to where the shell redirects.
fn words(line: &str) -> Vec<&str> {
    let command = line.split(" < ").next().unwrap_or_default();
    let parts = command.split('"').enumerate();
    let words = parts.flat_map(|(at, part)| match at % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    });
    words.collect()
}

#[test]
fn every_operation_has_a_command_that_can_be_typed_as_it_is_shown() {
    let api = api();
    for (operation, examples) in operations(&api) {
        let is_without = WITHOUT_COMMAND.contains(&operation);
        assert_eq!(
            examples.is_empty(),
            is_without,
            "{operation} has an example in openapi/commands.json, or is named here"
        );
        for line in examples {
            if let Err(error) = Cli::try_parse_from(words(line)) {
                panic!("{operation}: {line}: {error}");
            }
        }
    }
}

#[test]
fn whatever_has_a_name_in_the_api_has_a_flag_of_that_name() {
    let api = api();
    let mut root = Cli::command();
    root.build();
    for (operation, examples) in operations(&api) {
        for line in examples {
            // The report and the document are read and written as a whole.
            if ["reportLeakedTokens", "getOpenApi"].contains(&operation) {
                continue;
            }
            let mut command = &root;
            for name in words(line).into_iter().skip(1) {
                match command.find_subcommand(name) {
                    Some(child) => command = child,
                    None => break,
                }
            }
            let flags: Vec<&str> = command
                .get_arguments()
                .filter_map(clap::Arg::get_long_and_visible_aliases)
                .flatten()
                .collect();
            for name in takes(&api, operation) {
                assert!(
                    is_otherwise(operation, name) || flags.contains(&kebab(name).as_str()),
                    "{line}: {name} of {operation} can be given as --{}",
                    kebab(name)
                );
            }
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
