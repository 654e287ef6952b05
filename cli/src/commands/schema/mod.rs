//! `oi schema`: a machine-readable description of `oi` or of the API.

mod outputs;

use serde_json::{Value, json};

use crate::commands::prelude::*;
use crate::environment;
use crate::exit_code::ExitCode;
use crate::parts::Prints;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without options, prints one JSON document: the commands with their arguments and output formats
(JSON Schema), the environment variables and the exit statuses.

Examples:
  oi schema | jq -r '.commands[].command'
  oi schema --api > openapi.json")]
pub(crate) struct Describe {
    /// Print the server's OpenAPI document instead
    #[arg(long)]
    api: bool,
}

pub(super) fn run(args: &Describe, app: &mut App<'_>) -> Result<(), CliError> {
    if !args.api {
        return app.out.document(&describe((app.grammar)()));
    }
    let server = app.server()?;
    let document = app.client(&server.api_url, None)?.openapi();
    let document = document.map_err(|error| server.explain(error.into()))?;
    app.out.document(&document)
}

fn describe(mut root: clap::Command) -> Value {
    root.build();
    let mut commands = Vec::new();
    walk(&root, "oi", &mut commands);
    let outputs: Vec<Value> = commands.iter().map(|it| it["output"].clone()).collect();
    let variables = environment::ALL
        .iter()
        .map(|(name, about, _)| json!({"name": name, "about": about}));
    let statuses = ExitCode::ALL
        .map(|(code, name, about)| json!({"code": code as u8, "name": name, "about": about}));
    json!({
        "name": "oi",
        "version": env!("CARGO_PKG_VERSION"),
        "globalArguments": arguments(&root, clap::Arg::is_global_set),
        "commands": commands,
        "environment": variables.collect::<Vec<_>>(),
        "exitCodes": statuses,
        "output": "With --json, or when standard output is not a terminal: one JSON document on \
                   standard output, also for errors; messages on standard error.",
        "error": outputs::error(),
        "$defs": outputs::definitions(&outputs),
    })
}

fn walk(command: &clap::Command, path: &str, commands: &mut Vec<Value>) {
    for child in command
        .get_subcommands()
        .filter(|child| child.get_name() != "help")
    {
        let path = format!("{path} {}", child.get_name());
        if child.has_subcommands() {
            walk(child, &path, commands);
            continue;
        }
        commands.push(json!({
            "command": path,
            "about": child.get_about().map(ToString::to_string),
            "aliases": child.get_visible_aliases().collect::<Vec<_>>(),
            "arguments": arguments(child, |argument| !argument.is_global_set()),
            "oneOf": one_of(child),
            "output": child.get::<Prints>().map(|output| outputs::schema(*output)),
        }));
    }
}

fn arguments(command: &clap::Command, filter: impl Fn(&clap::Arg) -> bool) -> Vec<Value> {
    command
        .get_arguments()
        .filter(|argument| filter(argument))
        .filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"))
        .map(|argument| {
            let takes_value = argument.get_action().takes_values();
            let values = argument.get_possible_values();
            let defaults = argument.get_default_values();
            json!({
                "name": name(argument),
                "aliases": argument
                    .get_visible_aliases()
                    .unwrap_or_default()
                    .iter()
                    .map(|alias| format!("--{alias}"))
                    .collect::<Vec<_>>(),
                "short": argument.get_short().map(|short| format!("-{short}")),
                "about": argument.get_help().map(ToString::to_string),
                "takesValue": takes_value,
                "required": argument.is_required_set(),
                "repeatable": matches!(argument.get_action(), clap::ArgAction::Append),
                "values": (takes_value && !values.is_empty())
                    .then(|| values.iter().map(|value| value.get_name().to_owned()).collect::<Vec<_>>()),
                "default": takes_value
                    .then(|| defaults.first().map(|value| value.to_string_lossy().into_owned())),
            })
        })
        .collect()
}

fn name(argument: &clap::Arg) -> String {
    argument.get_long().map_or_else(
        || argument.get_id().to_string().to_uppercase(),
        |long| format!("--{long}"),
    )
}

/// Returns the groups of arguments of which exactly one is required.
fn one_of(command: &clap::Command) -> Vec<Vec<String>> {
    command
        .get_groups()
        .filter(|group| group.is_required_set())
        .map(|group| {
            let members = group.get_args();
            let arguments = members.filter_map(|id| {
                let mut arguments = command.get_arguments();
                arguments.find(|argument| argument.get_id() == id)
            });
            arguments.map(name).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_has_a_defined_output() {
        let schema = describe(Cli::command());
        let definitions = schema["$defs"].as_object().unwrap();
        for command in schema["commands"].as_array().unwrap() {
            let output = &command["output"];
            if let Some(name) = output["$ref"].as_str() {
                let name = name.strip_prefix("#/$defs/").unwrap();
                assert!(definitions[name].is_object(), "{command}");
            } else {
                assert!(output["contentMediaType"].is_string(), "{command}");
            }
        }
    }

    #[test]
    fn every_reference_is_defined_and_every_definition_is_referred_to() {
        let schema = describe(Cli::command());
        let text = schema.to_string();
        let referred = text.split("\"#/$defs/").skip(1);
        let referred: BTreeSet<&str> = referred.filter_map(|rest| rest.split('"').next()).collect();
        let definitions = schema["$defs"].as_object().unwrap();
        let defined: BTreeSet<&str> = definitions.keys().map(String::as_str).collect();
        assert_eq!(referred, defined);
        assert!(!text.contains("#/components/"));
        assert!(definitions["User"]["properties"]["mixedScripts"].is_object());
    }

    #[test]
    fn describes_the_command_line() {
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&describe(Cli::command())["commands"]).unwrap()
        );
    }
}
