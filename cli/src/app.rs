//! What a command works with: the sources of its settings, the clock, the output, the server.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;

use openindex_adapters_http::client::{
    BaseUrl, Client, ClientError, ClientOptions, ProxyVariables,
};
use openindex_adapters_http::wire::PlainSecret;
use openindex_domain::clock::{Clock, Timestamp};
use openindex_domain::token::TokenKind;
use openindex_domain::work_item::AgentId;

use crate::cli::Globals;
use crate::config::{Config, ConfigStore};
use crate::environment::{self, Environment};
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::render::{plain, span};
use crate::resolve::{
    Credential, SET_SERVER, Server, ServerSource, Sources, TokenSource, profile_server,
};

/// One run of `oi`.
pub(crate) struct App<'a> {
    pub(crate) globals: &'a Globals,
    pub(crate) environment: &'a Environment,
    pub(crate) clock: &'static dyn Clock,
    pub(crate) store: ConfigStore,
    pub(crate) out: Output,
}

/// A server, and who to be there.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) credential: Credential,
    clock: &'static dyn Clock,
    /// What spans in the output are counted from.
    shown_now: Rc<Cell<Timestamp>>,
}

impl Session {
    /// Asks the server. When it does not accept the token, the failure says where that token is
    /// from; when the two clocks or versions differ, it says that.
    pub(crate) fn call<T>(
        &self,
        request: impl FnOnce(&Client) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        let answer = request(&self.client);
        if self.skew_millis().abs() > MAX_SKEW_MILLIS {
            self.shown_now.set(self.now());
        }
        answer.map_err(|error| {
            let failure = self.with_skew(with_versions(error.into(), &self.client));
            let failure = self.server.explain(failure);
            if failure.exit != ExitCode::Auth {
                return failure;
            }
            let source = self.credential.source.to_string();
            let failure = failure.detail("source", source.as_str());
            match self.way_out(&failure.code) {
                Some(hint) => failure.also(&hint),
                None => failure,
            }
            .also(&format!("the token is from {source}"))
        })
    }

    /// Where another token comes from, after one that is not accepted.
    fn way_out(&self, code: &str) -> Option<String> {
        let run = self.credential.secret.kind() == TokenKind::AgentRun;
        match code {
            "owner_suspended" => Some(
                "an administrator can end the suspension with: oi settings admin users unsuspend \
                 ID|EMAIL"
                    .to_owned(),
            ),
            "token_revoked" | "token_expired" | "token_unknown" if run => {
                Some("start another run with: oi agent-run start".to_owned())
            }
            "token_revoked" | "token_expired" | "token_unknown" => {
                let store = match self.credential.source {
                    TokenSource::Environment => "set OPENINDEX_TOKEN to it",
                    TokenSource::Profile(_) => "store it with: oi profile set --token -",
                };
                let page = self.server.tokens_page();
                // A deletion revokes the user's tokens, and there is no way to sign in any more.
                let deleted = match code {
                    "token_revoked" => "; if your account was deleted, ask an administrator",
                    _ => "",
                };
                Some(format!("create a token at {page}, then {store}{deleted}"))
            }
            _ => None,
        }
    }

    /// The time by the server's clock as far as it is known, which alone decides what has expired.
    pub(crate) fn now(&self) -> Timestamp {
        self.client
            .server_time()
            .unwrap_or_else(|| self.clock.now())
    }

    /// The same, from the server if it has said nothing yet.
    pub(crate) fn server_now(&self) -> Result<Timestamp, Failure> {
        if self.client.server_time().is_none() {
            self.call(Client::health)?;
        }
        Ok(self.now())
    }

    /// How far this machine's clock is ahead of the server's.
    fn skew_millis(&self) -> i64 {
        self.client.server_time().map_or(0, |server| {
            self.clock.now().unix_millis() - server.unix_millis()
        })
    }

    /// What is about time is told with the difference of the clocks.
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
            .also(&format!("this machine's clock is {}", skew_in_words(skew)))
            .detail("clockAheadSeconds", skew / 1_000)
    }
}

/// From here on the difference of two clocks is told. The server's time comes without its
/// milliseconds and after a journey.
pub(crate) const MAX_SKEW_MILLIS: i64 = 60_000;

