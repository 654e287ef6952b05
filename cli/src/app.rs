//! What a command works with: the sources of its settings, the clock, the output, the server.

use std::fs;

use openindex_adapters_http::client::{BaseUrl, Client, ClientError, ClientOptions};
use openindex_adapters_http::wire::PlainSecret;
use openindex_domain::clock::{Clock, Timestamp};
use openindex_domain::token::TokenKind;

use crate::cli::Globals;
use crate::config::{Config, ConfigStore};
use crate::environment::{self, Environment};
use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::resolve::{Credential, Server, ServerSource, Sources, TokenSource, profile_server};

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
            let failure = Failure::from(error);
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

    pub(crate) fn sources<'a>(&'a self, config: &'a Config) -> Sources<'a> {
        Sources {
            globals: self.globals,
            environment: self.environment,
            config,
        }
    }

    /// The config file's content, with a warning when others can read it.
    pub(crate) fn config(&mut self) -> Result<Config, CliError> {
        let config = self.store.load()?;
        if let Some((what, command)) = self.store.exposure() {
            self.out.warn(&format!("{what}; close it with: {command}"));
        }
        Ok(config)
    }

    /// The server as whoever the token belongs to.
    pub(crate) fn session(&mut self) -> Result<Session, CliError> {
        self.open(|_| Ok(()))
    }

    /// As [`App::session`], for what only a human may do: an agent run's token is refused before
    /// anything is sent. The server refuses it as well.
    pub(crate) fn human_session(&mut self) -> Result<Session, CliError> {
        self.open(|credential| {
            if credential.secret.kind() == TokenKind::Personal {
                return Ok(());
            }
            Err(Failure::new(
                ExitCode::Auth,
                "human_token_required",
                format!(
                    "the token from {} is an agent run's (oi_run_…); settings need a personal \
                     access token (oi_pat_…)",
                    credential.source
                ),
            )
            .hint("unset OPENINDEX_TOKEN to act with your profile's token, or ask a person to do this")
            .next("oi auth check"))
        })
    }

    fn open(
        &mut self,
        check: impl FnOnce(&Credential) -> Result<(), Failure>,
    ) -> Result<Session, CliError> {
        let config = self.config()?;
        let sources = self.sources(&config);
        let credential = sources.credential()?.ok_or_else(no_token)?;
        check(&credential)?;
        let server = sources.server()?.ok_or_else(no_server)?;
        if let Some(warning) = strange_server(&server, &credential, &config)? {
            self.out.warn(&warning);
        }
        Ok(Session {
            client: self.client(&server.api_url, Some(&credential))?,
            server,
            credential,
        })
    }

    /// A client for a server, with a token or without.
    pub(crate) fn client(
        &self,
        api_url: &BaseUrl,
        credential: Option<&Credential>,
    ) -> Result<Client, CliError> {
        let mut options = ClientOptions::default();
        concat!("oi/", env!("CARGO_PKG_VERSION")).clone_into(&mut options.user_agent);
        options.allow_insecure_http = self
            .environment
            .get(environment::ALLOW_INSECURE_HTTP)
            .is_some_and(|value| value == "1");
        // Only what it is needed for must be able to fail because of it.
        if api_url.is_https()
            && let Some(path) = self.environment.path(environment::CERT_FILE)
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

/// There is no token to act with.
pub(crate) fn no_token() -> Failure {
    Failure::new(
        ExitCode::Auth,
        "authentication_required",
        "no token: neither OPENINDEX_TOKEN nor the profile has one",
    )
    .next("oi profile set --token -")
}

/// There is no server to talk to.
pub(crate) fn no_server() -> Failure {
    Failure::new(
        ExitCode::Failure,
        "no_server",
        "no server: neither --app-url nor OPENINDEX_APP_URL nor the profile names one",
    )
    .next("oi profile set --app-url https://openindex.example.com")
}
