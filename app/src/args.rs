//! The command line and the environment.

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use axum::http::HeaderValue;
use clap::parser::ValueSource;
use clap::{Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use openindex_adapters_http::server::DEFAULT_MAX_REQUESTS_IN_PROGRESS;
use openindex_app::{
    Config, ConnectionLimits, DEFAULT_DATABASE_URL, DEFAULT_LISTEN, DEFAULT_MAX_CONNECTIONS,
    DatabaseUrl,
};
use openindex_command_line::check;
use openindex_domain::agent_run::DEFAULT_RUN_QUOTA;
use openindex_domain::token::{CreationRate, DEFAULT_TOKEN_QUOTA};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::EnvFilter;

/// The OpenIndex server: issues, verifies and revokes personal access tokens.
#[derive(Debug, Parser)]
#[command(
    name = "oi-server",
    version,
    after_help = "\
Examples:
  oi-server                                    serve on 127.0.0.1:8080 with openindex.db
  oi-server bootstrap --email ada@example.com --name Ada
                                               create the first administrator, print a token
  DATABASE_URL=postgres://oi@db/oi oi-server --listen 0.0.0.0:8080 \\
      --public-url https://openindex.example.com

A password belongs into DATABASE_URL and not into --database-url: others on the
machine can read a process's arguments."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) serve: Serve,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API (the default).
    Serve(Serve),
    /// Create the first administrator and print an admin token, once.
    ///
    /// Migrates the database first. Refused on an instance that has users.
    Bootstrap(Bootstrap),
    /// Print a one-time link with which a user chooses a new password.
    ///
    /// For somebody who has none, or forgot it. It can be used for an hour.
    SignInLink(SignInLink),
    /// Bring the database's schema to this version and exit.
    ///
    /// On PostgreSQL, run it as the owner of the tables.
    Migrate,
    /// Print the SQL that grants a PostgreSQL role the rights to serve and exit.
    ///
    /// A server with these rights can neither alter the schema nor change or delete audit events.
    /// It connects to no database.
    #[command(arg = unused_database_url())]
    Grants(Grants),
    /// Print the API's description (OpenAPI 3.1) and exit.
    #[command(arg = unused_database_url())]
    Openapi,
}

/// Returns `--database-url` for a command that connects to no database: accepted as everywhere, and
/// not in its help.
fn unused_database_url() -> clap::Arg {
    clap::Arg::new("database_url")
        .long("database-url")
        .value_name("URL")
        .value_parser(clap::value_parser!(DatabaseUrl))
        .hide(true)
}

