//! The configuration file: one setting per flag of `serve`, named like it with underscores.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use toml::de::{DeTable, DeValue};

/// The file that is read if it exists and no other is named.
pub(crate) const DEFAULT_PATH: &str = "/etc/openindex/server.toml";

/// The maximum size of the file.
const MAX_BYTES: u64 = 1024 * 1024;

/// A configuration file whose settings are valid.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    /// By the id of the argument.
    settings: BTreeMap<String, Setting>,
}

// No `Display`: the value may contain a password.
struct Setting {
    value: String,
    line: usize,
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting(line {})", self.line)
    }
}

impl ConfigFile {
    /// Reads the file of this name; without a name, the default one if it exists.
    ///
    /// # Errors
    ///
    /// The message to print, with the line and without the value, if the file cannot be read or a
    /// setting is unknown or invalid.
    pub(crate) fn read(
        named: Option<&Path>,
        command: &clap::Command,
    ) -> Result<Option<Self>, String> {
        let path = named.unwrap_or(Path::new(DEFAULT_PATH));
        let shown = path.display();
        let text = match read(path) {
            Ok(text) if text.len() as u64 > MAX_BYTES => {
                return Err(format!("the configuration {shown} is larger than 1 MiB"));
            }
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => {
                let fix = match error.kind() {
                    std::io::ErrorKind::PermissionDenied => {
                        "; run this as root or as the server's user, who must be able to read it"
                    }
                    _ => "",
                };
                return Err(format!(
                    "cannot read the configuration {shown}: {error}{fix}"
                ));
            }
        };
        match settings(&text, command) {
            Ok(settings) => Ok(Some(Self {
                path: path.to_owned(),
                settings,
            })),
            Err((line, error)) => Err(format!("{shown}, line {line}: {error}")),
        }
    }

    /// Makes the settings the defaults of the arguments, which flags and variables override.
    pub(crate) fn apply(&self, command: clap::Command) -> clap::Command {
        let names = command.get_subcommands().map(|it| it.get_name().to_owned());
        let names: Vec<String> = names.collect();
        let command = self.apply_here(command);
        names.iter().fold(command, |command, name| {
            command.mut_subcommand(name, |it| self.apply_here(it))
        })
    }

    fn apply_here(&self, command: clap::Command) -> clap::Command {
        command.mut_args(
            |argument| match self.settings.get(argument.get_id().as_str()) {
                Some(setting) => argument.default_value(&setting.value),
                None => argument,
            },
        )
    }

    /// Returns the line that sets the argument.
    pub(crate) fn line(&self, argument: &str) -> Option<usize> {
        self.settings.get(argument).map(|setting| setting.line)
    }
}

/// Returns the text of the file, at most one byte more than the maximum.
fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// Returns whether the argument can be set in the file.
pub(crate) fn is_setting(argument: &clap::Arg) -> bool {
    argument.get_env().is_some() && argument.get_id() != "config"
}

/// Returns the name of the setting of an argument.
pub(crate) fn key(argument: &clap::Arg) -> Option<String> {
    Some(argument.get_long()?.replace('-', "_"))
}

/// Parses the text. An error has its line.
fn settings(
    text: &str,
    command: &clap::Command,
) -> Result<BTreeMap<String, Setting>, (usize, String)> {
    let line_at = |start: usize| text.bytes().take(start).filter(|it| *it == b'\n').count() + 1;
    let table = DeTable::parse(text).map_err(|error| {
        // Not the whole error, which repeats the line.
        let line = line_at(error.span().map_or(0, |span| span.start));
        let message = error.message();
        let text = text.lines().nth(line - 1).unwrap_or_default();
        (
            line,
            match text.split_once('=') {
                _ if message.contains("duplicate key") => {
                    "this setting has a line already; remove one of them".to_owned()
                }
                Some((_, value)) if is_bare(value) => {
                    format!("put the value in quotes ({message})")
                }
                _ => message.to_owned(),
            },
        )
    })?;
    let mut settings = BTreeMap::new();
    for (name, value) in table.get_ref() {
        let line = line_at(name.span().start);
        let name: &str = name.get_ref();
        let at_line = |error: String| (line, error);
        match value.get_ref() {
            DeValue::Table(_) => {
                return Err(at_line(
                    "settings are in no section; remove its line".to_owned(),
                ));
            }
            // Not set, as without the line.
            DeValue::Array(list) if list.is_empty() => continue,
            _ => {}
        }
        let argument = command
            .get_arguments()
            .find(|it| is_setting(it) && key(it).as_deref() == Some(name))
            .ok_or_else(|| at_line(unknown(name, command)))?;
        let value = text_of(argument, value.get_ref())
            .and_then(|value| check(argument, value))
            .map_err(|error| at_line(format!("{name} {error}")))?;
        let setting = Setting { value, line };
        settings.insert(argument.get_id().to_string(), setting);
    }
    Ok(settings)
}

/// Returns whether the value is a string without quotes.
fn is_bare(value: &str) -> bool {
    let value = value.trim();
    !value.is_empty() && !value.starts_with(['"', '\'', '[', '{', '#'])
}

