//! Profiles on the command line and in the output.

use clap::Arg;
use serde::Serialize;

use crate::commands::prelude::*;
use crate::config::Profile;
use crate::globals::profiles;
use crate::resolve::{ServerSource, default_url};

const MAX_NAME_CHARS: usize = 64;

/// The name of a profile.
pub(crate) struct ProfileName;

impl Field for ProfileName {
    type Value = String;
    const POSITIONAL: &'static str = "NAME";
    const FLAGS: Flags = &[("name", "NAME", "Name of the profile")];

    fn customize(arg: Arg) -> Arg {
        arg.add(profiles())
    }
}

/// A profile without secrets.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    pub(super) name: String,
    /// Whether commands use this profile by default.
    pub(super) current: bool,
    pub(super) app_url: Option<String>,
    pub(super) api_url: String,
    /// `default` if the profile has no server.
    pub(super) api_resolution_source: &'static str,
    /// The masked token.
    pub(super) token: Option<String>,
    pub(super) agent_id: Option<String>,
}

impl Shown {
    /// Redacts every value: a secret may be in any field of a file that was edited by hand.
    pub(super) fn new(name: &str, current: bool, profile: &Profile) -> Self {
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
}

/// Formats the settings of a profile; the server is the API's URL and where it is from.
pub(super) fn rows(
    app_url: Option<&str>,
    (api_url, source): (&str, &str),
    token: Option<&str>,
    agent_id: Option<&str>,
    config: &str,
) -> [(&'static str, String); 5] {
    [
        ("app url", or(app_url, "-")),
        ("api url", format!("{} (from {source})", plain(api_url))),
        ("token", or(token, "-")),
        ("agent id", or(agent_id, "-")),
        ("config", plain(config)),
    ]
}

/// Validates the name of a profile.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    if name.starts_with("oi_pat_") || name.starts_with("oi_run_") {
        return Err(Failure::usage(
            "this is a token, not a profile name; pass it with --token -",
        ));
    }
    let is_valid = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.len() > MAX_NAME_CHARS || !name.chars().all(is_valid) {
        return Err(Failure::usage(format!(
            "profile name must be 1 to {MAX_NAME_CHARS} letters, digits, dots, dashes or \
             underscores"
        )));
    }
    Ok(())
}
