//! The context of a command: its settings, clock, output and connection to the server.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;

use openindex_adapters_http::client::{
    BaseUrl, Client, ClientError, ClientOptions, ProxyVariables,
};
use openindex_adapters_http::wire::PlainSecret;
use openindex_domain::clock::{Clock, Timestamp};
use openindex_domain::duration::nearest;
use openindex_domain::token::TokenKind;
use openindex_domain::work_item::AgentId;

use crate::config::{Config, ConfigStore};
use crate::environment::{self, Environment};
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::globals::Globals;
use crate::output::Output;
use crate::render::plain;
use crate::resolve::{
    Credential, SET_SERVER, Server, ServerSource, Sources, TokenSource, profile_server,
};

/// The context of one invocation of `oi`.
pub(crate) struct App<'a> {
    /// Builds the command line's grammar, from which manual pages and descriptions are made.
    pub(crate) grammar: fn() -> clap::Command,
    pub(crate) globals: &'a Globals,
    pub(crate) environment: &'a Environment,
    pub(crate) clock: &'static dyn Clock,
    pub(crate) store: ConfigStore,
    pub(crate) out: Output,
}

/// A client for a server, with the credential to use.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) credential: Credential,
    clock: &'static dyn Clock,
    /// The time that relative times in the output ("in 3 days") count from.
    shown_now: Rc<Cell<Timestamp>>,
}

impl Session {
    /// Sends a request. If the server rejects the token, the failure says where the token is from;
    /// if the clocks or versions differ in a way that matters, it says so.
    pub(crate) fn call<T>(
        &self,
        request: impl FnOnce(&Client) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        let result = request(&self.client);
        if self.skew_millis().abs() > MAX_SKEW_MILLIS {
            self.shown_now.set(self.now());
        }
        result.map_err(|error| {
            let failure = self.with_skew(with_versions(error.into(), &self.client));
            let failure = self.server.explain(failure);
            if failure.exit != ExitCode::Auth {
                return failure;
            }
            let source = self.credential.source.to_string();
            let hint = self.token_hint(&failure.code);
            let hints = hint
                .into_iter()
                .chain([format!("the token is from {source}")]);
            let failure = failure.detail("source", source);
            hints.fold(failure, |failure, hint| failure.prepend_hint(&hint))
        })
    }

    /// Sends a request that changes something. If the change may have been applied although the
    /// request failed, the failure suggests the command `check`.
    pub(crate) fn change<T>(
        &self,
        check: &str,
        request: impl FnOnce(&Client) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        self.call(request)
            .map_err(|failure| failure.or_check(check))
    }

    /// Returns how to get another token after this one was rejected with `code`.
    fn token_hint(&self, code: &str) -> Option<String> {
        let run = self.credential.secret.kind() == TokenKind::AgentRun;
        match code {
            "owner_suspended" => Some(
                "an administrator can unsuspend the account with: oi settings admin users \
                 unsuspend ID|EMAIL"
                    .to_owned(),
            ),
            "token_revoked" | "token_expired" | "token_unknown" if run => {
                Some("start a new run with: oi agent-run start".to_owned())
            }
            "token_revoked" | "token_expired" | "token_unknown" => {
                let store = match self.credential.source {
                    TokenSource::Environment => "set OPENINDEX_TOKEN to it",
                    TokenSource::Profile(_) => "save it with: oi profile set --token -",
                };
                let page = self.server.tokens_page();
                // Deleting a user revokes their tokens, and a deleted user cannot sign in.
                let deleted = match code {
                    "token_revoked" => "; if your account was deleted, contact an administrator",
                    _ => "",
                };
                Some(format!("create a token at {page}, then {store}{deleted}"))
            }
            _ => None,
        }
    }

    /// Returns the server's time, which decides what has expired; the local time until the server
    /// has reported one.
    pub(crate) fn now(&self) -> Timestamp {
        self.client
            .server_time()
            .unwrap_or_else(|| self.clock.now())
    }

