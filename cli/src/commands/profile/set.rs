use openindex_adapters_http::client::BaseUrl;
use openindex_adapters_http::wire::PlainSecret;
use openindex_domain::work_item::AgentId;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::app::App;
use crate::config::{Config, Profile};
use crate::discovery::{self, Resolution};
use crate::error::{CliError, Failure};
use crate::field::Optional;
use crate::prompt;
use crate::render::{fields, masked, plain};
use crate::resolve::{ServerSource, base_url, default_url, profile_server};
use crate::token;

use super::{ProfileName, or_dash};

const MAX_NAME_CHARS: usize = 64;

/// What to put into the profile, and what to take out of it.
#[derive(clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
#[command(after_help = "\
Without a name: the profile that commands would use. What is not named stays as it is. The server is
given with --app-url and asked where its API is; the answer is kept. Without one,
http://127.0.0.1:8080 is used, where oi-server listens by default.

A token on the command line can be seen by others on this machine and stays in the shell's history:
`--token -` asks for it, or reads it from standard input.

Examples:
  oi profile set --app-url https://openindex.example.com --token -
  oi profile set work --token - --use < token.txt
  oi profile set work --clear-token")]
pub(crate) struct Args {
    #[command(flatten)]
    name: Optional<ProfileName>,
    /// The token; - asks for it, or reads it from standard input
    #[arg(
        long,
        value_name = "TOKEN|-",
        conflicts_with = "clear_token",
        allow_hyphen_values = true
    )]
    token: Option<String>,
    /// Which agent this profile stands for
    #[arg(long, value_name = "ID", conflicts_with = "clear_agent_id")]
    agent_id: Option<String>,
    /// Make it the current profile
    #[arg(long = "use")]
    make_current: bool,
    /// Take the server out
    #[arg(long)]
    clear_app_url: bool,
    /// Take the token out
    #[arg(long)]
    clear_token: bool,
    /// Take the agent out
    #[arg(long)]
    clear_agent_id: bool,
}

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args")
            .field("name", &self.name.0)
            .field("token", &self.token.as_ref().map(|_| "[redacted]"))
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    profile: String,
    current: bool,
    config_path: String,
    app_url: Option<String>,
    resolved_api_url: String,
    api_resolution_source: &'static str,
    token: Option<String>,
    agent_id: Option<String>,
}

pub(super) fn run(args: &Args, app: &mut App<'_>) -> Result<(), CliError> {
    let config = app.config()?;
    let name = name(args, app, &config)?;
    let app_url = app_url(args, app)?;
    let changes_nothing = app_url.is_none()
        && args.token.is_none()
        && args.agent_id.is_none()
        && ![
            args.make_current,
            args.clear_app_url,
            args.clear_token,
            args.clear_agent_id,
        ]
        .contains(&true);
    if changes_nothing {
        return Err(Failure::usage(
            "nothing to set; give --app-url, --token, --agent-id, --use or one of --clear-…",
        )
        .into());
    }
    let agent_id = args.agent_id.as_deref().map(agent_id).transpose()?;
    let token = match &args.token {
        None => None,
        Some(text) => Some(new_token(text, app)?),
    };
    let before = config.profiles.get(&name);
    let resolution = if args.clear_app_url {
        None
    } else {
        resolve(app_url.as_ref(), &name, before, app)?
    };
    if let Some(note) = resolution.as_ref().and_then(|it| it.note.as_ref()) {
        app.out.note(note);
    }
    if token.is_none() && !args.clear_token {
        note_kept_token(app_url.as_ref(), &name, before, app)?;
    }
    let replaces = before
        .and_then(|profile| profile.token.as_ref())
        .zip(token.as_ref())
        .is_some_and(|(old, new)| old.expose().trim() != new.expose());
    let change = Change {
        name: &name,
        args,
        app_url,
        resolution,
        agent_id,
        token,
    };
    let mut answer = app.store.update(|config| Ok(change.apply(config)))?;
    if replaces {
        app.out.note(&format!(
            "replaced the token of profile {name}; the old one stays live until it expires or is \
             revoked"
        ));
    }
    answer.config_path = app.store.file()?.display().to_string();
    app.out.answer(&answer, |style| {
        let api_url = format!(
            "{} (from {})",
            plain(&answer.resolved_api_url),
            answer.api_resolution_source
        );
        let rows = [
            ("app url", or_dash(answer.app_url.as_ref())),
            ("api url", api_url),
            ("token", or_dash(answer.token.as_ref())),
            ("agent id", or_dash(answer.agent_id.as_ref())),
            ("config", plain(&answer.config_path)),
        ];
        let current = if answer.current { " (current)" } else { "" };
        format!(
            "{} Saved the profile {}{current}\n{}",
            style.done(),
            style.bold(&plain(&answer.profile)),
            fields(&rows, style)
        )
    })
}

