//! The settings from flags, variables and the configuration file, and where each comes from.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory as _, FromArgMatches as _};
use openindex_app::DatabaseUrl;
use openindex_command_line::{closest, conceal, quoted};
use url::Host;

use crate::args::{self, Args, Command, Common, Serve};
use crate::config_file::{self, ConfigFile};
use crate::traces;

/// Names that other programs use for a command, each with ours.
const SYNONYMS: [(&str, &str); 6] = [
    ("start", "oi-server serve"),
    ("run", "oi-server serve"),
    ("server", "oi-server serve"),
    ("init", "oi-server bootstrap"),
    ("setup", "oi-server bootstrap"),
    ("version", "oi-server --version"),
];

/// Everything that was parsed.
pub(crate) struct Settings {
    matches: ArgMatches,
    pub(crate) file: Option<ConfigFile>,
    /// The file that the database URL was read from.
    url_file: Option<PathBuf>,
}

/// Where a setting comes from. A later one overrides an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Default,
    File,
    Variable,
    Flag,
}

/// A setting and its source, to show.
pub(crate) struct Shown {
    pub(crate) key: String,
    /// The values; several only in a list.
    pub(crate) values: Vec<String>,
    pub(crate) is_list: bool,
    /// Whether it is only a comment: it is not set, is overridden, or lacks a password.
    pub(crate) is_comment: bool,
    pub(crate) source: String,
}

/// Parses arguments, environment and configuration file. Help and version are shown even if one of
/// them is invalid.
pub(crate) fn parse(typed: &[OsString]) -> Result<(Args, Settings), clap::Error> {
    // Without the usage, which does not help with a file or a variable.
    let invalid = |message| clap::Error::raw(ErrorKind::InvalidValue, format!("{message}\n"));
    let without_file = match command().try_get_matches_from(typed) {
        Err(help) if !help.use_stderr() => return Err(help),
        parsed => parsed,
    };
    let variable = |name: &OsStr| std::env::var_os(name);
    if let Some(message) = args::invalid_variable(&command(), typed, &variable) {
        return Err(invalid(message));
    }
    let matches = without_file.map_err(|error| {
        let error = conceal(error, command(), &SYNONYMS, typed);
        with_tip_for_check(error, typed)
    })?;
    if let Some(message) = args::misplaced_flag(&command(), typed) {
        return Err(command().error(ErrorKind::ArgumentConflict, message));
    }
    let has_settings = has_settings(&matches);
    let file = if has_settings {
        let named = innermost(&matches).get_one::<PathBuf>("config");
        ConfigFile::read(named.map(PathBuf::as_path), &command()).map_err(invalid)?
    } else {
        None
    };
    let matches = match &file {
        Some(file) => file.apply(command()).try_get_matches_from(typed)?,
        None => matches,
    };
    let mut args = Args::from_arg_matches(&matches)?;
    // The variables of a server can be those of any command.
    let serve = match &args.command {
        Some(Command::Serve(serve)) => Some(serve),
        None | Some(Command::Config(_)) => Some(&args.serve),
        Some(_) => None,
    };
    if let Some(contradiction) = serve.and_then(|it| it.contradiction(&it.listen)) {
        return Err(invalid(contradiction.to_owned()));
    }
    let mut settings = Settings {
        matches,
        file,
        url_file: None,
    };
    if has_settings {
        settings
            .read_database_url(&mut args.common)
            .map_err(invalid)?;
    }
    Ok((args, settings))
}

/// Adds how to check a database other than the server's, which is often passed as an argument.
fn with_tip_for_check(mut error: clap::Error, typed: &[OsString]) -> clap::Error {
    let is_typed = |text: &str| typed.iter().any(|word| word == text);
    let is_value = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) => !text.starts_with('-'),
        _ => false,
    };
    let is_argument = error.kind() == ErrorKind::UnknownArgument && is_value;
    if is_argument && is_typed("check") && !is_typed("config") {
        let tip = "to check another database, pass its URL: --database-url sqlite://PATH";
        let tips = ContextValue::StyledStrs(vec![tip.into()]);
        error.insert(ContextKind::Suggested, tips);
    }
    error
}

/// Returns the command line, whose help shows no value of a variable: it may be a password.
fn command() -> clap::Command {
    fn hide(command: clap::Command) -> clap::Command {
        let command = command.mut_args(|argument| argument.hide_env_values(true));
        command.mut_subcommands(hide)
    }
    hide(Args::command())
}

