//! `oi profile`: manages profiles (server URL and token).

mod delete;
mod list;
mod set;
mod show;
mod use_profile;

pub(crate) use set::check_name;

use clap::{Arg, Subcommand};
use serde::Serialize;

use crate::app::App;
use crate::commands::completions;
use crate::config::Profile;
use crate::error::CliError;
use crate::field::Field;
use crate::render::{masked, plain, redact};
use crate::resolve::{ServerSource, default_url};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List profiles
    #[command(visible_alias = "ls", after_help = "Examples:\n  oi profile list")]
    List,
    /// Show a profile, with its token masked
    #[command(alias = "get")]
    Show(show::Args),
    /// Create or change a profile
    Set(set::Args),
    /// Set the current profile
    Use(use_profile::Args),
    /// Delete profiles; their tokens stay valid
    #[command(visible_alias = "rm")]
    Delete(delete::Args),
}

pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::List => list::run(app),
        Command::Show(args) => show::run(args, app),
        Command::Set(args) => set::run(args, app),
        Command::Use(args) => use_profile::run(args, app),
        Command::Delete(args) => delete::run(args, app),
    }
}

/// The name of a profile.
struct ProfileName;

impl Field for ProfileName {
    type Value = String;
    const POSITIONAL: &'static str = "NAME";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("name", "NAME", "Name of the profile")];

    fn customize(arg: Arg) -> Arg {
        arg.add(completions::profiles())
    }
}

/// A profile without secrets.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: String,
    /// Whether commands use this profile by default.
    current: bool,
    app_url: Option<String>,
    api_url: String,
    /// `default` if the profile has no server.
    api_resolution_source: &'static str,
    /// The masked token.
    token: Option<String>,
    agent_id: Option<String>,
}

impl Shown {
    /// Redacts every value: a secret may be in any field of a file that was edited by hand.
    fn new(name: &str, current: bool, profile: &Profile) -> Self {
        let shown = |value: &Option<String>| value.as_deref().map(redact);
        let app_url = shown(&profile.app_url);
        let source = match app_url {
            Some(_) => ServerSource::Profile,
            None => ServerSource::Default,
        };
        Self {
            name: redact(name),
            current,
            // Without a server, the profile uses the default one.
            api_url: app_url
                .clone()
                .map_or_else(default_url, |url| shown(&profile.api_url).unwrap_or(url)),
            app_url,
            api_resolution_source: source.as_str(),
            token: profile.token.as_ref().map(|token| masked(token.expose())),
            agent_id: shown(&profile.agent_id),
        }
    }

    /// Returns the rows about the server.
    fn server_rows(&self) -> [(&'static str, String); 2] {
        let api_url = plain(&self.api_url);
        [
            ("app url", or_dash(self.app_url.as_ref())),
            (
                "api url",
                format!("{api_url} (from {})", self.api_resolution_source),
            ),
        ]
    }
}

/// Formats an optional value; `-` if it is missing.
fn or_dash(value: Option<&String>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| crate::render::plain(value))
}
