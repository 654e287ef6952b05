//! The command line and the environment.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderValue;
use clap::parser::ValueSource;
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use ipnet::IpNet;
use openindex_adapters_http::server::DEFAULT_MAX_REQUESTS_IN_PROGRESS;
use openindex_app::{
    Config, ConnectionLimits, DEFAULT_DATABASE_URL, DEFAULT_LISTEN, DEFAULT_MAX_CONNECTIONS,
    DatabaseUrl, ListenAddress, TlsFiles,
};
use openindex_command_line::check;
use openindex_domain::agent_run::DEFAULT_RUN_QUOTA;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{CreationRate, DEFAULT_TOKEN_QUOTA};
use openindex_domain::use_cases::Quotas;

use values::{
    at_least_one, backup_file, collector, file, identifier, log_filter, network, number, origin,
    public_url, role, socket_address, time,
};

mod values;

/// Run the OpenIndex server, which creates, verifies and revokes personal access tokens.
#[derive(Debug, Parser)]
#[command(
    name = "oi-server",
    version,
    after_help = "\
Examples:
  # Serve on http://127.0.0.1:8080 with the database ./openindex.db
  oi-server

  # Create the first administrator and print an admin token
  oi-server bootstrap --email ada@example.com --name Ada

  # Serve from PostgreSQL behind a TLS proxy
  DATABASE_URL=postgres://oi@db/oi oi-server --listen 0.0.0.0:8080 \\
      --public-url https://openindex.example.com

Each flag of `serve` can also be set by its variable or in the configuration
file, which `oi-server config --help` describes.

Environment:
  OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG
                 Which traces are exported, as in OpenTelemetry
  OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
                 What the traces say about this server
  OTEL_EXPORTER_OTLP_HEADERS
                 Headers for the collector, such as credentials

Files:
  /etc/openindex/server.toml
                 Configuration file, if it exists; --config names another one
  ./openindex.db
                 Database, unless --database-url names another one

Exit status:
  0  Success
  1  Failure, or a problem that a check found
  2  Invalid command line, variable or configuration file

