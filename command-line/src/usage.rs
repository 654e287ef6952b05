use std::ffi::OsString;
use std::path::Path;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use crate::redact::{REDACTED, shown};

/// The placeholders of arguments whose values cannot be secrets. The values of other arguments are
/// concealed, unless the argument lists its possible values.
const PUBLIC_FORMS: [&str; 16] = [
    "ADDRESS", "AGENT_ID", "DATE", "DOMAIN", "EMAIL", "FILTER", "ID", "KEY", "N", "NETWORKS",
    "NUMBER", "ORIGINS", "SECONDS", "SPAN", "me", "none",
];
/// The maximum length of a flag name to display; every flag is shorter.
const MAX_FLAG_CHARS: usize = 32;
/// The maximum number of commands to suggest.
const MAX_SUGGESTED: usize = 3;

/// Removes user input from a usage error if it may be a password, a token, or a URL that contains
/// one. The argument's name and the reason stay, and the variable that also sets the argument is
/// added.
///
/// An invalid value is shown only if the argument cannot be a secret (it lists its possible values,
/// or its placeholder is one of a fixed list), if it is one of the typed `words`, and if [`shown`]
/// shows it. The value of a variable is concealed: a mistake in a configuration can exchange it
/// with a password, and the server's errors are logged.
///
/// An unknown command is shown only if it resembles a command's name at any level, or is one of the
/// `synonyms`: a command name of other tools, with the command to use instead.
#[must_use]
pub fn conceal(
    mut error: clap::Error,
    mut command: Command,
    synonyms: &[(&str, &str)],
    words: &[OsString],
) -> clap::Error {
    // Arguments know their display form only after `build`.
    command.build();
    let typed = |error: &clap::Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    if let Some(value) = typed(&error, ContextKind::InvalidValue).filter(|it| !it.is_empty()) {
        let is_public = typed(&error, ContextKind::InvalidArg)
            .is_some_and(|argument| is_public(&command, &argument));
        let is_typed = words
            .iter()
            .any(|word| word.to_string_lossy().contains(&value));
        let is_text = value.contains(char::is_control) || value.contains("-----");
        if !is_public || !is_typed || is_text || shown(&value) != value {
            hide(&mut error, ContextKind::InvalidValue);
        }
        // The tip to use a subcommand repeats the value.
        error.remove(ContextKind::Suggested);
        if value.starts_with(['"', '\'']) {
            tip(&mut error, "remove the quotes around the value");
        }
        // A suggestion by spelling is misleading (`done` for `open`), and all values are listed.
        error.remove(ContextKind::SuggestedValue);
    }
    if let Some(argument) = typed(&error, ContextKind::InvalidArg) {
        // The name of a file that exists is no secret.
        let is_shown = is_flag(&argument) || Path::new(&argument).is_file();
        if error.kind() == ErrorKind::UnknownArgument && !is_shown {
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
        // clap parses `-token` as `-t`, and its tip to put `--` before it does not help.
        tip(&mut error, "long flags start with two dashes");
    }
    if error.kind() == ErrorKind::MissingRequiredArgument {
        // clap's has each option that is set by a variable.
        let path = path(&command, &error);
        let mut names = path.iter();
        let missing = names.try_fold(&mut command, |at, name| at.find_subcommand_mut(name));
        if let Some(missing) = missing {
            let usage = ContextValue::StyledStr(missing.render_usage());
            error.insert(ContextKind::Usage, usage);
        }
    }
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(word) = typed(&error, ContextKind::InvalidSubcommand)
    {
        // clap suggests `settings` for `status`, and only considers commands of this level.
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::Suggested);
        match suggestions(&command, &error, &word, synonyms) {
            None => hide(&mut error, ContextKind::InvalidSubcommand),
            Some(commands) if (1..=MAX_SUGGESTED).contains(&commands.len()) => {
                let commands = ContextValue::Strings(commands);
                error.insert(ContextKind::SuggestedSubcommand, commands);
            }
            Some(_) => {}
        }
    }
    error
}

/// Returns the full paths (`oi settings personal tokens`) of the commands that a word resembles;
/// `None` if it resembles none, since it may be a secret. No command is returned if the word only
/// resembles a command of an unrelated group, such as the `show` of profiles for a work item.
fn suggestions(
    root: &Command,
    error: &clap::Error,
    word: &str,
    synonyms: &[(&str, &str)],
) -> Option<Vec<String>> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    let mut path = path(root, error);
    // `help` accepts every command after it.
    path.retain(|name| name != "help");
    let mut found = Vec::new();
    // Prefer commands close to the level at which the word was typed.
    for length in (0..=path.len()).rev() {
        let (mut at, mut parent) = (root, root.get_name().to_owned());
        for name in &path[..length] {
            at = at.find_subcommand(name)?;
            parent = format!("{parent} {name}");
        }
        add_similar(at, &parent, &word, false, &mut found);
        if found.is_empty()
            && let Some((_, command)) = synonyms.iter().find(|(synonym, _)| *synonym == word)
        {
            return Some(vec![(*command).to_owned()]);
        }
        if found.is_empty() && length == path.len() {
            add_similar(at, &parent, &word, true, &mut found);
        }
        if !found.is_empty() {
            break;
        }
    }
    if found.is_empty() {
        add_similar(root, root.get_name(), &word, true, &mut found);
        return (!found.is_empty()).then(Vec::new);
    }
    let nearest = found.iter().map(|(distance, _)| *distance).min()?;
    let found = found.into_iter();
    let nearest = found.filter(|(distance, _)| *distance == nearest);
    Some(nearest.map(|(_, command)| command).collect())
}

