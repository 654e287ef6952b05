//! The environment, as a value: read once in `main`, passed on from there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use openindex_adapters_http::client::ProxyVariables;

/// The token to use, over every profile's.
pub(crate) const TOKEN: &str = "OPENINDEX_TOKEN";
/// The profile to use.
pub(crate) const PROFILE: &str = "OPENINDEX_PROFILE";
/// The server to use, over the profile's.
pub(crate) const APP_URL: &str = "OPENINDEX_APP_URL";
/// The agent to work as, over the profile's.
pub(crate) const AGENT_ID: &str = "OPENINDEX_AGENT_ID";
/// The config file.
pub(crate) const CONFIG: &str = "OPENINDEX_CONFIG";
/// The directory of the config file.
pub(crate) const CONFIG_DIR: &str = "OPENINDEX_CONFIG_DIR";
/// `1` allows plain http to other machines.
pub(crate) const ALLOW_INSECURE_HTTP: &str = "OPENINDEX_ALLOW_INSECURE_HTTP";
/// A PEM file of the only certificate authorities to trust.
pub(crate) const CERT_FILE: &str = "SSL_CERT_FILE";
/// A directory of such files, by the hashes of their subjects.
pub(crate) const CERT_DIR: &str = "SSL_CERT_DIR";
/// Any value turns colour off (<https://no-color.org>).
pub(crate) const NO_COLOR: &str = "NO_COLOR";
/// Any value but `0` turns colour on, without a terminal too.
pub(crate) const CLICOLOR_FORCE: &str = "CLICOLOR_FORCE";
/// `dumb` is a terminal that shows no colour.
pub(crate) const TERM: &str = "TERM";

/// Every variable that `oi` reads with what it does, for `oi schema`.
pub(crate) const ALL: [(&str, &str); 15] = [
    (
        TOKEN,
        "the token to use, over every profile's; the config file is not touched",
    ),
    (PROFILE, "the profile to use; --profile is over it"),
    (
        APP_URL,
        "the server to use, over the profile's; --app-url is over it",
    ),
    (
        AGENT_ID,
        "the agent to work as, over the profile's; --agent-id is over it, and a run's own agent too",
    ),
    (CONFIG, "the config file"),
    (
        CONFIG_DIR,
        "the directory of config.json, unless OPENINDEX_CONFIG is set",
    ),
    (
        ALLOW_INSECURE_HTTP,
        "1 sends tokens over plain http to other machines too",
    ),
    (
        CERT_FILE,
        "a PEM file of the only certificate authorities to trust",
    ),
    (
        CERT_DIR,
        "a directory of such files, named by the hashes of their subjects (c_rehash)",
    ),
    (
        "https_proxy",
        "the proxy to https:// servers; HTTPS_PROXY as well",
    ),
    (
        "http_proxy",
        "the proxy to http:// servers; as in curl, HTTP_PROXY is ignored",
    ),
    (
        "all_proxy",
        "the proxy to servers of either scheme; ALL_PROXY as well",
    ),
    (
        "no_proxy",
        "hosts, domains and networks that need no proxy, separated by commas; NO_PROXY as well",
    ),
    (NO_COLOR, "any value turns colour off"),
    (
        CLICOLOR_FORCE,
        "any value but 0 turns colour on, without a terminal too",
    ),
];

/// Variables by name. No `Debug`: one of them is a secret.
#[derive(Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// This process's.
    pub(crate) fn of_process() -> Self {
        let known = ALL.iter().map(|(name, _)| *name).chain([TERM]);
        let known = known.chain(ProxyVariables::NAMES);
        Self(
            known
                .filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?)))
                .collect(),
        )
    }

    /// The value without white space around it. A blank variable counts as unset; what is not
    /// Unicode comes with replacement characters, which no name, URL or token contains.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = self.0.get(name)?.to_string_lossy();
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The path in a variable, byte for byte. A blank variable counts as unset.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name)?;
        self.0.get(name).map(PathBuf::from)
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_variable_counts_as_unset() {
        let environment = Environment::from([(TOKEN, " \n"), (PROFILE, ""), (APP_URL, " x ")]);
        assert_eq!(environment.get(TOKEN), None);
        assert_eq!(environment.path(PROFILE), None);
        assert_eq!(environment.get(CONFIG), None);
        assert_eq!(environment.get(APP_URL).as_deref(), Some("x"));
    }
}
