use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};

/// In place of what was typed.
const CONCEALED: &str = "…";
/// Longer than the name of any flag.
const MAX_FLAG_CHARS: usize = 32;

/// Takes what was typed out of a usage error: it may be a password, a token, or a URL with one,
/// at whatever place of the command line. What is wrong and where stays, and the variable that
/// also sets the argument is named.
#[must_use]
pub fn conceal(mut error: clap::Error, mut command: Command) -> clap::Error {
    // Until it is built, an argument does not know how it is shown.
    command.build();
    let typed = |error: &clap::Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    if typed(&error, ContextKind::InvalidValue).is_some_and(|value| !value.is_empty()) {
        hide(&mut error, ContextKind::InvalidValue);
        // Where it was meant as a subcommand, the tip repeats it.
        error.remove(ContextKind::Suggested);
        // A guess by spelling misleads (`done` for `open`), and the accepted values are listed.
        error.remove(ContextKind::SuggestedValue);
    }
    if let Some(argument) = typed(&error, ContextKind::InvalidArg) {
        if error.kind() == clap::error::ErrorKind::UnknownArgument && !is_flag(&argument) {
            hide(&mut error, ContextKind::InvalidArg);
            error.remove(ContextKind::Suggested);
        } else if let Some(variable) = variable_of(&command, &argument) {
            let named = format!("{argument} [env: {variable}]");
            error.insert(ContextKind::InvalidArg, ContextValue::String(named));
        }
    }
    // What resembles a command was meant as one.
    if typed(&error, ContextKind::InvalidSubcommand).is_some()
        && error.kind() == clap::error::ErrorKind::InvalidSubcommand
        && error.get(ContextKind::SuggestedSubcommand).is_none()
    {
        hide(&mut error, ContextKind::InvalidSubcommand);
        error.remove(ContextKind::Suggested);
    }
    error
}

fn hide(error: &mut clap::Error, kind: ContextKind) {
    error.insert(kind, ContextValue::String(CONCEALED.to_owned()));
}

/// Whether it can be the name of a flag, which is worth showing because it was mistyped.
fn is_flag(text: &str) -> bool {
    let name = text.trim_start_matches('-');
    name.len() < text.len()
        && text.len() <= MAX_FLAG_CHARS
        && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// The variable that sets the argument which clap shows like this.
fn variable_of(command: &Command, shown: &str) -> Option<String> {
    let of = |argument: &Arg| {
        let variable = argument.get_env()?;
        (argument.to_string() == shown).then(|| variable.to_string_lossy().into_owned())
    };
    command.get_arguments().find_map(of).or_else(|| {
        command
            .get_subcommands()
            .find_map(|child| variable_of(child, shown))
    })
}

#[cfg(test)]
mod tests {
    use clap::builder::PossibleValuesParser;

    use super::*;

    const TOKEN: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

    fn command() -> Command {
        Command::new("oi")
            .arg(
                Arg::new("profile")
                    .long("profile")
                    .value_parser(PossibleValuesParser::new(["a"])),
            )
            .arg(
                Arg::new("listen")
                    .long("listen")
                    .env("OI_LISTEN")
                    .value_parser(|text: &str| text.parse::<u16>().map_err(|_| "must be a number")),
            )
            .subcommand_required(true)
            .subcommand(
                Command::new("doctor")
                    .arg(Arg::new("path").num_args(1))
                    .arg(Arg::new("yes").long("yes").num_args(0)),
            )
            .subcommand(Command::new("me"))
    }

    fn message(arguments: &[&str]) -> String {
        let arguments = ["oi"].iter().chain(arguments);
        let error = command().try_get_matches_from(arguments).unwrap_err();
        conceal(error, command()).to_string()
    }

    #[test]
    fn no_error_repeats_what_was_typed() {
        for secret in [
            TOKEN,
            &TOKEN[..30],
            "hunter2",
            "swordfish",
            "--hunter2",
            "-phunter2",
            "postgres://u:hunter2@h/db",
            "'hunter2",
            "a\u{1b}[2Jhunter2",
        ] {
            for arguments in [
                &[secret][..],
                &["me", secret],
                &["doctor", "x", secret],
                &["--profile", secret, "me"],
                &["--listen", secret, "me"],
                &[&format!("--listen={secret}"), "me"],
                &["doctor", &format!("--yes={secret}")],
                &["doctor", &format!("--tokn={secret}")],
                &["doctor", secret, secret],
            ] {
                let message = message(arguments);
                for part in [secret, "hunter2", &TOKEN[10..25]] {
                    assert!(!message.contains(part), "{arguments:?}: {message}");
                }
                assert!(message.starts_with("error: "), "{message}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_variable() {
        let message = message(&["--listen", "x", "me"]);
        let expected =
            "invalid value '…' for '--listen <listen> [env: OI_LISTEN]': must be a number";
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn a_mistyped_flag_or_command_is_shown_with_what_it_resembles() {
        let message_of_flag = message(&["--profil", "a", "me"]);
        assert!(message_of_flag.contains("'--profil'"), "{message_of_flag}");
        assert!(message_of_flag.contains("'--profile'"), "{message_of_flag}");
        let message_of_command = message(&["docter"]);
        assert!(
            message_of_command.contains("'docter'"),
            "{message_of_command}"
        );
        assert!(
            message_of_command.contains("'doctor'"),
            "{message_of_command}"
        );
    }

    #[test]
    fn possible_values_are_still_listed() {
        assert!(message(&["--profile", "hunter2", "me"]).contains("[possible values: a]"));
        let close = message(&["--profile", "aa", "me"]);
        assert!(close.contains("[possible values: a]"), "{close}");
        assert!(!close.contains("similar"), "{close}");
        assert!(message(&["--profile", "", "me"]).contains("a value is required"));
    }
}
