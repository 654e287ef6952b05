//! Chooses the profile, token, server and agent: pure functions of the flags, the environment and
//! the config file.

use openindex_adapters_http::client::BaseUrl;
use openindex_adapters_http::wire::PlainSecret;
use openindex_adapters_http::{DEFAULT_LISTEN, TOKENS_PAGE};
use openindex_domain::token::{Secret, TokenKind};
use openindex_domain::work_item::AgentId;

use crate::config::{Config, Profile};
use crate::environment::{self, Environment};
use crate::error::{Failure, Named as _};
use crate::exit_code::ExitCode;
use crate::globals::Globals;
use crate::render::redact;
use crate::token;

/// The inputs of every choice.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) globals: &'a Globals,
    pub(crate) environment: &'a Environment,
    /// The config file; a failure to read it counts only when something is looked up in it.
    pub(crate) config: Result<&'a Config, &'a Failure>,
}

/// A token and its source.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) secret: Secret,
    pub(crate) source: TokenSource,
}

impl Credential {
    /// Returns the token as a request has it.
    pub(crate) fn plain(&self) -> PlainSecret {
        PlainSecret::new(self.secret.expose())
    }
}

/// The source of a token; displayed as `OPENINDEX_TOKEN` or `profile:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenSource {
    Environment,
    Profile(String),
}

/// The server to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) app_url: BaseUrl,
    /// The URL that API paths are appended to.
    pub(crate) api_url: BaseUrl,
    pub(crate) source: ServerSource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerSource {
    Flag,
    Environment,
    Profile,
    /// No server is configured.
    Default,
}

impl std::fmt::Display for TokenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Environment => f.write_str(environment::TOKEN),
            Self::Profile(name) => write!(f, "profile:{}", redact(name)),
        }
    }
}

impl ServerSource {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "--app-url",
            Self::Environment => environment::APP_URL,
            Self::Profile => "profile",
            Self::Default => "default",
        }
    }
}

impl Server {
    /// Returns the server at the default address of `oi-server` on this machine.
    pub(crate) fn default_one() -> Result<Self, Failure> {
        let url = base_url(&default_url(), "the default server")?;
        Ok(Self::at(url, ServerSource::Default))
    }

    fn at(url: BaseUrl, source: ServerSource) -> Self {
        Self {
            app_url: url.clone(),
            api_url: url,
            source,
        }
    }

    /// Returns the URL of the page where users create tokens.
    pub(crate) fn tokens_page(&self) -> String {
        format!("{}{TOKENS_PAGE}", self.app_url)
    }

    /// Explains a failure that the URL may have caused: adds its source if nothing was found at it,
    /// or says that no server is configured if the default one is unreachable.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        if let Some(url) = failure.url_without_server() {
            let hint = format!(
                "requested {url}; check the server URL {} (from {}), including its path",
                self.api_url,
                self.source.as_str()
            );
            let (url, source) = (url.to_owned(), self.source.as_str());
            return failure
                .prepend_hint(&hint)
                .detail("requestedUrl", url)
                .detail("appUrlSource", source);
        }
        if self.source != ServerSource::Default || failure.code != "unreachable" {
            return failure;
        }
        failure
            .hint("no server is configured, so the default was used")
            .next(SET_SERVER)
    }
}

/// The command that sets the profile's server.
pub(crate) const SET_SERVER: &str = "oi profile set --app-url https://openindex.example.com";

/// Returns the server URL that is used when none is configured.
pub(crate) fn default_url() -> String {
    format!("http://{DEFAULT_LISTEN}")
}