Pass a database password in DATABASE_URL, DATABASE_URL_FILE or the configuration
file, not in --database-url: other users of the machine can read the arguments
of a process."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) serve: Serve,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Args {
    /// Returns the options of `serve`, the default command.
    pub(crate) fn into_serve(self) -> (Serve, Common) {
        match self.command {
            Some(Command::Serve(serve)) => (serve, self.common),
            _ => (self.serve, self.common),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API and the web interface (default command)
    Serve(Serve),
    /// Create the first administrator and print an admin token
    ///
    /// Migrates the database first. Fails if the instance already has users. The token cannot be
    /// shown again.
    Bootstrap(Bootstrap),
    /// Print a one-time link that lets a user set a new password
    ///
    /// For users who forgot their password or never set one. The link works once, expires after an
    /// hour, and stops working when a newer one is created.
    SignInLink(SignInLink),
    /// Copy a SQLite database to a new file while a server uses it
    ///
    /// No change waits for the copy. The file appears once it is complete, with mode 0600; an
    /// existing file is not replaced.
    Backup(Backup),
    /// Restore a SQLite backup without reviving what was revoked since
    ///
    /// Copies the backup to the place of the database, where none may be, and ends what ended
    /// since: tokens, agent runs, access of users and changed passwords, as exports of the audit
    /// log tell. All browser sessions, sign-in links and open invites end. Without BACKUP, does the
    /// same for a database that was restored by other means, such as `pg_restore`.
    Restore(Restore),
    /// Check the database, and exit with an error if something is wrong
    ///
    /// Reads every row, writes nothing, and works beside running servers. Each line says what is
    /// wrong, what that means and what to do.
    Check(Check),
    /// Migrate the database schema to this version and exit
    ///
    /// On PostgreSQL, run it as the owner of the tables.
    Migrate,
    /// Copy everything into another database, such as from SQLite to PostgreSQL
    ///
    /// Stop all servers of both databases first. The target must be empty, and is migrated first.
    /// It gets everything in one transaction, or nothing. The source is only read. What was written
    /// is read again and compared with the source before it is committed. If an earlier copy is
    /// already there in full, the command says so and succeeds.
    Copy(CopyArgs),
    /// Print the SQL that gives a PostgreSQL role only the privileges the server needs, and exit
    ///
    /// A server with only these privileges can neither alter the schema nor change or delete audit
    /// events. Does not connect to a database.
    #[command(args = unused())]
    Grants(Grants),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Exit with an error unless the server is ready
    ///
    /// Requests /ready from the server that listens on this machine, and waits at most 5 seconds.
    /// For the health checks of containers, which have no shell.
    #[command(args = without_database())]
    Healthcheck(Healthcheck),
    /// Print the OpenAPI 3.1 description of the API and exit
    #[command(args = unused())]
    Openapi,
    /// Print or write manual pages
    #[command(args = unused())]
    Man(Man),
    /// Print a completion script for your shell
    #[command(args = unused())]
    Completions(Completions),
}

#[derive(Debug, Subcommand)]
#[command(after_help = "\
Settings come from, in this order: flags, variables, the configuration file,
defaults. The file is TOML, and has one line per flag of `serve`, named like the
flag with underscores:

  database_url = \"postgres://oi@db/oi\"
  listen = \"127.0.0.1:8080\"
  trusted_proxies = [\"10.0.0.0/8\"]
  token_quota = 50

It is /etc/openindex/server.toml if that exists; --config names another one.")]
pub(crate) enum ConfigCommand {
    /// Exit with an error if a variable or a line of the configuration file is invalid
    ///
    /// Does not connect to the database.
    Check,
    /// Print all settings in the format of the configuration file, each with its source
    ///
    /// The password in the database URL is not printed.
    Show,
}

/// Returns hidden arguments for commands that do not use a database, so that scripts can pass them to
/// every command.
fn unused() -> [clap::Arg; 3] {
    let [url, file] = without_database();
    [url, file, hidden_file("config", "config")]
}

/// Returns the same for commands that read the configuration file.
fn without_database() -> [clap::Arg; 2] {
    let url = clap::Arg::new("database_url")
        .long("database-url")
        .value_name("URL")
        .value_parser(clap::value_parser!(DatabaseUrl))
        .hide(true);
    [url, hidden_file("database_url_file", "database-url-file")]
}

fn hidden_file(id: &'static str, flag: &'static str) -> clap::Arg {
    let argument = clap::Arg::new(id).long(flag);
    argument.value_parser(file).hide(true)
}

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Common {
    #[arg(
        long,
        help = "Configuration file [default: /etc/openindex/server.toml if it exists]",
        global = true,
        env = "OPENINDEX_SERVER_CONFIG",
        value_parser = file,
        value_name = "FILE"
    )]
    pub(crate) config: Option<PathBuf>,
    #[arg(
        long,
        help = "Database URL: sqlite://PATH (serve, bootstrap and migrate create it) or \
                postgres://…",
        global = true,
        env = "DATABASE_URL",
        default_value = DEFAULT_DATABASE_URL,
        value_name = "URL"
    )]
    pub(crate) database_url: DatabaseUrl,
    /// File that contains the database URL, such as a credential of systemd
    #[arg(long, global = true, env = "DATABASE_URL_FILE", value_parser = file, value_name = "FILE")]
    pub(crate) database_url_file: Option<PathBuf>,
    /// How other users of the machine can read the password in the database URL, and what to do.
    #[arg(skip)]
    pub(crate) exposure: Option<String>,
    /// Whether the database URL is an argument.
    #[arg(skip)]
    pub(crate) is_url_typed: bool,
    /// Log filter: a level such as `info` or `debug`, or directives such as
    /// `openindex_app=debug,warn`
    #[arg(
        long,
        global = true,
        env = "OPENINDEX_LOG",
        default_value = "info",
        value_parser = log_filter,
        value_name = "FILTER"
    )]
    pub(crate) log: String,
    /// Log format [default: text if standard error is a terminal, otherwise json]
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
    /// One JSON object per line
    Json,
    /// Human-readable lines
    Text,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Serve {
    /// IP address and port to listen on (port 0 picks a free port), or unix:PATH
    #[arg(
        long,
        env = "OPENINDEX_LISTEN",
        default_value = DEFAULT_LISTEN,
        value_name = "ADDRESS"
    )]
    pub(crate) listen: ListenAddress,
    #[arg(
        long,
        help = "IP address and port to serve Prometheus metrics on, at GET /metrics \
                [default: disabled]",
        env = "OPENINDEX_METRICS_LISTEN",
        value_name = "ADDRESS",
        value_parser = socket_address
    )]
    pub(crate) metrics_listen: Option<SocketAddr>,
    #[arg(
        long,
        help = "Collector that traces are exported to, over OTLP with HTTP, such as \
                http://127.0.0.1:4318 [default: disabled]",
        env = "OPENINDEX_OTLP_ENDPOINT",
        value_name = "URL",
        value_parser = collector
    )]
    pub(crate) otlp_endpoint: Option<String>,
    #[arg(
        long,
        help = "Certificate for TLS in PEM, followed by those of its authorities \
                [default: plain HTTP]",
        env = "OPENINDEX_TLS_CERT",
        value_parser = file,
        value_name = "FILE"
    )]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate in PEM
    #[arg(long, env = "OPENINDEX_TLS_KEY", value_parser = file, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// URL at which clients reach this instance [default: http:// and the --listen address]
    #[arg(long, env = "OPENINDEX_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    pub(crate) public_url: Option<String>,
    /// Maximum number of active tokens per user
    #[arg(
        long,
        env = "OPENINDEX_TOKEN_QUOTA",
        default_value_t = DEFAULT_TOKEN_QUOTA,
        value_parser = number::<u32, 1, 100_000>,
        value_name = "NUMBER"
    )]
    pub(crate) token_quota: u32,
    /// Maximum number of active agent runs per user
    #[arg(
        long,
        env = "OPENINDEX_RUN_QUOTA",
        default_value_t = DEFAULT_RUN_QUOTA,
        value_parser = number::<u32, 1, 100_000>,
        value_name = "NUMBER"
    )]
    pub(crate) run_quota: u32,
    /// Maximum number of tokens created per user within 24 hours, including rotations and revoked
    /// tokens
    #[arg(
        long,
        env = "OPENINDEX_TOKEN_RATE",
        default_value_t = CreationRate::DEFAULT_TOKENS.limit(),
        value_parser = number::<u32, 1, 1_000_000>,
        value_name = "NUMBER"
    )]
    pub(crate) token_rate: u32,
    /// Maximum number of agent runs started per user within 24 hours, including ended runs
    #[arg(
        long,
        env = "OPENINDEX_RUN_RATE",
        default_value_t = CreationRate::DEFAULT_RUNS.limit(),
        value_parser = number::<u32, 1, 1_000_000>,
        value_name = "NUMBER"
    )]
    pub(crate) run_rate: u32,
    /// Proxies whose X-Forwarded-For header is trusted: comma-separated addresses or networks
    /// (10.0.0.0/8) [default: none]
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
        help = "Origins whose scripts may call the API: comma-separated, such as \
                https://app.example.com [default: none]",
        env = "OPENINDEX_CORS_ORIGINS",
        value_delimiter = ',',
        value_parser = origin,
        value_name = "ORIGINS"
    )]
    pub(crate) cors_origins: Vec<HeaderValue>,
    #[arg(
        long,
        help = "Maximum number of open connections; lowered if the open-file limit is too small",
        env = "OPENINDEX_MAX_CONNECTIONS",
        default_value_t = DEFAULT_MAX_CONNECTIONS,
        value_parser = at_least_one,
        value_name = "NUMBER"
    )]
    pub(crate) max_connections: usize,
    #[arg(
        long,
        help = "Maximum number of requests in progress; others wait up to a second, then get 503",
        env = "OPENINDEX_MAX_REQUESTS_IN_PROGRESS",
        default_value_t = DEFAULT_MAX_REQUESTS_IN_PROGRESS,
        value_parser = at_least_one,
        value_name = "NUMBER"
    )]
    pub(crate) max_requests_in_progress: usize,
    /// Time for requests in progress to finish after SIGTERM, in seconds
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
    /// Email address of the administrator
    #[arg(long)]
    pub(crate) email: String,
    /// Display name of the administrator
    #[arg(long)]
    pub(crate) name: String,
    #[arg(
        long,
        conflicts_with = "token_only",
        help = r#"Print one JSON document: {"user":…,"pat":…,"token":"oi_pat_…"}"#
    )]
    pub(crate) json: bool,
    /// Print only the token, for use in a pipe
    #[arg(long)]
    pub(crate) token_only: bool,
    #[command(flatten)]
    pub(crate) server: ServerAddress,
}

