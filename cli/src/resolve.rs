//! Which profile, which token, which server, which agent: pure functions of flags, environment and file.

use openindex_adapters_http::client::BaseUrl;
use openindex_adapters_http::{DEFAULT_LISTEN, TOKENS_PAGE};
use openindex_domain::token::{Secret, TokenKind};
use openindex_domain::work_item::AgentId;

use crate::cli::Globals;
use crate::config::{Config, Profile};
use crate::environment::{self, Environment};
use crate::error::Failure;
use crate::exit_code::ExitCode;
use crate::render::redact;
use crate::token;

/// What the choices are made from.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) globals: &'a Globals,
    pub(crate) environment: &'a Environment,
    /// Why the file cannot be read is an error only for what is looked up in it.
    pub(crate) config: Result<&'a Config, &'a Failure>,
}

/// A token, and where it is from.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) secret: Secret,
    pub(crate) source: TokenSource,
}

/// Where a token is from; shown as `OPENINDEX_TOKEN` or `profile:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenSource {
    Environment,
    Profile(String),
}

/// Which server to talk to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) app_url: BaseUrl,
    /// What API paths are appended to.
    pub(crate) api_url: BaseUrl,
    pub(crate) source: ServerSource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerSource {
    Flag,
    Environment,
    Profile,
    /// Nothing names one.
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
    /// Where `oi-server` listens by default, on this machine.
    pub(crate) fn default_one() -> Result<Self, Failure> {
        let url = base_url(&default_url(), "the default server")?;
        Ok(Self {
            app_url: url.clone(),
            api_url: url,
            source: ServerSource::Default,
        })
    }

    /// Returns the URL of the page where users create tokens.
    pub(crate) fn tokens_page(&self) -> String {
        format!("{}{TOKENS_PAGE}", self.app_url)
    }

    /// Adds to a failure what is to be known of the address: where it is from when nothing is at the
    /// URL that it led to, and that nothing chose the default one, which cannot be reached.
    pub(crate) fn explain(&self, failure: Failure) -> Failure {
        if let Some(url) = failure.asked_for_nothing() {
            let hint = format!(
                "requested {url}; the server address {} is from {}: check it, a path in it included",
                self.api_url,
                self.source.as_str()
            );
            let (url, source) = (url.to_owned(), self.source.as_str());
            return failure
                .also(&hint)
                .detail("requestedUrl", url)
                .detail("appUrlSource", source);
        }
        if self.source != ServerSource::Default || failure.code != "unreachable" {
            return failure;
        }
        failure
            .hint("no server is set, so this default was tried")
            .next(SET_SERVER)
    }
}

/// Sets the server of the profile.
pub(crate) const SET_SERVER: &str = "oi profile set --app-url https://openindex.example.com";

/// The URL of the server when nothing names one.
pub(crate) fn default_url() -> String {
    format!("http://{DEFAULT_LISTEN}")
}

impl<'a> Sources<'a> {
    fn config(&self) -> Result<&'a Config, Failure> {
        self.config.map_err(Clone::clone)
    }

    /// `--profile`, `OPENINDEX_PROFILE`, `current_profile`, `default`: the name, and whether
    /// somebody chose it.
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

    /// The name of the profile to use, which need not exist.
    pub(crate) fn profile_name(&self) -> Result<String, Failure> {
        Ok(self.chosen_profile()?.0)
    }

    /// The profile to use. A name that somebody chose must exist: a mistyped one must not turn
    /// into no profile. Without a choice there may be none.
    pub(crate) fn profile(&self) -> Result<(String, Option<&'a Profile>), Failure> {
        let (name, chosen) = self.chosen_profile()?;
        match self.config()?.profiles.get(&name) {
            None if chosen => Err(profile_not_found(&name)),
            profile => Ok((name, profile)),
        }
    }

    /// `OPENINDEX_TOKEN` over the profile's token.
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

    /// `--app-url`, `OPENINDEX_APP_URL`, the profile's server, the default. The first two are taken
    /// as they are; for the profile's, it is known where its API is.
    pub(crate) fn server(&self) -> Result<Server, Failure> {
        if let Some((text, source)) = self.given_server()? {
            let app_url = base_url(&text, source.as_str())?;
            return Ok(Server {
                api_url: app_url.clone(),
                app_url,
                source,
            });
        }
        let (name, profile) = self.profile()?;
        match profile.map(|profile| profile_server(&name, profile)) {
            Some(Ok(Some(server))) => Ok(server),
            Some(Err(failure)) => Err(failure),
            Some(Ok(None)) | None => Server::default_one(),
        }
    }

    fn given_server(&self) -> Result<Option<(String, ServerSource)>, Failure> {
        if let Some(text) = &self.globals.app_url {
            return Ok(Some((text.clone(), ServerSource::Flag)));
        }
        let text = self.environment.get(environment::APP_URL)?;
        Ok(text.map(|text| (text, ServerSource::Environment)))
    }

    /// `--agent-id`, `OPENINDEX_AGENT_ID`, the profile's agent.
    pub(crate) fn agent(&self, flag: Option<&AgentId>) -> Result<Option<AgentId>, Failure> {
        if let Some(agent) = flag {
            return Ok(Some(agent.clone()));
        }
        if let Some(text) = self.environment.get(environment::AGENT_ID)? {
            return AgentId::parse(&text)
                .map(Some)
                .map_err(|error| Failure::usage(format!("{} {error}", environment::AGENT_ID)));
        }
        let (name, profile) = self.profile()?;
        let agent = profile.and_then(|profile| profile.agent_id.as_deref());
        agent.map(AgentId::parse).transpose().map_err(|error| {
            Failure::usage(format!("agent_id of the profile {name} {error}"))
                .next("oi profile set --agent-id ID")
        })
    }

    /// The agent to name to the server when work is done with a token of this kind; with `None` a
    /// person works for themselves, and a run as the agent that it was started for. What was set
    /// up for a person's agent says nothing about a run's, so that only the flag is passed on.
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

/// The server of a profile, if it has one.
pub(crate) fn profile_server(name: &str, profile: &Profile) -> Result<Option<Server>, Failure> {
    let Some(app_url) = &profile.app_url else {
        return Ok(None);
    };
    let app_url = base_url(app_url, &format!("app_url of the profile {name}"))?;
    let api_url = match &profile.api_url {
        None => app_url.clone(),
        Some(api_url) => base_url(api_url, &format!("api_url of the profile {name}"))?,
    };
    Ok(Some(Server {
        app_url,
        api_url,
        source: ServerSource::Profile,
    }))
}

pub(crate) fn base_url(text: &str, source: &str) -> Result<BaseUrl, Failure> {
    // Not quoted: it may hold a password.
    BaseUrl::parse(text).map_err(|error| {
        // As an env file has them, whose reader keeps them.
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
                // The profile would not change anything: the variable is over it.
                TokenSource::Environment => {
                    failure.hint("set OPENINDEX_TOKEN to a token, or unset it to use the profile's")
                }
                TokenSource::Profile(_) => failure.next("oi profile set --token -"),
            })
        }
    }
}

/// A token that is set but not there is no token.
fn no_credential(failure: Failure) -> Failure {
    let mut failure = failure;
    failure.exit = ExitCode::Auth;
    "authentication_required".clone_into(&mut failure.code);
    failure.detail("source", environment::TOKEN)
}

pub(crate) fn profile_not_found(name: &str) -> Failure {
    Failure::new(
        ExitCode::Failure,
        "profile_not_found",
        format!("there is no profile named {name}"),
    )
    .next("oi profile list")
}

#[cfg(test)]
mod tests;