/// Adds the subcommands of `command` whose names are similar to the word, with the edit distance.
fn add_similar(
    command: &Command,
    parent: &str,
    word: &str,
    deep: bool,
    found: &mut Vec<(usize, String)>,
) {
    for child in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        let full_path = format!("{parent} {}", child.get_name());
        let names = child.get_all_aliases().chain([child.get_name()]);
        let distances = names.filter_map(|name| {
            let distance = strsim::osa_distance(name, word);
            (distance <= max_distance(name)).then_some(distance)
        });
        if let Some(distance) = distances.min() {
            found.push((distance, full_path.clone()));
        }
        // `help` repeats every command as its own subcommand.
        if deep && child.get_name() != "help" {
            add_similar(child, &full_path, word, deep, found);
        }
    }
}

/// Returns the name that a mistyped word resembles most, if it resembles one.
#[must_use]
pub fn closest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let distances = names
        .into_iter()
        .map(|name| (strsim::osa_distance(name, word), name));
    let similar = distances.filter(|(distance, name)| *distance <= max_distance(name));
    similar.min().map(|(_, name)| name)
}

/// Returns the maximum edit distance to a name; short names must match exactly.
const fn max_distance(name: &str) -> usize {
    match name.len() {
        0..=3 => 0,
        4..=5 => 1,
        _ => 2,
    }
}

/// Returns the names of the subcommands in the usage line of an error.
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
    error.insert(kind, ContextValue::String(REDACTED.to_string()));
}

