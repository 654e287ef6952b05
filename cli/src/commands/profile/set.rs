use openindex_adapters_http::client::BaseUrl;
use openindex_adapters_http::wire::PlainSecret;
use openindex_domain::work_item::AgentId;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::commands::prelude::*;
use crate::config::Config;
use crate::discovery::{self, Resolution};
use crate::exit_code::ExitCode;
use crate::prompt;
use crate::resolve::{ServerSource, base_url, default_url, profile_server};
use crate::token;

use super::shown::{ProfileName, check_name, rows};

#[derive(clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a separate flag on the command line"
)]
#[command(after_help = "\
Without NAME, changes the profile that commands use by default. Settings that are not passed stay
unchanged. oi asks the server at --app-url for its API URL and saves it in the profile. A profile
without a server uses http://127.0.0.1:8080, the default address of oi-server.

A token on the command line is visible to other users on this machine and saved in shell history:
`--token -` prompts for it, or reads it from standard input.

Examples:
  oi profile set --app-url https://openindex.example.com --token -
  oi profile set work --token - --use < token.txt
  oi profile set work --clear-token")]
pub(crate) struct Set {
    #[command(flatten)]
    name: Optional<ProfileName>,
    /// Token; - prompts for it, or reads it from standard input
    #[arg(
        long,
        value_name = "TOKEN|-",
        conflicts_with = "clear_token",
        allow_hyphen_values = true
    )]
    token: Option<String>,
    /// Agent to work as
    #[arg(long, value_name = "ID", conflicts_with = "clear_agent_id")]
    agent_id: Option<String>,
    /// Make this the current profile
    #[arg(long = "use")]
    make_current: bool,
    /// Remove the server URL
    #[arg(long)]
    clear_app_url: bool,
    /// Remove the token
    #[arg(long)]
    clear_token: bool,
    /// Remove the agent
    #[arg(long)]
    clear_agent_id: bool,
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Set")
            .field("name", &self.name.0)
            .field("token", &self.token.as_ref().map(|_| "[redacted]"))
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SetOutput {
    profile: String,
    current: bool,
    config_path: String,
    app_url: Option<String>,
    resolved_api_url: String,
    api_resolution_source: &'static str,
    token: Option<String>,
    agent_id: Option<String>,
}

pub(super) fn run(args: &Set, app: &mut App<'_>) -> Result<(), CliError> {
    let config = app.config()?;
    let name = name(args, app, &config)?;
    let app_url = app_url(args, app)?;
    let values = [&args.token, &args.agent_id];
    let flags = [
        args.make_current,
        args.clear_app_url,
        args.clear_token,
        args.clear_agent_id,
    ];
    if app_url.is_none() && values == [&None, &None] && flags == [false; 4] {
        let message =
            "nothing to set; pass --app-url, --token, --agent-id, --use or one of --clear-…";
        return Err(Failure::usage(message).into());
    }
    let agent_id = args.agent_id.as_deref().map(agent_id).transpose()?;
    let token = match &args.token {
        None => None,
        Some(text) => Some(new_token(text, app)?),
    };
    let old = config.profiles.get(&name);
    let old = old.and_then(|profile| profile.token.as_ref());
    let resolution = if args.clear_app_url {
        None
    } else {
        resolve(app_url.as_ref(), &name, &config, app)?
    };
    if let Some(note) = resolution.as_ref().and_then(|it| it.note.as_ref()) {
        app.out.note(note);
    }
    let unchanged = token.is_none() && !args.clear_token && old.is_some();
    if unchanged
        && let Some(url) = &app_url
        && let Some(server) = profile_server(&config, &name)?
        && !server.app_url.same_origin(url)
    {
        app.out.note(&format!(
            "the profile still has the token for {}; to remove it, pass --clear-token",
            server.app_url
        ));
    }
    let tokens = old.zip(token.as_ref());
    let replaces = tokens.is_some_and(|(old, new)| old.expose().trim() != new.expose());
    let change = Change {
        name: &name,
        args,
        app_url,
        resolution,
        agent_id,
        token,
    };
    let mut output = app.store.update(|config| Ok(change.apply(config)))?;
    if replaces {
        app.out.note(&format!(
            "replaced the token of profile {name}; the old token stays valid until it expires \
             or is revoked"
        ));
    }
    output.config_path = app.store.file()?.display().to_string();
    app.out.print(&output, |style| {
        let server = (
            output.resolved_api_url.as_str(),
            output.api_resolution_source,
        );
        let rows = rows(
            output.app_url.as_deref(),
            server,
            output.token.as_deref(),
            output.agent_id.as_deref(),
            &output.config_path,
        );
        let current = if output.current { " (current)" } else { "" };
        format!(
            "{} Saved profile {}{current}\n{}",
            style.done(),
            style.bold(&plain(&output.profile)),
            fields(&rows, style)
        )
    })
}