/// What every command understands.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Common {
    #[arg(
        long,
        help = "Where tokens are stored: sqlite://PATH (serve, bootstrap and migrate create it) or postgres://…",
        global = true,
        env = "DATABASE_URL",
        hide_env_values = true,
        default_value = DEFAULT_DATABASE_URL,
        value_name = "URL"
    )]
    pub(crate) database_url: DatabaseUrl,
    /// What to log, as in `info`, `debug` or `openindex_app=debug,warn`.
    #[arg(
        long,
        global = true,
        env = "OPENINDEX_LOG",
        default_value = "info",
        value_parser = log_filter,
        value_name = "FILTER"
    )]
    pub(crate) log: String,
    /// How to write log lines; json unless standard error is a terminal.
    #[arg(
        long,
        global = true,
        env = "OPENINDEX_LOG_FORMAT",
        value_name = "FORMAT"
    )]
    pub(crate) log_format: Option<LogFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one.
    #[arg(
        long,
        env = "OPENINDEX_LISTEN",
        default_value = DEFAULT_LISTEN,
        value_name = "ADDRESS",
        value_parser = socket_address
    )]
    pub(crate) listen: SocketAddr,
    #[arg(
        long,
        help = "Where to answer GET /metrics for Prometheus, apart from the API [default: nowhere]",
        env = "OPENINDEX_METRICS_LISTEN",
        value_name = "ADDRESS",
        value_parser = socket_address
    )]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// How clients reach this instance [default: http:// and the address]
    #[arg(long, env = "OPENINDEX_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub(crate) public_url: Option<String>,
    /// The most live tokens a user may have.
    #[arg(
        long,
        env = "OPENINDEX_TOKEN_QUOTA",
        default_value_t = DEFAULT_TOKEN_QUOTA,
        value_parser = number::<u32, 1, 100_000>,
        value_name = "NUMBER"
    )]
    pub(crate) token_quota: u32,
    /// The most live agent runs a user may have.
    #[arg(
        long,
        env = "OPENINDEX_RUN_QUOTA",
        default_value_t = DEFAULT_RUN_QUOTA,
        value_parser = number::<u32, 1, 100_000>,
        value_name = "NUMBER"
    )]
    pub(crate) run_quota: u32,
    /// Maximum number of tokens created for a user within 24 hours, rotations and deleted tokens
    /// included
    #[arg(
        long,
        env = "OPENINDEX_TOKEN_RATE",
        default_value_t = CreationRate::DEFAULT_TOKENS.limit(),
        value_parser = number::<u32, 1, 1_000_000>,
        value_name = "NUMBER"
    )]
    pub(crate) token_rate: u32,
    /// Maximum number of agent runs started for a user within 24 hours, ended runs included
    #[arg(
        long,
        env = "OPENINDEX_RUN_RATE",
        default_value_t = CreationRate::DEFAULT_RUNS.limit(),
        value_parser = number::<u32, 1, 1_000_000>,
        value_name = "NUMBER"
    )]
    pub(crate) run_rate: u32,
    /// Proxies whose X-Forwarded-For is believed, as addresses or networks (10.0.0.0/8)
    #[arg(
        long,
        env = "OPENINDEX_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_parser = network,
        value_name = "NETWORKS"
    )]
    pub(crate) trusted_proxies: Vec<IpNet>,
    #[arg(
        long,
        help = "Origins whose scripts may call the API, as in https://app.example.com [default: none]",
        env = "OPENINDEX_CORS_ORIGINS",
        value_delimiter = ',',
        value_parser = origin,
        value_name = "ORIGINS"
    )]
    pub(crate) cors_origins: Vec<HeaderValue>,
    #[arg(
        long,
        help = "The most open connections; fewer where the process may not open so many files",
        env = "OPENINDEX_MAX_CONNECTIONS",
        default_value_t = DEFAULT_MAX_CONNECTIONS,
        value_parser = at_least_one,
        value_name = "NUMBER"
    )]
    pub(crate) max_connections: usize,
    #[arg(
        long,
        help = "The most requests in progress at once; others wait their turn, a second at most",
        env = "OPENINDEX_MAX_REQUESTS_IN_PROGRESS",
        default_value_t = DEFAULT_MAX_REQUESTS_IN_PROGRESS,
        value_parser = at_least_one,
        value_name = "NUMBER"
    )]
    pub(crate) max_requests_in_progress: usize,
    /// How long requests in progress may go on after SIGTERM, in seconds.
    #[arg(
        long,
        env = "OPENINDEX_DRAIN_SECONDS",
        default_value_t = 10,
        value_parser = number::<u64, 0, 3600>,
        value_name = "SECONDS"
    )]
    pub(crate) drain_seconds: u64,
}

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  oi-server bootstrap --email ada@example.com --name Ada
  oi-server bootstrap --email ada@example.com --name Ada --token-only \\
      | oi profile set --app-url http://127.0.0.1:8080 --token -")]
pub(crate) struct Bootstrap {
    /// The administrator's email address.
    #[arg(long)]
    pub(crate) email: String,
    /// What the administrator is called.
    #[arg(long)]
    pub(crate) name: String,
    #[arg(
        long,
        conflicts_with = "token_only",
        help = r#"Print one JSON document: {"user":…,"pat":…,"token":"oi_pat_…"}"#
    )]
    pub(crate) json: bool,
    /// Print the token and nothing else, for a pipe.
    #[arg(long)]
    pub(crate) token_only: bool,
    #[command(flatten)]
    pub(crate) server: Reached,
}