/// `3 minutes behind the server's`.
pub(crate) fn skew_in_words(ahead_millis: i64) -> String {
    let direction = if ahead_millis > 0 {
        "ahead of"
    } else {
        "behind"
    };
    format!("{} {direction} the server's", span(ahead_millis.abs()))
}

/// What only another version would say is told with both versions, and which one is older.
pub(crate) fn with_versions(failure: Failure, client: &Client) -> Failure {
    if !failure.suggests_other_version() {
        return failure;
    }
    let ours = env!("CARGO_PKG_VERSION");
    let Ok(discovery) = client.discovery() else {
        return failure;
    };
    let theirs = plain(&discovery.version);
    let hint = match numbers(&theirs).zip(numbers(ours)) {
        Some((theirs_at, ours_at)) if theirs_at < ours_at => format!(
            "the server is older (version {theirs}) than this oi ({ours}): upgrade the server, or use \
             oi {theirs}"
        ),
        Some((theirs_at, ours_at)) if theirs_at > ours_at => {
            format!("this oi is older (version {ours}) than the server ({theirs}): upgrade oi")
        }
        _ => return failure,
    };
    failure.hint(hint).detail("serverVersion", theirs)
}

/// The numbers of a version such as `1.2.3-beta`.
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

    /// The config file's content, with a warning when others can read it.
    pub(crate) fn config(&mut self) -> Result<Config, Failure> {
        let config = self.store.load()?;
        if let Some((what, command)) = self.store.exposure() {
            self.out.warn(&format!("{what}; close it with: {command}"));
        }
        Ok(config)
    }

    /// The server as whoever the token belongs to.
    pub(crate) fn session(&mut self) -> Result<Session, CliError> {
        let (session, ()) = self.open(|_, _| Ok(()))?;
        Ok(session)
    }

    /// As [`App::session`], for what only a human may do: an agent run's token is refused before
    /// anything is sent. The server refuses it as well.
    pub(crate) fn human_session(&mut self) -> Result<Session, CliError> {
        let (session, ()) = self.open(|_, credential| require_human(credential))?;
        Ok(session)
    }

    /// As [`App::human_session`], with the agent to start a run for.
    pub(crate) fn starting_session(
        &mut self,
        agent: Option<&AgentId>,
    ) -> Result<(Session, AgentId), CliError> {
        self.open(|sources, credential| {
            require_human(credential)?;
            sources.agent(agent)?.ok_or_else(no_agent)
        })
    }

    /// As [`App::session`], with the agent to work as, where one is to be named.
    pub(crate) fn working_session(
        &mut self,
        agent: Option<&AgentId>,
    ) -> Result<(Session, Option<AgentId>), CliError> {
        self.open(|sources, credential| sources.working_agent(agent, credential.secret.kind()))
    }

    /// A session, and what `prepare` makes of the sources before anything is sent.
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
                if let Some(warning) = strange_server(&server, &credential, config)? {
                    self.out.warn(&warning);
                }
            }
            // Flags and environment hold all that was needed.
            Err(failure) => self.out.warn(&failure.message),
        }
        self.announce(&server);
        let session = Session {
            client: self.client(&server.api_url, Some(&credential))?,
            server,
            credential,
            clock: self.clock,
            shown_now: self.out.now(),
        };
        Ok((session, prepared))
    }

    /// The server to ask without a token.
    pub(crate) fn server(&mut self) -> Result<Server, CliError> {
        let config = self.config();
        let server = self.sources(config.as_ref()).server()?;
        self.announce(&server);
        Ok(server)
    }

    /// Tells a person that nothing named the server.
    pub(crate) fn announce(&mut self, server: &Server) {
        if server.source == ServerSource::Default {
            self.out.note_on_terminal(&format!(
                "no server is set; using {} on this machine (to set one: {SET_SERVER})",
                server.api_url
            ));
        }
    }

    /// Whether plain http to other machines was allowed.
    fn allows_insecure_http(&self) -> Result<bool, Failure> {
        match self
            .environment
            .get(environment::ALLOW_INSECURE_HTTP)?
            .as_deref()
        {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(_) => Err(Failure::usage(format!(
                "{} must be 1, or unset",
                environment::ALLOW_INSECURE_HTTP
            ))),
        }
    }

    /// A client for a server, with a token or without.
    pub(crate) fn client(
        &self,
        api_url: &BaseUrl,
        credential: Option<&Credential>,
    ) -> Result<Client, CliError> {
        let token = credential.map(|credential| PlainSecret::new(credential.secret.expose()));
        self.client_with(api_url, token.as_ref())
    }

    /// The same with a token that is none of the sources'.
    pub(crate) fn client_with(
        &self,
        api_url: &BaseUrl,
        token: Option<&PlainSecret>,
    ) -> Result<Client, CliError> {
        let mut options = ClientOptions::default();
        concat!("oi/", env!("CARGO_PKG_VERSION")).clone_into(&mut options.user_agent);
        // Only what a variable is needed for must be able to fail because of it.
        if !api_url.is_https() && !api_url.is_loopback() {
            options.allow_insecure_http = self.allows_insecure_http()?;
        }
        options.proxies =
            ProxyVariables::new(|name| self.environment.convention(name).map(str::to_owned));
        if api_url.is_https() {
            self.trust(&mut options)?;
        }
        Ok(Client::with_options(api_url, token, &options)?)
    }
}