/// What is to be done to the file, all of it checked.
struct Change<'a> {
    name: &'a str,
    args: &'a Args,
    app_url: Option<BaseUrl>,
    resolution: Option<Resolution>,
    agent_id: Option<String>,
    token: Option<PlainSecret>,
}

impl Change<'_> {
    fn apply(self, config: &mut Config) -> Answer {
        // The first profile is the one that is meant from then on.
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
        Answer {
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

/// The name as an argument, or the profile that commands would use.
fn name(args: &Args, app: &App<'_>, config: &Config) -> Result<String, Failure> {
    let name = match (&args.name.0, &app.globals.profile) {
        (Some(one), Some(other)) if one != other => {
            return Err(Failure::usage(
                "two profiles are named; which one is meant?",
            ));
        }
        (Some(name), _) => name.clone(),
        (None, _) => app.sources(Ok(config)).profile_name()?,
    };
    check_name(&name)?;
    Ok(name)
}

/// Whether a profile may have this name.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    if name.starts_with("oi_pat_") || name.starts_with("oi_run_") {
        return Err(Failure::usage(
            "that is a token and not a profile; give it with --token -",
        ));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.len() > MAX_NAME_CHARS || !name.chars().all(fits) {
        return Err(Failure::usage(format!(
            "a profile's name has 1 to {MAX_NAME_CHARS} letters, digits, dots, dashes and underscores"
        )));
    }
    Ok(())
}

/// The server to store: the flag's. One in the environment is for now, and is not stored.
fn app_url(args: &Args, app: &App<'_>) -> Result<Option<BaseUrl>, Failure> {
    match &app.globals.app_url {
        Some(_) if args.clear_app_url => Err(Failure::usage(
            "--app-url and --clear-app-url contradict each other",
        )),
        Some(text) => base_url(text, "--app-url").map(Some),
        None => Ok(None),
    }
}

fn agent_id(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::usage(
            "--agent-id must not be blank; --clear-agent-id takes it out",
        ));
    }
    match AgentId::parse(text) {
        Ok(agent) => Ok(agent.to_string()),
        Err(error) => Err(Failure::usage(format!("--agent-id {error}"))),
    }
}

/// The token to store, well-formed.
fn new_token(text: &str, app: &mut App<'_>) -> Result<PlainSecret, CliError> {
    let text = if text == "-" {
        prompt::read_token()?
    } else {
        app.out.note(
            "others on this machine can see a token on the command line, and the shell's history \
             keeps it; --token - reads it from standard input",
        );
        Zeroizing::new(text.to_owned())
    };
    match token::parse(&text) {
        Ok(secret) => Ok(PlainSecret::new(secret.expose())),
        Err(error) => {
            let mut failure = Failure::usage(format!("the token was not stored: {error}"));
            "token_malformed".clone_into(&mut failure.code);
            if text.trim().is_empty() && !prompt::can_ask_hidden() {
                failure = failure.hint(
                    "the command before the pipe printed no token, and says why; the profile was left \
                     as it is",
                );
            }
            Err(failure.into())
        }
    }
}

/// Where the API is: the server is asked when it is new or was never asked.
fn resolve(
    app_url: Option<&BaseUrl>,
    name: &str,
    before: Option<&Profile>,
    app: &App<'_>,
) -> Result<Option<Resolution>, CliError> {
    let stored = match before {
        Some(profile) if app_url.is_none() => profile_server(name, profile)?,
        _ => None,
    };
    if let Some(server) = &stored
        && before.is_some_and(|profile| profile.api_url.is_some())
    {
        return Ok(Some(Resolution {
            api_url: server.api_url.clone(),
            source: discovery::PROFILE,
            note: None,
        }));
    }
    let Some(url) = app_url.or(stored.as_ref().map(|server| &server.app_url)) else {
        return Ok(None);
    };
    Ok(Some(discovery::discover(&app.client(url, None)?)))
}

/// A token that stays when the server changes goes to the new server from now on.
fn note_kept_token(
    app_url: Option<&BaseUrl>,
    name: &str,
    before: Option<&Profile>,
    app: &mut App<'_>,
) -> Result<(), Failure> {
    let (Some(app_url), Some(profile)) = (app_url, before) else {
        return Ok(());
    };
    if profile.token.is_some()
        && let Some(server) = profile_server(name, profile)?
        && !server.app_url.same_origin(app_url)
    {
        app.out.note(&format!(
            "the profile keeps its token, which was for {}; --clear-token takes it out",
            server.app_url
        ));
    }
    Ok(())
}