impl<'a> Sources<'a> {
    fn config(&self) -> Result<&'a Config, Failure> {
        self.config.map_err(Clone::clone)
    }

    /// Returns the profile's name, and whether it was chosen explicitly: by `--profile`,
    /// `OPENINDEX_PROFILE` or `current_profile`; otherwise it is `default`.
    fn chosen_profile(&self) -> Result<(String, bool), Failure> {
        if let Some(name) = &self.globals.profile {
            return Ok((name.clone(), true));
        }
        if let Some(name) = self.environment.get(environment::PROFILE)? {
            return Ok((name, true));
        }
        let config = self.config()?;
        let name = config.current_or_default().to_owned();
        Ok((name, config.current_profile.is_some()))
    }

    /// Returns the name of the profile to use, which may not exist.
    pub(crate) fn profile_name(&self) -> Result<String, Failure> {
        Ok(self.chosen_profile()?.0)
    }

    /// Returns the profile to use. A profile that was chosen explicitly must exist, so that a typo
    /// is an error; the default one may be missing (`None`).
    pub(crate) fn profile(&self) -> Result<(String, Option<&'a Profile>), Failure> {
        let (name, chosen) = self.chosen_profile()?;
        match self.config()?.profiles.get(&name) {
            None if chosen => Err(profile_not_found(&name)),
            profile => Ok((name, profile)),
        }
    }

    /// Returns the token from `OPENINDEX_TOKEN`, or else the profile's; `None` if there is neither.
    pub(crate) fn credential(&self) -> Result<Option<Credential>, Failure> {
        let text = self.environment.get(environment::TOKEN);
        if let Some(text) = text.map_err(no_credential)? {
            return credential(&text, TokenSource::Environment).map(Some);
        }
        let (name, profile) = self.profile()?;
        profile
            .and_then(|profile| profile.token.as_ref())
            .map(|token| credential(token.expose(), TokenSource::Profile(name)))
            .transpose()
    }

    /// Returns the server from `--app-url`, `OPENINDEX_APP_URL`, the profile or the default, in
    /// this order. Only a profile can have an API URL that differs from the server's URL.
    pub(crate) fn server(&self) -> Result<Server, Failure> {
        let at = |text: &str, source: ServerSource| {
            base_url(text, source.as_str()).map(|url| Server::at(url, source))
        };
        if let Some(text) = &self.globals.app_url {
            return at(text, ServerSource::Flag);
        }
        if let Some(text) = self.environment.get(environment::APP_URL)? {
            return at(&text, ServerSource::Environment);
        }
        let (name, _) = self.profile()?;
        profile_server(self.config()?, &name)?.map_or_else(Server::default_one, Ok)
    }

    /// Returns the agent from `--agent-id`, `OPENINDEX_AGENT_ID` or the profile, in this order.
    pub(crate) fn agent(&self, flag: Option<&AgentId>) -> Result<Option<AgentId>, Failure> {
        if let Some(agent) = flag {
            return Ok(Some(agent.clone()));
        }
        if let Some(text) = self.environment.get(environment::AGENT_ID)? {
            return AgentId::parse(&text).map(Some).named(environment::AGENT_ID);
        }
        let (name, profile) = self.profile()?;
        let agent = profile.and_then(|profile| profile.agent_id.as_deref());
        agent.map(AgentId::parse).transpose().map_err(|error| {
            Failure::usage(format!("agent_id of profile {name} {error}"))
                .next("oi profile set --agent-id ID")
        })
    }

    /// Returns the agent to send to the server. `None` means that a user works without an agent, or
    /// that a run works as its own agent. For a run, only the flag counts: the environment and the
    /// profile describe the user's agent.
    pub(crate) fn working_agent(
        &self,
        flag: Option<&AgentId>,
        kind: TokenKind,
    ) -> Result<Option<AgentId>, Failure> {
        match kind {
            TokenKind::Personal => self.agent(flag),
            TokenKind::AgentRun => Ok(flag.cloned()),
        }
    }
}

/// Returns the server of the profile with this name, if there is one.
pub(crate) fn profile_server(config: &Config, name: &str) -> Result<Option<Server>, Failure> {
    let profile = config.profiles.get(name);
    let Some((profile, app_url)) = profile.and_then(|it| Some((it, it.app_url.as_ref()?))) else {
        return Ok(None);
    };
    let app_url = base_url(app_url, &format!("app_url of profile {name}"))?;
    let api_url = match &profile.api_url {
        None => app_url.clone(),
        Some(api_url) => base_url(api_url, &format!("api_url of profile {name}"))?,
    };
    Ok(Some(Server {
        app_url,
        api_url,
        source: ServerSource::Profile,
    }))
}

pub(crate) fn base_url(text: &str, source: &str) -> Result<BaseUrl, Failure> {
    // The text is not quoted: it may contain a password.
    BaseUrl::parse(text).map_err(|error| {
        // Some readers of .env files do not remove quotes.
        if text.starts_with(['"', '\'']) {
            return Failure::usage(format!("{source}: remove the quotes around the URL"));
        }
        Failure::usage(format!("{source}: {error}"))
    })
}

fn credential(text: &str, source: TokenSource) -> Result<Credential, Failure> {
    match token::parse(text) {
        Ok(secret) => Ok(Credential { secret, source }),
        Err(error) => {
            let message = format!("the token from {source} is malformed: {error}");
            let failure = Failure::new(ExitCode::Auth, "token_malformed", message)
                .detail("source", source.to_string());
            Err(match source {
                // Changing the profile would not help: the variable overrides it.
                TokenSource::Environment => failure.hint(
                    "set OPENINDEX_TOKEN to a valid token, or unset it to use the profile's token",
                ),
                TokenSource::Profile(_) => failure.next("oi profile set --token -"),
            })
        }
    }
}

/// Turns a blank `OPENINDEX_TOKEN` into an authentication failure.
fn no_credential(mut failure: Failure) -> Failure {
    failure.exit = ExitCode::Auth;
    "authentication_required".clone_into(&mut failure.code);
    failure.detail("source", environment::TOKEN)
}

/// Returns the failure to save a token because another process has saved one since.
pub(crate) fn profile_changed(name: &str) -> Failure {
    let message = format!("another process changed profile {name}");
    Failure::of("profile_changed", message)
}

pub(crate) fn profile_not_found(name: &str) -> Failure {
    Failure::of("profile_not_found", format!("no profile named {name}")).next("oi profile list")
}

#[cfg(test)]
mod tests;
