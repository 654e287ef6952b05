use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

/// In place of what was typed.
const CONCEALED: &str = "…";
/// Longer than the name of any flag.
const MAX_FLAG_CHARS: usize = 32;
/// More commands of one name are no help.
const MAX_SUGGESTED: usize = 3;

/// Takes what was typed out of a usage error: it may be a password, a token, or a URL with one,
/// at whatever place of the command line. What is wrong and where stays, and the variable that
/// also sets the argument is named.
///
/// A word in the place of a command is shown when it is nearly a command's name, wherever that command
/// is, or one of the `synonyms`, which other programs have, each with the command to use here.
#[must_use]
pub fn conceal(
    mut error: clap::Error,
    mut command: Command,
    synonyms: &[(&str, &str)],
) -> clap::Error {
    // Until it is built, an argument does not know how it is shown.
    command.build();
    let typed = |error: &clap::Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    if let Some(value) = typed(&error, ContextKind::InvalidValue).filter(|it| !it.is_empty()) {
        hide(&mut error, ContextKind::InvalidValue);
        // Where it was meant as a subcommand, the tip repeats it.
        error.remove(ContextKind::Suggested);
        if value.starts_with(['"', '\'']) {
            tip(&mut error, "remove the quotes around the value");
        }
        // A guess by spelling misleads (`done` for `open`), and the accepted values are listed.
        error.remove(ContextKind::SuggestedValue);
    }
    if let Some(argument) = typed(&error, ContextKind::InvalidArg) {
        if error.kind() == ErrorKind::UnknownArgument && !is_flag(&argument) {
            hide(&mut error, ContextKind::InvalidArg);
            error.remove(ContextKind::Suggested);
        } else if let Some(variable) = variable_of(&command, &argument) {
            let named = format!("{argument} [env: {variable}]");
            error.insert(ContextKind::InvalidArg, ContextValue::String(named));
        }
    }
    if error.kind() == ErrorKind::UnknownArgument
        && typed(&error, ContextKind::InvalidArg).is_some_and(|argument| is_short(&argument))
    {
        // `-token` is read as `-t`, and the tip to put `--` before it leads nowhere.
        tip(
            &mut error,
            "a flag of more than one letter begins with two dashes",
        );
    }
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(word) = typed(&error, ContextKind::InvalidSubcommand)
    {
        // clap takes `status` for `settings`, and looks at the commands of this level alone.
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::Suggested);
        match meant(&command, &error, &word, synonyms) {
            None => hide(&mut error, ContextKind::InvalidSubcommand),
            Some(commands) if commands.len() <= MAX_SUGGESTED => {
                let commands = ContextValue::Strings(commands);
                error.insert(ContextKind::SuggestedSubcommand, commands);
            }
            Some(_) => {}
        }
    }
    error
}

/// Returns the commands that a word was meant as, each from its beginning (`oi settings personal
/// tokens`); `None` for a word that resembles none, which may be a secret.
fn meant(
    root: &Command,
    error: &clap::Error,
    word: &str,
    synonyms: &[(&str, &str)],
) -> Option<Vec<String>> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    let path = path(root, error);
    let mut found = Vec::new();
    // What is near the place where it was typed was meant before what is elsewhere.
    for length in (0..=path.len()).rev() {
        let (mut at, mut beginning) = (root, root.get_name().to_owned());
        for name in &path[..length] {
            at = at.find_subcommand(name)?;
            beginning = format!("{beginning} {name}");
        }
        resembling(at, &beginning, &word, false, &mut found);
        if found.is_empty()
            && let Some((_, command)) = synonyms.iter().find(|(synonym, _)| *synonym == word)
        {
            return Some(vec![(*command).to_owned()]);
        }
        if found.is_empty() {
            resembling(at, &beginning, &word, true, &mut found);
        }
        if !found.is_empty() {
            break;
        }
    }
    let nearest = found.iter().map(|(distance, _)| *distance).min()?;
    let found = found.into_iter();
    let nearest = found.filter(|(distance, _)| *distance == nearest);
    Some(nearest.map(|(_, command)| command).collect())
}