    /// Returns the server's time, asking the server if it has not reported one yet.
    pub(crate) fn server_now(&self) -> Result<Timestamp, Failure> {
        if self.client.server_time().is_none() {
            self.call(Client::health)?;
        }
        Ok(self.now())
    }

    /// Returns how far the local clock is ahead of the server's, in milliseconds.
    fn skew_millis(&self) -> i64 {
        self.client.server_time().map_or(0, |server| {
            self.clock.now().unix_millis() - server.unix_millis()
        })
    }

    /// Adds the difference between the clocks to a failure about a time.
    fn with_skew(&self, failure: Failure) -> Failure {
        const FIELDS: [&str; 6] = [
            "expiresAt",
            "expiresIn",
            "unusedSince",
            "expiringBefore",
            "since",
            "until",
        ];
        let skew = self.skew_millis();
        let about_time = failure.code == "token_expired"
            || failure.details.get("errors").is_some_and(|errors| {
                FIELDS
                    .iter()
                    .any(|field| errors.to_string().contains(&format!("\"{field}\"")))
            });
        if !about_time || skew.abs() <= MAX_SKEW_MILLIS {
            return failure;
        }
        failure
            .prepend_hint(&format!("this machine's clock is {}", skew_in_words(skew)))
            .detail("clockAheadSeconds", skew / 1_000)
    }
}

/// The difference between the clocks that is still considered equal: the server reports whole
/// seconds, and its response takes time to arrive.
pub(crate) const MAX_SKEW_MILLIS: i64 = 60_000;

/// Describes the clock difference, such as `3 minutes behind the server's`.
pub(crate) fn skew_in_words(ahead_millis: i64) -> String {
    let difference = nearest(ahead_millis.unsigned_abs() / 1_000);
    let direction = if ahead_millis > 0 {
        "ahead of"
    } else {
        "behind"
    };
    format!("{difference} {direction} the server's")
}

/// Adds both versions to a failure that suggests that the server has another version.
pub(crate) fn with_versions(failure: Failure, client: &Client) -> Failure {
    if !failure.suggests_other_version() {
        return failure;
    }
    let own = env!("CARGO_PKG_VERSION");
    let Ok(discovery) = client.discovery() else {
        return failure;
    };
    let server = plain(&discovery.version);
    let hint = match numbers(&server).zip(numbers(own)) {
        Some((server_numbers, own_numbers)) if server_numbers < own_numbers => format!(
            "the server (version {server}) is older than oi ({own}): upgrade the server, or use \
             oi {server}"
        ),
        Some((server_numbers, own_numbers)) if server_numbers > own_numbers => {
            format!("oi (version {own}) is older than the server ({server}): upgrade oi")
        }
        _ => return failure,
    };
    failure.hint(hint).detail("serverVersion", server)
}

/// Returns the numbers of a version: `[1, 2, 3]` for `1.2.3-beta`.
fn numbers(version: &str) -> Option<Vec<u64>> {
    let release = version.split(['-', '+']).next()?;
    release.split('.').map(|part| part.parse().ok()).collect()
}