fn unknown(name: &str, command: &clap::Command) -> String {
    let known = command.get_arguments().filter(|it| is_setting(it));
    let known: Vec<String> = known.filter_map(key).collect();
    let alike = openindex_command_line::closest(name, known.iter().map(String::as_str));
    match alike {
        Some(known) => format!("unknown setting; did you mean {known}?"),
        None => format!("unknown setting; the settings are {}", known.join(", ")),
    }
}

/// Returns the value as the flag would have it.
fn text_of(argument: &clap::Arg, value: &DeValue<'_>) -> Result<String, String> {
    let is_list = argument.get_value_delimiter().is_some();
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Array(list) if is_list => {
            let texts = list.iter().map(|it| it.get_ref().as_str());
            let texts: Option<Vec<&str>> = texts.collect();
            let texts = texts.filter(|it| !it.iter().any(|text| text.contains(',')));
            Ok(texts.ok_or("must be a list of strings")?.join(","))
        }
        _ if is_list => Err("must be a list of strings".to_owned()),
        _ => Err("must be a string or a whole number".to_owned()),
    }
}

/// Returns the value if the argument accepts it. The error does not repeat it.
fn check(argument: &clap::Arg, value: String) -> Result<String, String> {
    if value.trim().is_empty() {
        return Err("is empty; remove the line or set a value".to_owned());
    }
    let flag = format!("--{}={value}", argument.get_long().unwrap_or_default());
    let alone = argument.clone().env(Resettable::Reset).global(false);
    let probe = clap::Command::new("oi-server")
        .no_binary_name(true)
        .arg(alone);
    let Err(error) = probe.try_get_matches_from([flag]) else {
        return Ok(value);
    };
    Err(match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(reason), _) => reason.to_string(),
        (None, Some(ContextValue::Strings(values))) => {
            format!("must be one of {}", values.join(", "))
        }
        _ => "is invalid".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Args;

    fn parsed(text: &str) -> Result<Vec<(String, String)>, String> {
        let command = Args::command();
        let settings = settings(text, &command).map_err(|(line, error)| format!("{line}: {error}"));
        let text = |(id, it): (String, Setting)| (id, it.value);
        settings.map(|settings| settings.into_iter().map(text).collect())
    }

    #[test]
    fn a_setting_is_what_its_flag_would_be() {
        let text = "# comment\nlisten = '[::1]:80'\ntoken_quota = 1_000\n\
                    trusted_proxies = ['10.0.0.0/8', \"::1\"]\nlog = \"info\"";
        let expected = [
            ("listen", "[::1]:80"),
            ("log", "info"),
            ("token_quota", "1000"),
            ("trusted_proxies", "10.0.0.0/8,::1"),
        ];
        let expected = expected.map(|(id, value)| (id.to_owned(), value.to_owned()));
        assert_eq!(parsed(text), Ok(expected.to_vec()));
        assert_eq!(parsed(""), Ok(Vec::new()));
        assert_eq!(parsed("trusted_proxies = []"), Ok(Vec::new()));
    }

    #[test]
    fn an_error_has_line_and_reason_and_not_the_value() {
        for (text, error) in [
            (
                "\nlisten = 'localhost:80'",
                "2: listen must be an IP address",
            ),
            (
                "token_quota = 0",
                "1: token_quota must be a whole number from 1",
            ),
            (
                "token_quota = 0x10",
                "1: token_quota must be a string or a whole number",
            ),
            (
                "token_quota = true",
                "1: token_quota must be a string or a whole number",
            ),
            (
                "log_format = 'xml'",
                "1: log_format must be one of json, text",
            ),
            ("log = ''", "1: log is empty"),
            (
                "trusted_proxies = [1]",
                "1: trusted_proxies must be a list of strings",
            ),
            (
                "trusted_proxies = ['a']",
                "1: trusted_proxies must be an IP address",
            ),
            ("log = 'postgres://u:hunter2@h'", "1: log must be a level"),
            (
                "database_url_file = 'a://b'",
                "1: database_url_file must be the path of a file",
            ),
            ("listne = '1'", "1: unknown setting; did you mean listen?"),
            (
                "token-quota = 1",
                "1: unknown setting; did you mean token_quota?",
            ),
            (
                "config = 'a'",
                "1: unknown setting; the settings are database_url",
            ),
            ("[server]\nlisten = '1'", "1: settings are in no section"),
            ("listen = 127.0.0.1:80", "1: put the value in quotes ("),
            ("log_format = json", "1: put the value in quotes ("),
            ("log = 'info'\nlog = 'warn'", "2: this setting has a line"),
            (
                "token_quota = 5\ntoken_quota = 6",
                "2: this setting has a line",
            ),
            ("log = ", "1: "),
        ] {
            let message = parsed(text).unwrap_err();
            assert!(message.starts_with(error), "{text}: {message}");
        }
        for text in [
            "database_url = 'mysql://oi:hunter2@db'",
            "database_url = 'postgres://oi:hunter2@db",
            "database_url = postgres://oi:hunter2@db",
            "log_format = 'hunter2'",
            "database_url = 'postgres://oi:hunter2@db'\nlog =",
        ] {
            let message = parsed(text).unwrap_err();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