/// Where the server of the instance is reached, as `serve` has it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Reached {
    #[arg(
        long,
        env = "OPENINDEX_PUBLIC_URL",
        value_name = "URL",
        value_parser = public_url,
        help = "How clients reach the instance [default: http:// and --listen]"
    )]
    public_url: Option<String>,
    #[arg(
        long,
        env = "OPENINDEX_LISTEN",
        value_name = "ADDRESS",
        value_parser = socket_address,
        help = format!("Where its server listens [default: {DEFAULT_LISTEN}]")
    )]
    listen: Option<SocketAddr>,
}

impl Reached {
    /// Whether nothing says where the server is; port 0 is any that was free.
    pub(crate) fn is_guess(&self) -> bool {
        self.public_url.is_none() && self.listen.is_none_or(|address| address.port() == 0)
    }

    /// The configuration for a command that prints the server's address.
    pub(crate) fn config(self, common: Common) -> anyhow::Result<Config> {
        let listen = match self.listen {
            Some(address) if address.port() != 0 => address,
            _ => DEFAULT_LISTEN.parse()?,
        };
        Ok(Config {
            public_url: self.public_url,
            listen,
            ..Config::on(common.database_url)
        })
    }
}

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  oi-server sign-in-link --email ada@example.com
  oi-server sign-in-link --email ada@example.com --public-url https://openindex.example.com")]
pub(crate) struct SignInLink {
    /// The user's email address.
    #[arg(long)]
    pub(crate) email: String,
    #[command(flatten)]
    pub(crate) server: Reached,
}

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Run the SQL as the owner of the tables, again after each `oi-server migrate`.

Examples:
  oi-server grants | psql \"$OWNER_URL\"
  oi-server grants --role tracker --schema tracker | psql \"$OWNER_URL\"")]
pub(crate) struct Grants {
    /// Role that serves
    #[arg(long, default_value = "openindex", value_parser = role, value_name = "NAME")]
    pub(crate) role: String,
    /// Schema that holds the tables
    #[arg(long, default_value = "public", value_parser = identifier, value_name = "NAME")]
    pub(crate) schema: String,
}

impl Serve {
    pub(crate) fn config(self, common: Common) -> Config {
        let base = Config::on(common.database_url);
        Config {
            listen: self.listen,
            metrics_listen: self.metrics_listen,
            public_url: self.public_url,
            token_quota: self.token_quota,
            run_quota: self.run_quota,
            token_rate: CreationRate::new(self.token_rate),
            run_rate: CreationRate::new(self.run_rate),
            trusted_proxies: self.trusted_proxies,
            cors_origins: self.cors_origins,
            connections: ConnectionLimits {
                max: self.max_connections,
                ..base.connections
            },
            max_requests_in_progress: self.max_requests_in_progress,
            drain_for: Duration::from_secs(self.drain_seconds),
            ..base
        }
    }
}

/// What is wrong with a variable that is set but empty, or not text. It is not taken for one that
/// is unset: an instance must not start on the default database because a substitution failed.
pub(crate) fn invalid_variable(
    command: &clap::Command,
    typed: &[OsString],
    variable: &dyn Fn(&OsStr) -> Option<OsString>,
) -> Option<String> {
    let given = |flag: &str| {
        let flag = format!("--{flag}");
        let with_value = format!("{flag}=");
        typed.iter().any(|argument| {
            *argument == *flag || argument.to_string_lossy().starts_with(&with_value)
        })
    };
    let of = |argument: &clap::Arg| {
        let name = argument.get_env()?;
        let flag = argument.get_long()?;
        let error = check(&variable(name)?).err().filter(|_| !given(flag))?;
        Some(format!(
            "{} {error}; unset it or give it a value (it is --{flag})",
            name.to_string_lossy()
        ))
    };
    command.get_arguments().find_map(of)
}