impl App<'_> {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn sources<'a>(&'a self, config: Result<&'a Config, &'a Failure>) -> Sources<'a> {
        Sources {
            globals: self.globals,
            environment: self.environment,
            config,
        }
    }

    /// Loads the config file, and warns if other users can read it.
    pub(crate) fn config(&mut self) -> Result<Config, Failure> {
        let config = self.store.load()?;
        if let Some((what, command)) = self.store.exposure() {
            self.out.warn(&format!("{what}; fix it with: {command}"));
        }
        Ok(config)
    }

    /// Opens a session with the configured token.
    pub(crate) fn session(&mut self) -> Result<Session, CliError> {
        Ok(self.open(|_, _| Ok(()))?.0)
    }

    /// Opens a session that requires a personal access token. An agent run's token is rejected
    /// before anything is sent; the server rejects it, too.
    pub(crate) fn human_session(&mut self) -> Result<Session, CliError> {
        Ok(self.open(|_, credential| require_human(credential))?.0)
    }

    /// Opens a session as [`App::human_session`] does, and returns the agent to start a run for.
    pub(crate) fn starting_session(
        &mut self,
        agent: Option<&AgentId>,
    ) -> Result<(Session, AgentId), CliError> {
        self.open(|sources, credential| {
            require_human(credential)?;
            sources.agent(agent)?.ok_or_else(no_agent)
        })
    }

    /// Opens a session, and returns the agent to work as; `None` lets the token decide.
    pub(crate) fn working_session(
        &mut self,
        agent: Option<&AgentId>,
    ) -> Result<(Session, Option<AgentId>), CliError> {
        self.open(|sources, credential| sources.working_agent(agent, credential.secret.kind()))
    }

    /// Opens a session; `prepare` can reject the credential before anything is sent.
    fn open<T>(
        &mut self,
        prepare: impl FnOnce(&Sources<'_>, &Credential) -> Result<T, Failure>,
    ) -> Result<(Session, T), CliError> {
        let config = self.config();
        let sources = self.sources(config.as_ref());
        let credential = sources.credential()?.ok_or_else(no_token)?;
        let prepared = prepare(&sources, &credential)?;
        let server = sources.server()?;
        match &config {
            Ok(config) => {
                if let Some(warning) = other_server_warning(&server, &credential, config)? {
                    self.out.warn(&warning);
                }
            }
            // Flags and environment provide everything: the config file is not required.
            Err(failure) => self.out.warn(&failure.message),
        }
        self.announce(&server);
        let session = Session {
            client: self.client(&server.api_url, Some(&credential.plain()))?,
            server,
            credential,
            clock: self.clock,
            shown_now: self.out.now(),
        };
        Ok((session, prepared))
    }

    /// Returns the configured server, for requests without a token.
    pub(crate) fn server(&mut self) -> Result<Server, CliError> {
        let config = self.config();
        let server = self.sources(config.as_ref()).server()?;
        self.announce(&server);
        Ok(server)
    }

    /// Notes on a terminal that the default server is used.
    pub(crate) fn announce(&mut self, server: &Server) {
        if server.source == ServerSource::Default {
            self.out.note_on_terminal(&format!(
                "no server is configured; using {} on this machine (to set one: {SET_SERVER})",
                server.api_url
            ));
        }
    }

    /// Returns whether tokens may be sent to other machines over plain HTTP.
    fn allows_insecure_http(&self) -> Result<bool, Failure> {
        let variable = environment::ALLOW_INSECURE_HTTP;
        match self.environment.get(variable)?.as_deref() {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(_) => Err(Failure::usage(format!("{variable} must be 1 or unset"))),
        }
    }

    /// Creates a client for a server, with or without a token.
    pub(crate) fn client(
        &self,
        api_url: &BaseUrl,
        token: Option<&PlainSecret>,
    ) -> Result<Client, Failure> {
        let mut options = ClientOptions::default();
        concat!("oi/", env!("CARGO_PKG_VERSION")).clone_into(&mut options.user_agent);
        // An invalid variable must not fail requests that do not depend on it.
        if !api_url.is_https() && !api_url.is_loopback() {
            options.allow_insecure_http = self.allows_insecure_http()?;
        }
        options.proxies =
            ProxyVariables::new(|name| self.environment.convention(name).map(str::to_owned));
        // 55 characters in the only version so far; the server ignores what is invalid.
        let trace = self.environment.convention(environment::TRACE_PARENT);
        let trace = trace.filter(|trace| trace.len() == 55);
        options.trace_parent = trace.and_then(|trace| trace.parse().ok());
        if api_url.is_https() {
            self.trust(&mut options)?;
        }
        Ok(Client::with_options(api_url, token, &options)?)
    }

    /// Trusts the authorities in `SSL_CERT_FILE` and `SSL_CERT_DIR`; otherwise the system's;
    /// otherwise those that browsers trust.
    fn trust(&self, options: &mut ClientOptions) -> Result<(), Failure> {
        let file = self.environment.path(environment::CERT_FILE)?;
        let directory = self.environment.path(environment::CERT_DIR)?;
        let failed = |variable: &str, path: &PathBuf, error: &str| {
            let message = format!("{variable} {}: {error}", path.display());
            Failure::of("certificates_unreadable", message)
        };
        if let Some(path) = &file {
            let failed = |error: &str| failed(environment::CERT_FILE, path, error);
            let pem = std::fs::read(path).map_err(|error| failed(&error.to_string()))?;
            options
                .trust_only(&pem)
                .map_err(|error| failed(&error.to_string()))?;
            if directory.is_none() {
                return Ok(());
            }
        }
        let found = if file.is_none() && directory.is_none() {
            rustls_native_certs::load_native_certs()
        } else {
            rustls_native_certs::load_certs_from_paths(file.as_deref(), directory.as_deref())
        };
        if let Some(path) = &directory
            && found.certs.is_empty()
        {
            let error = "no certificates with hashed file names; see c_rehash(1)";
            return Err(failed(environment::CERT_DIR, path, error));
        }
        if !found.certs.is_empty() {
            options.trust_only_der(found.certs.iter().map(AsRef::as_ref));
        }
        Ok(())
    }
}

/// Returns a warning when `OPENINDEX_APP_URL` sends a profile's token to another server than the
/// profile's. `--app-url` was typed on purpose; a variable may be set without the user's knowledge.
fn other_server_warning(
    server: &Server,
    credential: &Credential,
    config: &Config,
) -> Result<Option<String>, Failure> {
    let (ServerSource::Environment, TokenSource::Profile(name)) =
        (server.source, &credential.source)
    else {
        return Ok(None);
    };
    let is_same = |url: &BaseUrl| url.same_origin(&server.api_url);
    let home = profile_server(config, name)?;
    let home = home.filter(|home| !is_same(&home.app_url) && !is_same(&home.api_url));
    Ok(home.map(|home| {
        format!(
            "sending the token of profile {name} to {} (set by {}) instead of {}",
            server.api_url,
            environment::APP_URL,
            home.app_url
        )
    }))
}

/// Rejects an agent run's token, which is recognized by its prefix.
fn require_human(credential: &Credential) -> Result<(), Failure> {
    if credential.secret.kind() == TokenKind::Personal {
        return Ok(());
    }
    let instead = match credential.source {
        TokenSource::Environment => "unset OPENINDEX_TOKEN, or set it to a personal access token",
        TokenSource::Profile(_) => {
            "choose a profile with a personal access token (oi profile use NAME), or set \
             OPENINDEX_TOKEN to one"
        }
    };
    let source = credential.source.to_string();
    Err(Failure::new(
        ExitCode::Auth,
        "human_token_required",
        format!(
            "the token from {source} is an agent run token (oi_run_…), which is only valid for \
             work items and the queue; this command requires a personal access token (oi_pat_…)"
        ),
    )
    .hint(format!(
        "{instead}; an agent run token can still list its work:"
    ))
    .detail("source", source)
    .next("oi queue list"))
}

/// Returns the failure when no agent is given to start a run for.
fn no_agent() -> Failure {
    Failure::usage(
        "no agent ID: pass --agent-id; OPENINDEX_AGENT_ID is not set and the profile has none",
    )
    .next("oi profile set --agent-id ID")
}

/// Returns the failure when no token is configured.
pub(crate) fn no_token() -> Failure {
    Failure::new(
        ExitCode::Auth,
        "authentication_required",
        "no token: OPENINDEX_TOKEN is not set and the profile has none",
    )
    .next("oi profile set --token -")
}