/// Returns whether the text could be a mistyped flag name, which is safe to display.
fn is_flag(text: &str) -> bool {
    let name = text.trim_start_matches('-');
    name.len() < text.len()
        && text.len() <= MAX_FLAG_CHARS
        && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

/// Returns whether the text is a one-letter flag.
fn is_short(text: &str) -> bool {
    text.len() == 2 && text.starts_with('-') && is_flag(text)
}

/// Returns the environment variable of the argument that clap displays as `displayed`.
fn variable_of(command: &Command, displayed: &str) -> Option<String> {
    let arguments = arguments(command, displayed).into_iter();
    let mut variables = arguments.filter_map(Arg::get_env);
    let variable = variables.next()?;
    Some(variable.to_string_lossy().into_owned())
}

/// Returns whether no argument that clap displays as `displayed` can be a secret.
fn is_public(command: &Command, displayed: &str) -> bool {
    let is_public = |argument: &&Arg| {
        let forms = argument.get_value_names().unwrap_or_default();
        let mut words = forms.iter().flat_map(|form| form.split('|'));
        let is_public_form = !forms.is_empty() && words.all(|it| PUBLIC_FORMS.contains(&it));
        argument.get_action().takes_values()
            && (is_public_form || !argument.get_possible_values().is_empty())
    };
    let arguments = arguments(command, displayed);
    !arguments.is_empty() && arguments.iter().all(is_public)
}

/// Returns the arguments of a command and its subcommands that clap displays as `displayed`.
fn arguments<'a>(command: &'a Command, displayed: &str) -> Vec<&'a Arg> {
    let own = command.get_arguments();
    let own = own.filter(|argument| argument.to_string() == displayed);
    let below = command.get_subcommands();
    own.chain(below.flat_map(|child| arguments(child, displayed)))
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::builder::PossibleValuesParser;
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

    fn number(text: &str) -> Result<u16, &'static str> {
        text.parse().map_err(|_| "must be a number")
    }

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
                    .value_name("ADDRESS")
                    .value_parser(number),
            )
            .arg(Arg::new("database").long("database").value_parser(number))
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
        let words: Vec<OsString> = ["oi"].iter().chain(arguments).map(OsString::from).collect();
        let error = command().try_get_matches_from(&words).unwrap_err();
        conceal(error, command(), &[("login", "oi me --yes")], &words).to_string()
    }

    #[test]
    fn errors_do_not_repeat_what_may_be_a_secret() {
        for secret in [
            TOKEN,
            &TOKEN[..30],
            "hunter2",
            "swordfish",
            // Similar to short command names, or to clap's own suggestions.
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
                &["--database", secret, "me"],
                &[&format!("--database={secret}"), "me"],
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
    fn an_invalid_argument_is_shown_with_its_variable_and_value() {
        let shown = message(&["--listen", "x", "me"]);
        let expected = "invalid value 'x' for '--listen <ADDRESS> [env: OI_LISTEN]': must be a";
        assert!(shown.contains(expected), "{shown}");
        let shown = message(&["--profile", "foo", "me"]);
        assert!(shown.contains("invalid value 'foo' for '--prof"), "{shown}");
        // Without a placeholder that excludes secrets.
        let shown = message(&["--database", "x", "me"]);
        assert!(shown.contains("invalid value '…' for '--data"), "{shown}");
    }

    #[test]
    fn the_value_of_a_variable_is_concealed() {
        let error = command().try_get_matches_from(["oi", "--listen", "x", "me"]);
        let words = ["oi", "me"].map(OsString::from);
        let message = conceal(error.unwrap_err(), command(), &[], &words).to_string();
        assert!(message.contains("'…' for '--listen"), "{message}");
    }

    #[test]
    fn a_value_is_concealed_if_an_argument_that_looks_the_same_can_be_a_secret() {
        let kind = |name: &'static str| {
            let kind = Arg::new("kind").long("kind").value_name("KIND");
            Command::new(name).arg(kind.value_parser(["task", "project"]))
        };
        let free = Command::new("free").arg(Arg::new("kind").long("kind").value_name("KIND"));
        let alone = Command::new("oi").subcommand(kind("listed"));
        let both = alone.clone().subcommand(free);
        for (root, expected) in [(alone, "'foo' for"), (both, "'…' for")] {
            let words = ["oi", "listed", "--kind", "foo"].map(OsString::from);
            let parsed = root.clone().try_get_matches_from(&words);
            let message = conceal(parsed.unwrap_err(), root, &[], &words).to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    proptest! {
        #[test]
        fn no_error_repeats_a_secret_in_any_position(
            secret in "oi_(pat|run)_[A-Za-z0-9_]{9,48}|[A-Za-z0-9_-]{43}\
                |https://[a-z]{1,9}:[!-~]{8,20}@[a-z]{1,9}/\
                |https://[a-z]{1,9}/join[/#][A-Za-z0-9_-]{43}\
                |[A-Z][a-z]{5,9}[0-9]{2,4}|[!-~]{4,20}[!\"#$%&();<>?^{}~][!-~]{4,20}",
            position in 0..8_usize,
        ) {
            let assigned = |flag: &str| format!("{flag}={secret}");
            let arguments = match position {
                0 => vec![secret.clone()],
                1 => vec!["me".to_owned(), secret.clone()],
                2 => vec!["doctor".to_owned(), "x".to_owned(), secret.clone()],
                3 => vec!["--listen".to_owned(), secret.clone(), "me".to_owned()],
                4 => vec![assigned("--listen"), "me".to_owned()],
                5 => vec![assigned("--profile"), "me".to_owned()],
                6 => vec!["settings".to_owned(), secret.clone()],
                _ => vec!["doctor".to_owned(), assigned("--yes")],
            };
            let words = std::iter::once("oi".to_owned()).chain(arguments);
            let words: Vec<OsString> = words.map(OsString::from).collect();
            // A word such as `-h` or `--help` in the secret would not be an error.
            if let Err(error) = command().try_get_matches_from(&words) {
                let message = conceal(error, command(), &[], &words).to_string();
                prop_assert!(!message.contains(&secret), "{}", message);
            }
        }
    }

    #[test]
    fn a_mistyped_flag_or_command_gets_a_suggestion() {
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
    fn a_command_at_the_wrong_level_is_suggested_with_its_full_path() {
        for (arguments, shown) in [
            (&["tokens", "list"][..], "'oi settings tokens'"),
            (&["token"], "'oi settings tokens'"),
            (&["Tokens"], "'oi settings tokens'"),
            (&["settings", "create"], "'oi settings tokens create'"),
            (&["settings", "tokens", "lsit"], "'oi settings tokens list'"),
            (&["list"], "'oi settings tokens list', 'oi profile list'"),
            (&["login"], "'oi me --yes'"),
            (&["settings", "tokens", "profile"], "'oi profile'"),
            (&["help", "tokens"], "'oi settings tokens'"),
        ] {
            let message = message(arguments);
            let word = arguments[arguments.len() - 1];
            let word = if word == "list" { arguments[0] } else { word };
            assert!(message.contains(&format!("'{word}'")), "{message}");
            assert!(message.contains(shown), "{message}");
        }
    }

    #[test]
    fn a_command_of_an_unrelated_group_is_not_suggested() {
        for arguments in [&["profile", "create"][..], &["settings", "tokens", "doctr"]] {
            let message = message(arguments);
            let word = arguments[arguments.len() - 1];
            assert!(
                message.contains(&format!("subcommand '{word}'")),
                "{message}"
            );
        }
        let message = message(&["profile", "create"]);
        assert!(!message.contains("oi settings"), "{message}");
        assert!(!message.contains("tip:"), "{message}");
    }

    #[test]
    fn quotes_around_a_value_get_a_tip() {
        for value in ["\"7\"", "'7'"] {
            let message = message(&["--listen", value, "me"]);
            assert!(message.contains("remove the quotes"), "{message}");
        }
    }

    #[test]
    fn a_long_flag_with_one_dash_gets_a_tip() {
        let message = message(&["doctor", "-yes"]);
        assert!(message.contains("start with two dashes"), "{message}");
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