/// The server's address, from the same flags and variables as `serve`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ServerAddress {
    #[arg(
        long,
        env = "OPENINDEX_PUBLIC_URL",
        value_name = "URL",
        value_parser = public_url,
        help = "URL at which clients reach this instance \
                [default: http:// and the --listen address]"
    )]
    public_url: Option<String>,
    #[arg(
        long,
        env = "OPENINDEX_LISTEN",
        value_name = "ADDRESS",
        help = format!("IP address and port that the server listens on [default: {DEFAULT_LISTEN}]")
    )]
    listen: Option<ListenAddress>,
}

impl ServerAddress {
    /// Returns whether the address is a guess: no URL is set, and no port, port 0 (a free one) or
    /// all addresses.
    pub(crate) fn is_guess(&self) -> bool {
        let is_one = |it: &ListenAddress| it.on_this_machine() == *it;
        self.public_url.is_none() && !self.known().is_some_and(is_one)
    }

    /// Returns the address that clients can connect to.
    fn known(&self) -> Option<&ListenAddress> {
        let is_known =
            |it: &&ListenAddress| matches!(it, ListenAddress::Tcp(address) if address.port() != 0);
        self.listen.as_ref().filter(is_known)
    }

    /// Returns the flags that are set, each with its variable and value.
    pub(crate) fn flags(&self) -> impl Iterator<Item = (&'static str, &'static str, String)> {
        let public_url = self.public_url.clone();
        let public_url = public_url.map(|url| ("--public-url", "OPENINDEX_PUBLIC_URL", url));
        let listen = self.listen.as_ref().map(ToString::to_string);
        let listen = listen.map(|address| ("--listen", "OPENINDEX_LISTEN", address));
        public_url.into_iter().chain(listen)
    }

