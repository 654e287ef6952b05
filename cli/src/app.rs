//! What a command works with: the sources of its settings, the clock, the output, the server.

use std::fs;

use openindex_adapters_http::client::{BaseUrl, Client, ClientError, ClientOptions};
use openindex_adapters_http::wire::PlainSecret;
use openindex_domain::clock::{Clock, Timestamp};
use openindex_domain::token::TokenKind;
use openindex_domain::work::AgentId;

use crate::cli::Globals;
use crate::config::{Config, ConfigStore};
use crate::environment::{self, Environment};
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::resolve::{
    Credential, SET_SERVER, Server, ServerSource, Sources, TokenSource, profile_server,
};

/// One run of `oi`.
pub(crate) struct App<'a> {
    pub(crate) globals: &'a Globals,
    pub(crate) environment: &'a Environment,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) store: ConfigStore,
    pub(crate) out: Output,
}

/// A server, and who to be there.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) credential: Credential,
}

impl Session {
    /// Asks the server. When it does not accept the token, the failure says where that token is
    /// from.
    pub(crate) fn call<T>(
        &self,
        request: impl FnOnce(&Client) -> Result<T, ClientError>,
    ) -> Result<T, Failure> {
        request(&self.client).map_err(|error| {
            let failure = self.server.explain(Failure::from(error));
            if failure.exit != ExitCode::Auth {
                return failure;
            }
            let source = self.credential.source.to_string();
            failure
                .hint(format!("the token is from {source}"))
                .detail("source", source)
        })
    }
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
        let mut options = ClientOptions::default();
        concat!("oi/", env!("CARGO_PKG_VERSION")).clone_into(&mut options.user_agent);
        // Only what a variable is needed for must be able to fail because of it.
        if !api_url.is_https() && !api_url.is_loopback() {
            options.allow_insecure_http = self.allows_insecure_http()?;
        }
        if api_url.is_https()
            && let Some(path) = self.environment.path(environment::CERT_FILE)?
        {
            let failed = |error: String| {
                let message = format!("{} {}: {error}", environment::CERT_FILE, path.display());
                Failure::new(ExitCode::Failure, "certificates_unreadable", message)
            };
            let pem = fs::read(&path).map_err(|error| failed(error.to_string()))?;
            options
                .trust_only(&pem)
                .map_err(|error| failed(error.to_string()))?;
        }
        let token = credential.map(|credential| PlainSecret::new(credential.secret.expose()));
        Ok(Client::with_options(api_url, token.as_ref(), &options)?)
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
