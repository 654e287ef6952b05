//! The environment variables that `oi` reads. They are read once, in `main`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use openindex_adapters_http::client::ProxyVariables;
use openindex_command_line::check;

use crate::error::Failure;

/// Declares the variables: the name, what to set it to, and the description in `oi schema`.
macro_rules! variables {
    ($(const $constant:tt = $name:literal, $meaning:literal, $about:literal;)+) => {
        $(pub(crate) const $constant: &str = $name;)+

        /// Every variable that `oi` reads: its name, its description and what to set it to.
        pub(crate) const ALL: &[(&str, &str, &str)] = &[$(($name, $about, $meaning)),+];
    };
}

variables! {
    const TOKEN = "OPENINDEX_TOKEN", "a token",
        "token to use; overrides every profile's token without changing the config file";
    const PROFILE = "OPENINDEX_PROFILE", "a profile name",
        "profile to use; overridden by --profile";
    const APP_URL = "OPENINDEX_APP_URL", "a server URL",
        "server URL; overrides the profile's server; overridden by --app-url";
    const AGENT_ID = "OPENINDEX_AGENT_ID", "an agent ID",
        "ID of the agent; overrides the profile's agent ID; overridden by --agent-id and by an \
         agent run's own agent ID";
    const CONFIG = "OPENINDEX_CONFIG", "a file path", "path of the config file";
    const CONFIG_DIR = "OPENINDEX_CONFIG_DIR", "a directory path",
        "directory of config.json, unless OPENINDEX_CONFIG is set";
    const ALLOW_INSECURE_HTTP = "OPENINDEX_ALLOW_INSECURE_HTTP", "1",
        "1 allows sending tokens to other machines over plain HTTP";
    const CERT_FILE = "SSL_CERT_FILE", "the path of a PEM file",
        "PEM file of certificate authorities to trust instead of the system's";
    const CERT_DIR = "SSL_CERT_DIR", "the path of a directory of PEM files",
        "directory of PEM files, named by the hashes of their subjects (c_rehash)";
    const _ = "https_proxy", "a URL", "proxy for https:// servers; also HTTPS_PROXY";
    const _ = "http_proxy", "a URL", "proxy for http:// servers; as in curl, HTTP_PROXY is ignored";
    const _ = "all_proxy", "a URL", "proxy for servers of either scheme; also ALL_PROXY";
    const _ = "no_proxy", "a list",
        "hosts, domains and networks to connect to directly, separated by commas; also NO_PROXY";
    const TRACE_PARENT = "TRACEPARENT", "the value of a traceparent header",
        "trace that the requests are part of (W3C Trace Context)";
    const NO_COLOR = "NO_COLOR", "1", "any value turns color off";
    const CLICOLOR_FORCE = "CLICOLOR_FORCE", "1",
        "any value but 0 turns color on, even without a terminal";
}

/// `dumb` means that the terminal does not support color.
pub(crate) const TERM: &str = "TERM";

/// Environment variables by name. It does not implement `Debug`: one of them is a secret.
#[derive(Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Reads the environment of this process.
    pub(crate) fn of_process() -> Self {
        let known = ALL.iter().map(|(name, ..)| *name).chain([TERM]);
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
            let meaning = ALL.iter().find(|it| it.0 == name).map_or("1", |it| it.2);
            Failure::usage(format!("{name} {error}; unset it or set it to {meaning}"))
        })?;
        Ok(Some(value.to_owned()))
    }

    /// Returns the path in a variable, byte for byte; `None` when the variable is unset.
    ///
    /// # Errors
    ///
    /// Returns a [`Failure`] when the variable is blank. A path need not be UTF-8.
    pub(crate) fn path(&self, name: &str) -> Result<Option<PathBuf>, Failure> {
        let value = self.0.get(name);
        if value.is_some_and(|value| value.to_str().is_some()) {
            self.get(name)?;
        }
        Ok(value.map(PathBuf::from))
    }

    /// Returns a variable whose convention treats empty as unset, such as `NO_COLOR`.
    pub(crate) fn convention(&self, name: &str) -> Option<&str> {
        check(self.0.get(name)?).ok()
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