/// A validated change of a profile.
struct Change<'a> {
    name: &'a str,
    args: &'a Set,
    app_url: Option<BaseUrl>,
    resolution: Option<Resolution>,
    agent_id: Option<String>,
    token: Option<PlainSecret>,
}

impl Change<'_> {
    fn apply(self, config: &mut Config) -> SetOutput {
        // The first profile becomes the current one.
        if self.args.make_current
            || (config.profiles.is_empty() && config.current_profile.is_none())
        {
            config.current_profile = Some(self.name.to_owned());
        }
        let current = config.current_profile.as_deref() == Some(self.name);
        let profile = config.profiles.entry(self.name.to_owned()).or_default();
        if self.args.clear_app_url {
            profile.app_url = None;
            profile.api_url = None;
        }
        if self.args.clear_token {
            profile.token = None;
        }
        if self.args.clear_agent_id {
            profile.agent_id = None;
        }
        if let Some(app_url) = self.app_url {
            profile.app_url = Some(app_url.to_string());
        }
        if let Some(resolution) = &self.resolution {
            profile.api_url = Some(resolution.api_url.to_string());
        }
        profile.agent_id = self.agent_id.or(profile.agent_id.take());
        profile.token = self.token.or(profile.token.take());
        SetOutput {
            profile: self.name.to_owned(),
            current,
            config_path: String::new(),
            app_url: profile.app_url.clone(),
            resolved_api_url: profile.api_url.clone().unwrap_or_else(default_url),
            api_resolution_source: self
                .resolution
                .map_or(ServerSource::Default.as_str(), |resolution| {
                    resolution.source
                }),
            token: profile.token.as_ref().map(|token| masked(token.expose())),
            agent_id: profile.agent_id.clone(),
        }
    }
}

/// Returns the name from the arguments, or else the profile that commands use by default.
fn name(args: &Set, app: &App<'_>, config: &Config) -> Result<String, Failure> {
    let name = match (&args.name.0, &app.globals.profile) {
        (Some(one), Some(other)) if one != other => {
            return Err(Failure::usage(
                "NAME and --profile are different profiles; pass only one of them",
            ));
        }
        (Some(name), _) => name.clone(),
        (None, _) => app.sources(Ok(config)).profile_name()?,
    };
    check_name(&name)?;
    Ok(name)
}

/// Returns the server to save, from the flag. A server in the environment is not saved.
fn app_url(args: &Set, app: &App<'_>) -> Result<Option<BaseUrl>, Failure> {
    match &app.globals.app_url {
        Some(_) if args.clear_app_url => Err(Failure::usage(
            "--app-url and --clear-app-url cannot be combined",
        )),
        Some(text) => base_url(text, "--app-url").map(Some),
        None => Ok(None),
    }
}

fn agent_id(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::usage(
            "--agent-id must not be blank; to remove it, pass --clear-agent-id",
        ));
    }
    Ok(AgentId::parse(text).named("--agent-id")?.to_string())
}

/// Returns the token to save after validating it.
fn new_token(text: &str, app: &mut App<'_>) -> Result<PlainSecret, CliError> {
    let text = if text == "-" {
        prompt::read_token()?
    } else {
        app.out.note(
            "a token on the command line is visible to other users and saved in shell history; \
             --token - reads it from standard input",
        );
        Zeroizing::new(text.to_owned())
    };
    match token::parse(&text) {
        Ok(secret) => Ok(PlainSecret::new(secret.expose())),
        Err(error) => {
            let message = format!("the token was not saved: {error}");
            let mut failure = Failure::new(ExitCode::Usage, "token_malformed", message);
            if text.trim().is_empty() && !prompt::can_ask_hidden() {
                failure = failure.hint(
                    "standard input has no token; if it is a pipe, see the error of the command \
                     before it. The profile was not changed",
                );
            }
            Err(failure.into())
        }
    }
}

/// Determines the API URL. The server is asked if it is new, or if its API URL is not saved yet.
fn resolve(
    app_url: Option<&BaseUrl>,
    name: &str,
    config: &Config,
    app: &App<'_>,
) -> Result<Option<Resolution>, Failure> {
    let discover = |url| Ok(Some(discovery::discover(&app.client(url, None)?)));
    if let Some(url) = app_url {
        return discover(url);
    }
    let Some(server) = profile_server(config, name)? else {
        return Ok(None);
    };
    let profile = config.profiles.get(name);
    if profile.is_none_or(|profile| profile.api_url.is_none()) {
        return discover(&server.app_url);
    }
    Ok(Some(Resolution {
        api_url: server.api_url,
        source: discovery::PROFILE,
        note: None,
    }))
}
