//! The environment variables that `oi` reads. They are read once, in `main`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use openindex_adapters_http::client::ProxyVariables;
use openindex_command_line::check;

use crate::error::Failure;

/// Token to use; overrides every profile's token.
pub(crate) const TOKEN: &str = "OPENINDEX_TOKEN";
/// Profile to use.
pub(crate) const PROFILE: &str = "OPENINDEX_PROFILE";
/// Server URL; overrides the profile's server.
pub(crate) const APP_URL: &str = "OPENINDEX_APP_URL";
/// Agent to work as; overrides the profile's agent.
pub(crate) const AGENT_ID: &str = "OPENINDEX_AGENT_ID";
/// Path of the config file.
pub(crate) const CONFIG: &str = "OPENINDEX_CONFIG";
/// Directory of the config file.
pub(crate) const CONFIG_DIR: &str = "OPENINDEX_CONFIG_DIR";
/// `1` allows sending tokens to other machines over plain HTTP.
pub(crate) const ALLOW_INSECURE_HTTP: &str = "OPENINDEX_ALLOW_INSECURE_HTTP";
/// PEM file of certificate authorities to trust instead of the system's.
pub(crate) const CERT_FILE: &str = "SSL_CERT_FILE";
/// Directory of PEM files, named by the hashes of their subjects.
pub(crate) const CERT_DIR: &str = "SSL_CERT_DIR";
/// Any value turns color off (<https://no-color.org>).
pub(crate) const NO_COLOR: &str = "NO_COLOR";
/// Any value but `0` turns color on, even without a terminal.
pub(crate) const CLICOLOR_FORCE: &str = "CLICOLOR_FORCE";
/// `dumb` means that the terminal does not support color.
pub(crate) const TERM: &str = "TERM";

/// Every variable that `oi` reads, with its description for `oi schema`.
pub(crate) const ALL: [(&str, &str); 15] = [
    (
        TOKEN,
        "token to use; overrides every profile's token without changing the config file",
    ),
    (PROFILE, "profile to use; overridden by --profile"),
    (
        APP_URL,
        "server URL; overrides the profile's server; overridden by --app-url",
    ),
    (
        AGENT_ID,
        "ID of the agent; overrides the profile's agent ID; overridden by --agent-id and by an \
         agent run's own agent ID",
    ),
    (CONFIG, "path of the config file"),
    (
        CONFIG_DIR,
        "directory of config.json, unless OPENINDEX_CONFIG is set",
    ),
    (
        ALLOW_INSECURE_HTTP,
        "1 allows sending tokens to other machines over plain HTTP",
    ),
    (
        CERT_FILE,
        "PEM file of certificate authorities to trust instead of the system's",
    ),
    (
        CERT_DIR,
        "directory of PEM files, named by the hashes of their subjects (c_rehash)",
    ),
    (
        "https_proxy",
        "proxy for https:// servers; also HTTPS_PROXY",
    ),
    (
        "http_proxy",
        "proxy for http:// servers; as in curl, HTTP_PROXY is ignored",
    ),
    (
        "all_proxy",
        "proxy for servers of either scheme; also ALL_PROXY",
    ),
    (
        "no_proxy",
        "hosts, domains and networks to connect to directly, separated by commas; also NO_PROXY",
    ),
    (NO_COLOR, "any value turns color off"),
    (
        CLICOLOR_FORCE,
        "any value but 0 turns color on, even without a terminal",
    ),
];

/// Environment variables by name. It does not implement `Debug`: one of them is a secret.
#[derive(Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Reads the environment of this process.
    pub(crate) fn of_process() -> Self {
        let known = ALL.iter().map(|(name, _)| *name).chain([TERM]);
        let known = known.chain(ProxyVariables::NAMES);
        Self(
            known
                .filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?)))
                .collect(),
        )
    }

    /// Returns the trimmed value, or `None` when the variable is unset.
    ///
    /// # Errors
    ///
    /// Returns a [`Failure`] when the variable is blank or not UTF-8. A failed substitution
    /// (`OPENINDEX_TOKEN=$(…)`) leaves it empty, and must not select another identity or server.
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

    /// Returns the path in a variable, byte for byte; `None` when the variable is unset.
    ///
    /// # Errors
    ///
    /// Returns a [`Failure`] when the variable is blank. A path need not be UTF-8.
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

    /// Returns a variable whose convention treats empty as unset, such as `NO_COLOR`.
    pub(crate) fn convention(&self, name: &str) -> Option<&str> {
        check(self.0.get(name)?).ok()
    }
}

/// Returns what a variable should be set to, for error messages.
fn meaning(name: &str) -> &'static str {
    match name {
        TOKEN => "a token",
        PROFILE => "a profile name",
        APP_URL => "a server URL",
        AGENT_ID => "an agent ID",
        CONFIG => "a file path",
        CONFIG_DIR => "a directory path",
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
    fn a_blank_variable_is_an_error_that_names_it_and_its_expected_value() {
        for blank in ["", " \n"] {
            let environment = Environment::from([(TOKEN, blank), (CONFIG, blank)]);
            assert_eq!(
                environment.get(TOKEN).unwrap_err().message,
                "OPENINDEX_TOKEN is set but empty; unset it or set it to a token"
            );
            assert_eq!(
                environment.path(CONFIG).unwrap_err().message,
                "OPENINDEX_CONFIG is set but empty; unset it or set it to a file path"
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
