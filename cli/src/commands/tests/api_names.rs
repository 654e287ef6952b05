//! Tests that every parameter and field of the API is a flag of the same name.

use clap::{CommandFactory as _, Parser as _};
use serde_json::Value;

use crate::cli::Cli;
use crate::flags::kebab;

/// Operations for programs, and operations that commands only use internally.
const WITHOUT_COMMAND: [&str; 8] = [
    "getHealth",
    "getReadiness",
    "getDiscovery",
    "getAuthorizationServer",
    "introspectTokens",
    "verifyToken",
    "getPat",
    "getAgentRun",
];

/// Returns whether a name is deliberately not a flag: the scope of a run is always `read_write`,
/// preconditions are `--if-version`, a user's role and email address have their own commands, and
/// a dry run lists all pages.
fn is_exception(operation: &str, name: &str) -> bool {
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
        Some(reference) => api.pointer(&reference[1..]).expect("a valid reference"),
        None => value,
    }
}

/// Collects the properties of a schema, including its parts and alternatives.
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

/// Returns the names of an operation's path, query and body parameters.
fn parameters<'a>(api: &'a Value, operation: &str) -> Vec<&'a str> {
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

/// Returns the committed OpenAPI document.
fn api() -> Value {
    serde_json::from_str(include_str!("../../../openapi.json")).unwrap()
}

/// Returns every operation with its example command lines.
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

/// Splits a command line with double quotes into words, without its input redirection.
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
fn every_operation_has_an_example_that_the_command_line_accepts() {
    let api = api();
    for (operation, examples) in operations(&api) {
        let is_without = WITHOUT_COMMAND.contains(&operation);
        assert_eq!(
            examples.is_empty(),
            is_without,
            "{operation} has an example in openapi/commands.json, or is listed here"
        );
        for line in examples {
            if let Err(error) = Cli::try_parse_from(words(line)) {
                panic!("{operation}: {line}: {error}");
            }
        }
    }
}

#[test]
fn every_api_parameter_is_a_flag_of_the_same_name() {
    let api = api();
    let mut root = Cli::command();
    root.build();
    for (operation, examples) in operations(&api) {
        for line in examples {
            // The report is read from standard input, and the document has no parameters.
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
            for name in parameters(&api, operation) {
                assert!(
                    is_exception(operation, name) || flags.contains(&kebab(name).as_str()),
                    "{line}: {name} of {operation} can be given as --{}",
                    kebab(name)
                );
            }
        }
    }
}

#[test]
fn every_positional_argument_has_a_flag() {
    fn walk(command: &clap::Command, path: &str) {
        for positional in command.get_positionals() {
            let id = positional.get_id();
            // Look for the group of this argument and its flags; other groups are unrelated.
            let has_flag = command.get_groups().any(|group| {
                let mut members = group
                    .get_args()
                    .filter(|member| is_positional(command, member));
                let alone = members.next() == Some(id) && members.next().is_none();
                alone && group.get_args().count() > 1
            });
            // Their arguments are not fields of the API.
            let is_local = ["completions", "man", "scan"].contains(&command.get_name());
            assert!(has_flag || is_local, "{path}: {id} has a flag");
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