/// What is wrong with a flag of `serve` before the name of a command, where it would be ignored.
pub(crate) fn misplaced_flag(command: &clap::Command, typed: &[OsString]) -> Option<String> {
    let matches = command.clone().try_get_matches_from(typed).ok()?;
    let (subcommand, _) = matches.subcommand()?;
    let is_typed = |argument: &&clap::Arg| {
        !argument.is_global_set()
            && matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    let flag = command
        .get_arguments()
        .find(is_typed)
        .and_then(clap::Arg::get_long)?;
    let takes_it = command
        .find_subcommand(subcommand)
        .is_some_and(|it| it.get_arguments().any(|it| it.get_long() == Some(flag)));
    let way_out = if takes_it {
        format!("write it behind {subcommand}")
    } else {
        format!("leave it out, since {subcommand} has no use for it")
    };
    Some(format!(
        "--{flag} before a command would be ignored; {way_out}"
    ))
}

/// An address and a port. A host name is refused: it can have several addresses, of which the server
/// would listen on one.
fn socket_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.trim().parse().map_err(|_| {
        "must be an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080 (not a \
         host name: for localhost write 127.0.0.1)"
    })
}

/// A whole number from `MIN` to `MAX`.
fn number<T: TryFrom<u64>, const MIN: u64, const MAX: u64>(text: &str) -> Result<T, String> {
    let number = text.trim().parse().ok();
    number
        .filter(|number| (MIN..=MAX).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("must be a whole number from {MIN} to {MAX}, written in digits"))
}

/// A bound that lets something through.
fn at_least_one(text: &str) -> Result<usize, &'static str> {
    text.trim()
        .parse::<NonZeroUsize>()
        .map(NonZeroUsize::get)
        .map_err(|_| "must be a whole number of at least 1, written in digits")
}

/// A role's name in PostgreSQL, which takes this one for everyone even in quotes.
fn role(text: &str) -> Result<String, &'static str> {
    match text {
        "public" | "none" => Err("must be the name of one role; public is everyone"),
        _ => identifier(text),
    }
}

/// A name in PostgreSQL, which would cut a longer one and so grant to another role.
fn identifier(text: &str) -> Result<String, &'static str> {
    if (1..=63).contains(&text.len()) && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 63 bytes without control characters")
    }
}

/// A filter of log lines. A word that is neither a level nor ours would silence everything: most of the
/// time it is a mistyped level.
fn log_filter(text: &str) -> Result<String, &'static str> {
    let is_known = |directive: &str| {
        let directive = directive.trim();
        directive.contains(['=', '[', ':'])
            || directive.starts_with("openindex")
            || directive.starts_with("oi_server")
            || (!directive.is_empty() && directive.parse::<LevelFilter>().is_ok())
    };
    let text = text.trim();
    if text.split(',').all(is_known) && EnvFilter::try_new(text).is_ok() {
        Ok(text.to_owned())
    } else {
        Err(
            "must be a level (error, warn, info, debug, trace or off) or a filter such as \
             openindex_app=debug,warn",
        )
    }
}

/// An address, or a network of them.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "must be an address such as 10.0.0.1, or a network such as 10.0.0.0/8")
}

/// An origin as browsers write it: lower case, without the scheme's own port. No pattern: which
/// sites a pattern takes in is decided by others later.
fn origin(text: &str) -> Result<HeaderValue, &'static str> {
    let wrong = "must be an origin such as https://app.example.com: scheme, host and port, without a path or *";
    let text = text.trim();
    let url = url::Url::parse(text).map_err(|_| wrong)?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && !text.contains(['*', '@', '?', '#', '\\'])
        // Two for the scheme, and none behind the host.
        && text.matches('/').count() == 2;
    if !is_plain {
        return Err(wrong);
    }
    HeaderValue::try_from(url.origin().ascii_serialization()).map_err(|_| wrong)
}

