//! The options that every command accepts.

use clap::Args;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use crate::config::ConfigStore;
use crate::environment::Environment;

/// The options that every command accepts.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// Profile to use
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        add = profiles(),
        value_parser = not_blank,
        help = "Profile to use [env: OPENINDEX_PROFILE]"
    )]
    pub(crate) profile: Option<String>,
    /// Server URL; overrides the profile's server
    #[arg(
        long,
        global = true,
        value_name = "URL",
        value_parser = not_blank,
        help = "Server URL; overrides the profile's server [env: OPENINDEX_APP_URL]"
    )]
    pub(crate) app_url: Option<String>,
    /// Print one JSON document, even on a terminal
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// Rejects a blank value: an empty variable in a script must not act like an omitted flag.
fn not_blank(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("must not be blank; omit the flag instead"),
        text => Ok(text.to_owned()),
    }
}

/// Completes the names of profiles; none if the config file cannot be read.
pub(crate) fn profiles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let environment = Environment::of_process();
        let config = ConfigStore::of_process(&environment).load();
        let profiles = config.into_iter().flat_map(|config| config.profiles);
        profiles
            .map(|(name, _)| CompletionCandidate::new(name))
            .collect()
    })
}
