//! The environment, as a value: read once in `main`, passed on from there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use openindex_adapters_http::client::ProxyVariables;
use openindex_command_line::check;

use crate::error::Failure;

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

    /// Returns the value without white space around it, or `None` when the variable is unset. A
    /// failed substitution (`OPENINDEX_TOKEN=$(…)`) leaves it empty, and must not choose another
    /// identity or server than the one that was meant.
    ///
    /// # Errors
    ///
    /// A [`Failure`] when the variable is set but blank, or not Unicode.
    pub(crate) fn get(&self, name: &str) -> Result<Option<String>, Failure> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let value = check(value).map_err(|error| {
            Failure::usage(format!(
                "{name} {error}; unset it or set it to {}",
                meaning(name)
            ))
        })?;
        Ok(Some(value.to_owned()))
    }

    /// Returns the path in a variable, byte for byte.
    ///
    /// # Errors
    ///
    /// As for [`Environment::get`], except that a path need not be Unicode.
    pub(crate) fn path(&self, name: &str) -> Result<Option<PathBuf>, Failure> {
        if self
            .0
            .get(name)
            .is_some_and(|value| value.to_str().is_some())
        {
            self.get(name)?;
        }
        Ok(self.0.get(name).map(PathBuf::from))
    }

    /// Returns a variable whose convention takes empty for unset, such as `NO_COLOR`.
    pub(crate) fn convention(&self, name: &str) -> Option<&str> {
        check(self.0.get(name)?).ok()
    }
}

/// What a variable is set to.
fn meaning(name: &str) -> &'static str {
    match name {
        TOKEN => "a token",
        PROFILE => "the name of a profile",
        APP_URL => "the URL of a server",
        AGENT_ID => "the id of an agent",
        CONFIG => "the path of a file",
        CONFIG_DIR => "the path of a directory",
        CERT_FILE => "the path of a PEM file",
        CERT_DIR => "the path of a directory of PEM files",
        _ => "1",
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
    fn a_blank_variable_is_an_error_that_names_it_and_what_it_takes() {
        for blank in ["", " \n"] {
            let environment = Environment::from([(TOKEN, blank), (CONFIG, blank)]);
            assert_eq!(
                environment.get(TOKEN).unwrap_err().message,
                "OPENINDEX_TOKEN is set but empty; unset it or set it to a token"
            );
            assert_eq!(
                environment.path(CONFIG).unwrap_err().message,
                "OPENINDEX_CONFIG is set but empty; unset it or set it to the path of a file"
            );
            assert_eq!(environment.convention(CONFIG), None);
        }
    }

    #[test]
    fn an_unset_variable_is_none_and_a_set_one_is_trimmed() {
        let environment = Environment::from([(APP_URL, " x ")]);
        assert_eq!(environment.get(TOKEN).unwrap(), None);
        assert_eq!(environment.path(CONFIG).unwrap(), None);
        assert_eq!(environment.get(APP_URL).unwrap().as_deref(), Some("x"));
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_unicode_is_an_error_unless_it_is_a_path() {
        use std::os::unix::ffi::OsStringExt as _;
        let value = OsString::from_vec(b"/x\xff".to_vec());
        let variables = [(TOKEN, &value), (CONFIG, &value)];
        let environment = Environment(
            variables
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .into(),
        );
        let failure = environment.get(TOKEN).unwrap_err();
        assert!(
            failure
                .message
                .starts_with("OPENINDEX_TOKEN is not valid UTF-8")
        );
        assert_eq!(
            environment.path(CONFIG).unwrap(),
            Some(PathBuf::from(value))
        );
    }
}
