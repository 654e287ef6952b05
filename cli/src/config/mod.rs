//! The config file: the profiles and the current profile.

mod path;
mod store;
mod unique;
mod write;

use std::collections::BTreeMap;

use openindex_adapters_http::wire::PlainSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use path::ConfigPath;
pub(crate) use store::{ConfigStore, mode};
pub(crate) use write::directory_of;

/// The content of the config file. Fields that this version does not know are preserved.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Config {
    /// The profile to use if none is chosen by flag or variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current_profile: Option<String>,
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

/// The profile to use if no other is configured.
const DEFAULT_PROFILE: &str = "default";

/// The format version of the file, read first because another version may change everything else.
#[derive(Deserialize)]
struct FileVersion {
    /// `None` means version 1.
    version: Option<Value>,
}

/// The format version that this `oi` reads and writes.
const VERSION: u64 = 1;

impl Config {
    /// Returns the name of the profile to use if none is chosen by flag or variable.
    pub(crate) fn current_or_default(&self) -> &str {
        self.current_profile.as_deref().unwrap_or(DEFAULT_PROFILE)
    }
}

/// A server and the credential for it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The server's URL, as the user typed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app_url: Option<String>,
    /// The URL of its API, discovered when the profile was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<PlainSecret>,
    /// The agent to work as, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent_id: Option<String>,
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}
