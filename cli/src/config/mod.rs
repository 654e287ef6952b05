//! The config file: profiles, and which of them is the current one.

mod path;
mod store;
mod unique;
mod write;

use std::collections::BTreeMap;

use openindex_adapters_http::wire::PlainSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use path::{ConfigPath, locate};
pub(crate) use store::{ConfigStore, mode};

/// What the file holds. What this version does not know is kept as it is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Config {
    /// The profile that is used when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current_profile: Option<String>,
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

/// The profile that is used when nothing names one.
const DEFAULT_PROFILE: &str = "default";

/// What is read of a file before anything else: a later version may have moved all of it.
#[derive(Deserialize)]
struct Form {
    /// None is the first.
    version: Option<Value>,
}

/// The version of the file's form that this `oi` reads and writes.
const VERSION: u64 = 1;

impl Config {
    /// The profile that commands use unless told otherwise.
    pub(crate) fn current_or_default(&self) -> &str {
        self.current_profile.as_deref().unwrap_or(DEFAULT_PROFILE)
    }
}

/// One server, and who to be there.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The server, as the user wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app_url: Option<String>,
    /// Where its API is, as it said when the profile was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<PlainSecret>,
    /// Which agent this profile stands for, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent_id: Option<String>,
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}