/// Adds the commands below `command` whose name is nearly the word, with how near it is.
fn resembling(
    command: &Command,
    beginning: &str,
    word: &str,
    deep: bool,
    found: &mut Vec<(usize, String)>,
) {
    for child in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        let whole = format!("{beginning} {}", child.get_name());
        let names = child.get_all_aliases().chain([child.get_name()]);
        let near = names.filter_map(|name| {
            let distance = strsim::osa_distance(name, word);
            (distance <= max_distance(name)).then_some(distance)
        });
        if let Some(distance) = near.min() {
            found.push((distance, whole.clone()));
        }
        // It has every command below it once more.
        if deep && child.get_name() != "help" {
            resembling(child, &whole, word, deep, found);
        }
    }
}

/// How many letters may be wrong in a name: no other word of a few letters is near to a short one.
const fn max_distance(name: &str) -> usize {
    match name.len() {
        0..=3 => 0,
        4..=5 => 1,
        _ => 2,
    }
}

/// The names of the commands within which an error occurred, as its usage shows them.
fn path(root: &Command, error: &clap::Error) -> Vec<String> {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else {
        return Vec::new();
    };
    let usage = usage.to_string();
    let words = usage.split_whitespace();
    let words = words.skip_while(|word| *word != root.get_name()).skip(1);
    let mut at = root;
    let mut path = Vec::new();
    for word in words {
        let Some(child) = at.find_subcommand(word) else {
            break;
        };
        path.push(word.to_owned());
        at = child;
    }
    path
}

fn tip(error: &mut clap::Error, text: &'static str) {
    let tips = ContextValue::StyledStrs(vec![StyledStr::from(text)]);
    error.insert(ContextKind::Suggested, tips);
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

/// Whether it is a flag of one letter.
fn is_short(text: &str) -> bool {
    text.len() == 2 && text.starts_with('-') && is_flag(text)
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
            .subcommand(
                Command::new("settings").subcommand(
                    Command::new("tokens")
                        .subcommand(Command::new("list").alias("ls"))
                        .subcommand(Command::new("create")),
                ),
            )
            .subcommand(Command::new("profile").subcommand(Command::new("list")))
    }

    fn message(arguments: &[&str]) -> String {
        let arguments = ["oi"].iter().chain(arguments);
        let error = command().try_get_matches_from(arguments).unwrap_err();
        conceal(error, command(), &[("login", "oi me --yes")]).to_string()
    }

    #[test]
    fn no_error_repeats_what_was_typed() {
        for secret in [
            TOKEN,
            &TOKEN[..30],
            "hunter2",
            "swordfish",
            // Nearly the name of a short command, and what clap takes for one.
            "mee",
            "list-of-1",
            "settled",
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
            message_of_command.contains("'oi doctor'"),
            "{message_of_command}"
        );
    }

    #[test]
    fn a_command_in_the_wrong_place_is_shown_with_its_whole_path() {
        for (arguments, shown) in [
            (&["tokens", "list"][..], "'oi settings tokens'"),
            (&["token"], "'oi settings tokens'"),
            (&["Tokens"], "'oi settings tokens'"),
            (&["settings", "create"], "'oi settings tokens create'"),
            (&["settings", "tokens", "lsit"], "'oi settings tokens list'"),
            (&["list"], "'oi settings tokens list', 'oi profile list'"),
            (&["login"], "'oi me --yes'"),
            (&["settings", "tokens", "profile"], "'oi profile'"),
        ] {
            let message = message(arguments);
            let word = arguments[arguments.len() - 1];
            let word = if word == "list" { arguments[0] } else { word };
            assert!(message.contains(&format!("'{word}'")), "{message}");
            assert!(message.contains(shown), "{message}");
        }
    }

    #[test]
    fn quotes_that_an_env_file_left_are_told() {
        for value in ["\"7\"", "'7'"] {
            let message = message(&["--listen", value, "me"]);
            assert!(message.contains("remove the quotes"), "{message}");
        }
    }

    #[test]
    fn a_long_flag_with_one_dash_is_told() {
        let message = message(&["doctor", "-yes"]);
        assert!(message.contains("begins with two dashes"), "{message}");
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