/// Returns whether the command that was typed reads settings. Others work for users who may not read
/// the files of the service.
fn has_settings(matches: &ArgMatches) -> bool {
    let command = command();
    let typed = matches.subcommand_name();
    let typed = typed.and_then(|name| command.find_subcommand(name));
    // They have a hidden one of their own, instead of the global one.
    !typed.is_some_and(|it| it.get_arguments().any(|it| it.get_id() == "config"))
}

/// Returns the matches of the command that was typed, which has the arguments of all commands, too.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    match matches.subcommand() {
        Some((_, matches)) => innermost(matches),
        None => matches,
    }
}

impl Settings {
    fn matches(&self, id: &str) -> &ArgMatches {
        let innermost = innermost(&self.matches);
        // Only clap with debug assertions knows which arguments a command has.
        if innermost.ids().any(|it| it == id) {
            innermost
        } else {
            &self.matches
        }
    }

    fn source(&self, id: &str) -> Source {
        match self.matches(id).value_source(id) {
            Some(ValueSource::CommandLine) => Source::Flag,
            Some(ValueSource::EnvVariable) => Source::Variable,
            _ if self.line(id).is_some() => Source::File,
            _ => Source::Default,
        }
    }

    /// Returns the path of the configuration file and the line that sets the argument.
    fn line(&self, id: &str) -> Option<(&Path, usize)> {
        let file = self.file.as_ref()?;
        Some((&file.path, file.line(id)?))
    }

    /// Takes the database URL from the file that is named for it, unless the URL itself is set with
    /// precedence.
    fn read_database_url(&mut self, common: &mut Common) -> Result<(), String> {
        let url = self.source("database_url");
        let file = self.source("database_url_file");
        common.is_url_typed = url == Source::Flag;
        let mut read_from = self.file.as_ref().map(|file| &file.path);
        if let Some(path) = common.database_url_file.as_ref().filter(|_| file >= url) {
            if file == url {
                return Err(
                    "set either the database URL (DATABASE_URL) or a file that contains it \
                            (DATABASE_URL_FILE), not both"
                        .to_owned(),
                );
            }
            common.database_url = read_url(path)
                .map_err(|error| format!("DATABASE_URL_FILE {}: {error}", path.display()))?;
            read_from = Some(self.url_file.insert(path.clone()));
        } else if url != Source::File {
            read_from = None;
        }
        if common.database_url.has_password() {
            common.exposure = match read_from {
                Some(path) if is_readable_by_others(path) => Some(format!(
                    "other users of this machine can read the password in {0}; run: chmod o= {1}",
                    path.display(),
                    quoted(&path.to_string_lossy())
                )),
                None if common.is_url_typed => Some(
                    "other users of this machine can read the password in --database-url; set \
                     DATABASE_URL instead"
                        .to_owned(),
                ),
                _ => None,
            };
        }
        Ok(())
    }

    /// Returns all settings in the order of the flags.
    pub(crate) fn shown(&self, common: &Common) -> Vec<Shown> {
        let command = command();
        let settings = command
            .get_arguments()
            .filter(|it| config_file::is_setting(it));
        settings
            .filter_map(|argument| self.show(argument, common))
            .collect()
    }

    fn show(&self, argument: &Arg, common: &Common) -> Option<Shown> {
        let id = argument.get_id().as_str();
        let values = self.matches(id).try_get_raw(id).ok().flatten();
        let values = values.into_iter().flatten();
        let mut values: Vec<_> = values
            .map(|value| value.to_string_lossy().trim().to_owned())
            .collect();
        let mut source = match self.source(id) {
            Source::Flag => format!("--{}", argument.get_long()?),
            Source::Variable => argument.get_env()?.to_string_lossy().into_owned(),
            Source::File => {
                let (path, line) = self.line(id)?;
                format!("{}, line {line}", path.display())
            }
            Source::Default => "default".to_owned(),
        };
        let mut is_comment = values.is_empty();
        match id {
            "database_url" => {
                let shown = common.database_url.redacted();
                is_comment = self.url_file.is_some() || values.first() != Some(&shown);
                values = vec![shown];
                if let Some(file) = &self.url_file {
                    source = file.display().to_string();
                }
            }
            // Overridden.
            "database_url_file" => is_comment |= self.url_file.is_none(),
            _ => {}
        }
        Some(Shown {
            key: config_file::key(argument)?,
            values,
            is_list: argument.get_value_delimiter().is_some(),
            is_comment,
            source,
        })
    }
}