    /// Returns the configuration for a command that prints the server's address.
    pub(crate) fn config(self, common: Common) -> anyhow::Result<Config> {
        let listen = match self.known() {
            Some(address) => address.clone(),
            None => DEFAULT_LISTEN.parse()?,
        };
        Ok(Config {
            public_url: self.public_url,
            listen,
            is_guest: true,
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
    /// Email address of the user
    #[arg(long)]
    pub(crate) email: String,
    #[command(flatten)]
    pub(crate) server: ServerAddress,
}

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Do not copy the database file with cp or rsync: the newest changes are in another
file beside it. For PostgreSQL, use pg_dump.

Examples:
  oi-server backup /var/backups/openindex-2026-12-31.db
  oi-server backup --database-url sqlite:///var/lib/openindex/openindex.db backup.db")]
pub(crate) struct Backup {
    /// File to create
    #[arg(value_parser = backup_file)]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  oi-server check
  oi-server check --database-url sqlite:///var/backups/openindex-2026-12-31.db")]
pub(crate) struct Check {
    /// First fill the index of searches anew (SQLite)
    #[arg(long)]
    pub(crate) rebuild_search_index: bool,
}

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Nothing is restored if it is unknown what was revoked since the backup, unless
one of the last two flags says what to do.

Examples:
  oi-server restore /var/backups/openindex.db --revocations audit.json
  oi-server restore /var/backups/openindex.db --revoke-all-created-before now

  # After pg_restore, with all servers stopped
  oi-server restore --revocations audit-monday.json --revocations audit-tuesday.csv")]
pub(crate) struct Restore {
    /// Backup of a SQLite database; omit it if the database is restored already
    #[arg(value_parser = file)]
    pub(crate) backup: Option<PathBuf>,
    /// Export of the audit log from before the backup on, without filters (JSON or CSV); repeatable
    #[arg(long, value_name = "FILE", value_parser = file)]
    pub(crate) revocations: Vec<PathBuf>,
    /// Also revoke all tokens created before this time: now, a date or a date-time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) revoke_all_created_before: Option<Timestamp>,
    /// Restore even if tokens that were revoked since may work again
    #[arg(long)]
    pub(crate) accept_unknown_revocations: bool,
}

#[derive(Debug, Clone, clap::Args)]
#[command(
    group = clap::ArgGroup::new("target").args(["to", "to_file"]).required(true),
    after_help = "\
Examples:
  # From the database of the server to PostgreSQL, whose URL is in a file
  oi-server copy --to-file target-url

  # And back into a new SQLite file
  oi-server copy --from-file target-url --to sqlite://copy.db"
)]
pub(crate) struct CopyArgs {
    /// URL of the source [default: the database of the server]
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<DatabaseUrl>,
    /// File that contains the URL of the source
    #[arg(long, value_name = "FILE", value_parser = file, conflicts_with = "from")]
    pub(crate) from_file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "URL",
        help = "URL of the target: sqlite://PATH (which is created) or postgres://…"
    )]
    pub(crate) to: Option<DatabaseUrl>,
    /// File that contains the URL of the target
    #[arg(long, value_name = "FILE", value_parser = file)]
    pub(crate) to_file: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Run the SQL as the owner of the tables, and again after each `oi-server migrate`.

Examples:
  oi-server grants | psql \"$OWNER_URL\"
  oi-server grants --role tracker --schema tracker | psql \"$OWNER_URL\"")]