/// An http or https URL, without the slash at its end.
fn public_url(text: &str) -> Result<String, &'static str> {
    let wrong = "must be a URL such as https://openindex.example.com, without a user, a password or a query";
    let url = url::Url::parse(text).map_err(|_| wrong)?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain {
        Ok(url.as_str().trim_end_matches('/').to_owned())
    } else {
        Err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn no_variable_that_is_set_but_empty_is_taken_for_unset() {
        let command = Args::command();
        let names: Vec<&OsStr> = command
            .get_arguments()
            .filter_map(clap::Arg::get_env)
            .collect();
        assert!(names.len() >= 12, "{names:?}");
        for name in names {
            let variable = |asked: &OsStr| (asked == name).then(|| OsString::from(" "));
            let message = invalid_variable(&command, &[], &variable).expect("an error");
            assert!(message.starts_with(&*name.to_string_lossy()), "{message}");
            assert!(message.contains("is set but empty"), "{message}");
        }
        let variable = |name: &OsStr| (name == "DATABASE_URL").then(OsString::new);
        for typed in ["--database-url", "--database-url=sqlite://a.db"] {
            assert_eq!(invalid_variable(&command, &[typed.into()], &variable), None);
        }
        assert_eq!(invalid_variable(&command, &[], &|_| None), None);
    }

    #[test]
    fn a_flag_that_a_command_would_ignore_is_refused() {
        let misplaced = |typed: &str| {
            let typed: Vec<OsString> = typed.split(' ').map(OsString::from).collect();
            misplaced_flag(&Args::command(), &typed)
        };
        for (typed, flag, way_out) in [
            (
                "oi-server --listen 127.0.0.1:1 serve",
                "--listen",
                "write it behind serve",
            ),
            (
                "oi-server --public-url https://a.example sign-in-link --email a@b.c",
                "--public-url",
                "write it behind sign-in-link",
            ),
            (
                "oi-server --token-quota 5 migrate",
                "--token-quota",
                "leave it out",
            ),
        ] {
            let message = misplaced(typed).unwrap_or_default();
            assert!(message.starts_with(flag), "{typed}: {message}");
            assert!(message.contains(way_out), "{typed}: {message}");
        }
        for typed in [
            "oi-server --listen 127.0.0.1:1",
            "oi-server serve --listen 127.0.0.1:1",
            "oi-server --database-url sqlite://a.db --log warn serve",
            "oi-server sign-in-link --email a@b.c --listen 127.0.0.1:1",
        ] {
            assert_eq!(misplaced(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_bound_lets_something_through() {
        assert_eq!(at_least_one("1"), Ok(1));
        for text in ["0", "-1", "", "many"] {
            assert!(at_least_one(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_log_filter_names_a_level_or_a_target_of_ours() {
        for text in [
            "info",
            "OFF",
            " debug ",
            "openindex_app=debug,warn",
            "trace,sqlx=trace",
            "oi_server",
        ] {
            assert_eq!(log_filter(text).as_deref(), Ok(text.trim()));
        }
        for text in ["inof", "", "warning", "info,", "nonsense=[", "debug,inof"] {
            assert!(log_filter(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_origin_is_exact() {
        for (text, origin) in [
            ("https://app.example.com", "https://app.example.com"),
            (" https://App.Example.com:443", "https://app.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(super::origin(text).unwrap(), origin, "{text}");
        }
        for text in [
            "",
            "*",
            "null",
            "https://*.example.com",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://app.example.com?x",
            "https://ada@app.example.com",
            "app.example.com",
            "//app.example.com",
            "file:///etc",
            "ftp://app.example.com",
            "https://",
        ] {
            assert!(super::origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_that_postgresql_would_cut_is_invalid() {
        for text in ["openindex", "Weird \" name; --", &"x".repeat(63)] {
            assert_eq!(identifier(text).as_deref(), Ok(text));
        }
        assert!(role("public").is_err());
        assert_eq!(role("Public").as_deref(), Ok("Public"));
        for text in ["", "a\nb", "a\0b", &"x".repeat(64), &"é".repeat(32)] {
            assert!(identifier(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_public_url_is_kept_without_its_last_slash() {
        assert_eq!(
            public_url("https://oi.example.com/api/").unwrap(),
            "https://oi.example.com/api"
        );
        for text in [
            "",
            "oi.example.com",
            "ftp://oi.example.com",
            "https://a:b@oi.example.com",
            "https://oi.example.com/?token=1",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }
}