/// Returns a warning for each variable that is not a setting, but looks like one.
fn mistyped_variables() -> Vec<String> {
    let command = command();
    let known = command.get_arguments().filter_map(Arg::get_env);
    let known: Vec<&str> = known.filter_map(OsStr::to_str).collect();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown = names.filter(|name| !known.contains(&&**name));
    let warning = |name: String| {
        let without_prefix = name.strip_prefix("OPENINDEX_");
        let known = known
            .iter()
            .copied()
            .find(|known| without_prefix == Some(known))
            .or_else(|| closest(&name, known.iter().copied()))?;
        Some(format!(
            "ignoring the variable {name}; did you mean {known}?"
        ))
    };
    unknown.filter_map(warning).collect()
}

/// The context of an error in the settings. Trying again does not help, so the process ends with
/// status 2, and the service manager does not start it again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Invalid(&'static str);

/// The context of an error of [`TlsFiles`](openindex_app::TlsFiles).
pub(crate) const TLS_FAILED: &str =
    "cannot use TLS; check --tls-cert and --tls-key (OPENINDEX_TLS_CERT, OPENINDEX_TLS_KEY)";

/// Checks the settings of a server without connecting. Returns a warning for each part of the
/// database URL that has no effect.
pub(crate) fn check(serve: &Serve, common: &Common) -> anyhow::Result<Vec<String>> {
    if serve.otlp_endpoint.is_some() {
        let sampler = traces::check_sampler(|name| std::env::var(name).ok());
        sampler.context(Invalid("the export of traces is not possible"))?;
    }
    if let Some(files) = serve.tls_files() {
        files.check().context(TLS_FAILED)?;
    }
    let url = common.database_url.check();
    url.context(Invalid(
        "the database URL is invalid; check --database-url (DATABASE_URL)",
    ))
}

/// Returns what is not wrong in the settings of a server, but probably not meant or not safe.
pub(crate) fn warnings(serve: &Serve, common: &Common) -> Vec<String> {
    let mut warnings = Vec::from_iter(common.exposure.clone());
    warnings.extend(mistyped_variables());
    let url = serve.public_url.as_deref();
    let url = url.and_then(|url| url::Url::parse(url).ok());
    let host = url.as_ref().and_then(url::Url::host);
    let is_local = match host {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => true,
    };
    if !is_local && url.as_ref().is_some_and(|url| url.scheme() == "http") {
        warnings.push(
            "clients send tokens and passwords without encryption to a --public-url \
             (OPENINDEX_PUBLIC_URL) that begins with http://; set up TLS and use https://"
                .to_owned(),
        );
    }
    let Some(files) = serve.tls_files() else {
        return warnings;
    };
    if is_readable_by_others(&files.key) {
        warnings.push(format!(
            "other users of this machine can read the private key; run: chmod o= {}",
            quoted(&files.key.to_string_lossy())
        ));
    }
    let host = host.map(|host| match host {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    });
    if let Some(host) = host
        && let Ok(false) = files.is_for(&host)
    {
        warnings.push(format!(
            "the certificate in {} is not for {host}, the host of --public-url \
             (OPENINDEX_PUBLIC_URL), so clients will reject it",
            files.certificates.display()
        ));
    }
    warnings
}

pub(crate) fn is_readable_by_others(path: &Path) -> bool {
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

/// Returns the database URL in a file.
pub(crate) fn read_url(path: &Path) -> Result<DatabaseUrl, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let url = text.parse::<DatabaseUrl>();
    url.map_err(|error| format!("invalid URL: {error}"))
}

impl fmt::Display for Shown {
    /// Writes the line of the configuration file that would set this, or a comment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            values,
            is_list,
            is_comment,
            source,
        } = self;
        let quoted = |value: &String| match value.parse::<u64>() {
            Ok(number) if !is_list => number.to_string(),
            // A string of JSON is one of TOML, too.
            _ => serde_json::Value::from(value.as_str()).to_string(),
        };
        let texts: Vec<String> = values.iter().map(quoted).collect();
        if *is_comment {
            f.write_str("# ")?;
        }
        match texts.first() {
            None => return write!(f, "{key} is not set"),
            Some(_) if *is_list => write!(f, "{key} = [{}]", texts.join(", "))?,
            Some(text) => write!(f, "{key} = {text}")?,
        }
        write!(f, "  # {source}")
    }
}