pub(crate) struct Grants {
    /// Role that the server connects as
    #[arg(long, default_value = "openindex", value_parser = role, value_name = "NAME")]
    pub(crate) role: String,
    /// Schema that contains the tables
    #[arg(long, default_value = "public", value_parser = identifier, value_name = "NAME")]
    pub(crate) schema: String,
}

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
It does not see the flags that the server was started with: set the address in
OPENINDEX_LISTEN or the configuration file, or repeat --listen.

Examples:
  oi-server healthcheck
  docker exec openindex oi-server healthcheck")]
pub(crate) struct Healthcheck {
    /// IP address and port that the server listens on, or unix:PATH
    #[arg(
        long,
        env = "OPENINDEX_LISTEN",
        default_value = DEFAULT_LISTEN,
        value_name = "ADDRESS"
    )]
    pub(crate) listen: ListenAddress,
    /// The server's certificate for TLS [default: plain HTTP]
    #[arg(long, env = "OPENINDEX_TLS_CERT", value_parser = file, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Writes one page per command, such as oi-server-bootstrap.1. Without a directory, prints
oi-server(1).

Examples:
  oi-server man | man -l -
  oi-server man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Directory to write the pages to; created if missing
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  oi-server completions bash > ~/.local/share/bash-completion/completions/oi-server
  oi-server completions zsh > ~/.zfunc/_oi-server
  oi-server completions fish > ~/.config/fish/completions/oi-server.fish")]
pub(crate) struct Completions {
    /// Shell to print the script for
    pub(crate) shell: Shell,
}

impl Serve {
    /// Returns why the options contradict each other when the server listens at this address.
    pub(crate) fn contradiction(&self, listen: &ListenAddress) -> Option<&'static str> {
        let is_secure = || {
            let url = self.public_url.as_deref();
            url.is_some_and(|url| url.starts_with("https://"))
        };
        match (&self.tls_cert, &self.tls_key, listen) {
            (Some(_), None, _) => Some("--tls-cert (OPENINDEX_TLS_CERT) requires --tls-key"),
            (None, Some(_), _) => Some("--tls-key (OPENINDEX_TLS_KEY) requires --tls-cert"),
            (Some(_), _, ListenAddress::Unix(_)) => {
                Some("a Unix socket has no TLS; remove --tls-cert and --tls-key")
            }
            (Some(_), ..) if !is_secure() => Some(
                "with --tls-cert, set --public-url (OPENINDEX_PUBLIC_URL) to https:// and a name in \
                 the certificate",
            ),
            (.., ListenAddress::Tcp(address))
                if self.metrics_listen == Some(*address) && address.port() != 0 =>
            {
                Some("--listen and --metrics-listen must be different addresses")
            }
            (None, _, ListenAddress::Unix(_)) if self.public_url.is_none() => Some(
                "with a Unix socket, set --public-url (OPENINDEX_PUBLIC_URL) to the URL of the proxy",
            ),
            _ => None,
        }
    }

    pub(crate) fn tls_files(&self) -> Option<TlsFiles> {
        let (certificates, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificates, key })
    }

    pub(crate) fn config(self, common: Common) -> Config {
        let base = Config::on(common.database_url);
        let tls = self.tls_files();
        Config {
            listen: self.listen,
            metrics_listen: self.metrics_listen,
            tls,
            public_url: self.public_url,
            quotas: Quotas {
                tokens: self.token_quota,
                token_rate: CreationRate::new(self.token_rate),
                runs: self.run_quota,
                run_rate: CreationRate::new(self.run_rate),
            },
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

/// Returns the error of a variable that is set but empty, or not UTF-8. An empty one must not count
/// as unset: a failed substitution would start the instance on the default database.
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
            "{} {error}; unset it or set a value (same as --{flag})",
            name.to_string_lossy()
        ))
    };
    command.get_arguments().find_map(of)
}