impl App<'_> {
    /// The authorities in `SSL_CERT_FILE` and `SSL_CERT_DIR`; else the system's; else, where it has
    /// none, those that browsers trust.
    fn trust(&self, options: &mut ClientOptions) -> Result<(), Failure> {
        let file = self.environment.path(environment::CERT_FILE)?;
        let directory = self.environment.path(environment::CERT_DIR)?;
        let failed = |variable: &str, path: &PathBuf, error: &str| {
            let message = format!("{variable} {}: {error}", path.display());
            Failure::new(ExitCode::Failure, "certificates_unreadable", message)
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
            let error = "no certificates in it whose names are hashes; see c_rehash(1)";
            return Err(failed(environment::CERT_DIR, path, error));
        }
        if !found.certs.is_empty() {
            options.trust_only_der(found.certs.iter().map(AsRef::as_ref));
        }
        Ok(())
    }
}

/// A warning when a profile's token is about to go to another server than the profile's because a
/// variable says so: whoever typed `--app-url` knows, whoever entered a directory may not.
fn strange_server(
    server: &Server,
    credential: &Credential,
    config: &Config,
) -> Result<Option<String>, Failure> {
    let (ServerSource::Environment, TokenSource::Profile(name)) =
        (server.source, &credential.source)
    else {
        return Ok(None);
    };
    let home = match config.profiles.get(name) {
        Some(profile) => profile_server(name, profile)?,
        None => None,
    };
    Ok(home
        .filter(|home| {
            ![&home.app_url, &home.api_url]
                .iter()
                .any(|url| url.same_origin(&server.api_url))
        })
        .map(|home| {
            format!(
                "the token of the profile {name} goes to {} ({}), not to {}",
                server.api_url,
                environment::APP_URL,
                home.app_url
            )
        }))
}

/// Refuses an agent run's token, as its prefix tells it.
fn require_human(credential: &Credential) -> Result<(), Failure> {
    if credential.secret.kind() == TokenKind::Personal {
        return Ok(());
    }
    let instead = match credential.source {
        TokenSource::Environment => {
            "to use a personal access token, unset OPENINDEX_TOKEN or set it to one"
        }
        TokenSource::Profile(_) => {
            "to use a personal access token, choose a profile that has one with oi profile use NAME, \
             or set OPENINDEX_TOKEN"
        }
    };
    let source = credential.source.to_string();
    Err(Failure::new(
        ExitCode::Auth,
        "human_token_required",
        format!(
            "the token from {source} is an agent run's (oi_run_…), which is for work alone; this \
             needs a personal access token (oi_pat_…)"
        ),
    )
    .hint(format!(
        "{instead}; to see what work there is, go on as below"
    ))
    .detail("source", source)
    .next("oi queue list"))
}

/// There is no agent to start a run for.
fn no_agent() -> Failure {
    Failure::usage(
        "no agent: pass --agent-id, since neither OPENINDEX_AGENT_ID nor the profile names one",
    )
    .next("oi profile set --agent-id ID")
}

/// There is no token to act with.
pub(crate) fn no_token() -> Failure {
    Failure::new(
        ExitCode::Auth,
        "authentication_required",
        "no token: neither OPENINDEX_TOKEN nor the profile has one",
    )
    .next("oi profile set --token -")
}
