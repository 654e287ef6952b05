//! `oi profile`: servers and tokens under names.

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
use crate::render::masked;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the profiles
    #[command(visible_alias = "ls", after_help = "Examples:\n  oi profile list")]
    List,
    /// Show a profile, its token masked
    Show(show::Args),
    /// Make a profile, or change it
    Set(set::Args),
    /// Make a profile the current one
    Use(use_profile::Args),
}

pub(crate) fn run(command: &Command, app: &mut App<'_>) -> Result<(), CliError> {
    match command {
        Command::List => list::run(app),
        Command::Show(args) => show::run(args, app),
        Command::Set(args) => set::run(args, app),
        Command::Use(args) => use_profile::run(args, app),
    }
}

/// Which profile.
struct ProfileName;

impl Field for ProfileName {
    type Value = String;
    const PLACE: &'static str = "NAME";
    const FLAGS: &'static [(&'static str, &'static str, &'static str)] =
        &[("name", "NAME", "Name of the profile")];

    fn dress(arg: Arg) -> Arg {
        arg.add(completions::profiles())
    }
}

/// A profile as it may be shown.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: String,
    /// Whether commands use it when no profile is named.
    current: bool,
    app_url: Option<String>,
    api_url: Option<String>,
    /// Masked.
    token: Option<String>,
    agent_id: Option<String>,
}

impl Shown {
    fn new(name: &str, current: bool, profile: &Profile) -> Self {
        Self {
            name: name.to_owned(),
            current,
            app_url: profile.app_url.clone(),
            api_url: profile.api_url.clone().or_else(|| profile.app_url.clone()),
            token: profile.token.as_ref().map(|token| masked(token.expose())),
            agent_id: profile.agent_id.clone(),
        }
    }
}

/// For a person, what is not there.
fn or_dash(value: Option<&String>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| crate::render::plain(value))
}