/// Returns the error of a `serve` flag before the name of a command, where it would be ignored.
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
    let is_accepted = command
        .find_subcommand(subcommand)
        .is_some_and(|it| it.get_arguments().any(|it| it.get_long() == Some(flag)));
    let fix = if is_accepted {
        format!("put it after {subcommand}")
    } else {
        format!("remove it: {subcommand} does not use it")
    };
    Some(format!("--{flag} before a command would be ignored; {fix}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use openindex_command_line::conceal;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_usage_error_shows_the_value_unless_it_may_be_a_secret() {
        let message = |typed: &str, secret: &str| {
            let typed = [
                "oi-server".into(),
                OsString::from(format!("--{typed}={secret}")),
            ];
            let error = Args::try_parse_from(&typed).err();
            error.map(|error| conceal(error, Args::command(), &[], &typed).to_string())
        };
        for (flag, value) in [
            ("listen", "localhost:80"),
            ("log", "verbose"),
            ("log-format", "xml"),
            ("token-quota", "0"),
            ("drain-seconds", "10s"),
            ("trusted-proxies", "10.0.0.0/33"),
            ("cors-origins", "*.example.com"),
        ] {
            let message = message(flag, value).expect("an error");
            assert!(message.contains(&format!("'{value}' for")), "{message}");
        }
        let command = Args::command();
        let mut failed = 0;
        for secret in [
            "mysql://oi:hunter2@db/oi",
            "https://oi:hunter2@db",
            "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h",
        ] {
            for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
                // A log filter can look like a URL.
                let Some(message) = message(flag, secret) else {
                    continue;
                };
                failed += 1;
                assert!(!message.contains("hunter2"), "{message}");
                assert!(!message.contains("jZHvxRBv8"), "{message}");
            }
        }
        assert!(failed > 40, "{failed}");
        for flag in ["database-url", "public-url"] {
            let message = message(flag, "hunter2").expect("an error");
            assert!(message.contains("'…' for"), "{message}");
        }
    }

    #[test]
    fn an_empty_variable_is_an_error_and_not_unset() {
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
    fn the_address_of_a_server_is_a_guess_unless_clients_can_connect_to_what_is_set() {
        for (typed, is_guess) in [
            ("", true),
            (" --listen 127.0.0.1:0", true),
            (" --listen 0.0.0.0:80", true),
            (" --listen [::]:80", true),
            (" --listen 10.0.0.1:80", false),
            (" --listen 0.0.0.0:80 --public-url https://a.example", false),
        ] {
            let typed = format!("oi-server sign-in-link --email a@b.c{typed}");
            let args = Args::try_parse_from(typed.split(' ')).expect("valid");
            let Some(Command::SignInLink(link)) = args.command else {
                panic!("another command");
            };
            assert_eq!(link.server.is_guess(), is_guess, "{typed}");
        }
    }

    #[test]
    fn a_flag_that_a_command_would_ignore_is_an_error() {
        let misplaced = |typed: &str| {
            let typed: Vec<OsString> = typed.split(' ').map(OsString::from).collect();
            misplaced_flag(&Args::command(), &typed)
        };
        for (typed, flag, fix) in [
            (
                "oi-server --listen 127.0.0.1:1 serve",
                "--listen",
                "put it after serve",
            ),
            (
                "oi-server --public-url https://a.example sign-in-link --email a@b.c",
                "--public-url",
                "put it after sign-in-link",
            ),
            (
                "oi-server --token-quota 5 migrate",
                "--token-quota",
                "remove it",
            ),
        ] {
            let message = misplaced(typed).unwrap_or_default();
            assert!(message.starts_with(flag), "{typed}: {message}");
            assert!(message.contains(fix), "{typed}: {message}");
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
}
