//! Replaces the API's field names in the server's errors with the flags that the user typed.

use clap::Command;

use crate::error::{CliError, Failure};

/// Names the flags of the current command instead of the API's fields.
pub(crate) fn in_flags(error: CliError, grammar: Command) -> CliError {
    match error {
        CliError::Failure(failure) if failure.status.is_some() => {
            let typed = std::env::args_os().skip(1);
            let typed: Vec<String> = typed
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            CliError::Failure(translated(failure, &typed, &of(grammar, &typed)))
        }
        error => error,
    }
}

fn translated(mut failure: Failure, typed: &[String], command: &Command) -> Failure {
    let errors = failure.details.get("errors").and_then(|it| it.as_array());
    let fields: Vec<&str> = errors
        .into_iter()
        .flatten()
        .filter_map(|error| error["field"].as_str())
        .collect();
    let lines: Vec<String> = failure
        .message
        .lines()
        .map(|line| translate_line(line, &fields, typed, command))
        .collect();
    failure.message = lines.join("\n");
    failure
}

/// Replaces words that can only be field names (`expiresAt`), and a field name at the start of the
/// line: elsewhere, `name` is an ordinary word.
fn translate_line(line: &str, fields: &[&str], typed: &[String], command: &Command) -> String {
    let (mut text, mut begun) = (String::with_capacity(line.len()), false);
    for word in line.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let name = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.contains(|c: char| c.is_ascii_uppercase());
        let flag = (is_name || (!begun && fields.contains(&name)))
            .then(|| flag_of(name, typed, command))
            .flatten();
        text.push_str(flag.as_deref().unwrap_or(name));
        text.push_str(&word[name.len()..]);
        begun |= !name.is_empty();
    }
    text
}

/// Returns the command that was typed.
pub(crate) fn of<S: AsRef<str>>(
    mut command: Command,
    typed: impl IntoIterator<Item = S>,
) -> Command {
    for word in typed {
        if let Some(child) = command.find_subcommand(word.as_ref()) {
            command = child.clone();
        }
    }
    command
}

/// Returns the flag that sets a field, in the spelling that was typed.
fn flag_of(field: &str, typed: &[String], command: &Command) -> Option<String> {
    let name = kebab(field);
    let given = |flag: &str| {
        typed.iter().any(|word| {
            word.strip_prefix("--")
                .is_some_and(|word| word.split('=').next() == Some(flag))
        })
    };
    let names = command
        .get_arguments()
        .filter_map(clap::Arg::get_long_and_visible_aliases)
        .find(|names| names.contains(&name.as_str()))?;
    // `--ttl 30m` also sets `ttlSeconds`.
    let short = command
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .filter(|flag| {
            name.strip_prefix(flag)
                .is_some_and(|rest| rest.starts_with('-'))
        });
    let used = names.iter().copied().chain(short).find(|flag| given(flag));
    Some(format!("--{}", used.or(names.first().copied())?))
}

/// Converts a field name of the API to a flag name: `expires-at` for `expiresAt`.
pub(crate) fn kebab(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    fn shown(typed: &str, message: &str, fields: &[&str]) -> String {
        let typed: Vec<String> = typed.split(' ').map(str::to_owned).collect();
        let command = of(Cli::command(), &typed);
        let lines = message
            .lines()
            .map(|line| translate_line(line, fields, &typed, &command));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_field_is_named_by_the_flag_that_was_typed() {
        const CREATE: &str = "settings personal tokens create";
        for (typed, message, fields, expected) in [
            (
                format!("{CREATE} ci --expires 2020-01-01"),
                "expiresAt must be in the future",
                &["expiresAt"][..],
                "--expires must be in the future",
            ),
            (
                format!("{CREATE} ci --expires-at=2020-01-01"),
                "expiresAt must be in the future",
                &["expiresAt"],
                "--expires-at must be in the future",
            ),
            (
                format!("{CREATE} ci --expires-in 9w"),
                "two fields are wrong\n  name: must not be blank\n  expiresIn: is too long",
                &["name", "expiresIn"],
                "two fields are wrong\n  --name: must not be blank\n  --expires-in: is too long",
            ),
            (
                "agent-run start --agent-id a --ttl 1s".to_owned(),
                "ttlSeconds must be 60 to 86400",
                &["ttlSeconds"],
                "--ttl must be 60 to 86400",
            ),
            (
                "work-item claim OPS-1 --agent-id b".to_owned(),
                "this agent run belongs to a; leave agentId out",
                &[],
                "this agent run belongs to a; leave --agent-id out",
            ),
            // An ordinary word, and a field without a flag of this command.
            (
                format!("{CREATE} ci"),
                "the name is taken, or overlapSeconds is",
                &["name"],
                "the name is taken, or overlapSeconds is",
            ),
        ] {
            assert_eq!(shown(&typed, message, fields), expected, "{typed}");
        }
    }
}
