use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::environment::{self, Environment};
use crate::error::Failure;

/// The location of the config file, which may not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigPath {
    pub(crate) file: PathBuf,
    /// Whether the directory is only for this file, so that other users should not have access to
    /// it. False if `OPENINDEX_CONFIG` names a file, which can be in any directory.
    pub(crate) owns_directory: bool,
}

/// Returns `OPENINDEX_CONFIG`; otherwise `config.json` in `OPENINDEX_CONFIG_DIR`; otherwise
/// `openindex-agent/config.json` in the user's configuration directory.
pub(crate) fn locate(
    environment: &Environment,
    user_config_dir: Option<PathBuf>,
) -> Result<ConfigPath, Failure> {
    if let Some(file) = environment.path(environment::CONFIG)? {
        return Ok(ConfigPath {
            file,
            owns_directory: false,
        });
    }
    let directory = environment
        .path(environment::CONFIG_DIR)?
        .or_else(|| user_config_dir.map(|directory| directory.join("openindex-agent")))
        .ok_or_else(|| {
            let message = "no home directory for the config file";
            let failure = Failure::of("no_config_directory", message);
            failure.hint("set OPENINDEX_CONFIG to the path of the config file")
        })?;
    Ok(ConfigPath {
        file: directory.join("config.json"),
        owns_directory: true,
    })
}

/// Returns `XDG_CONFIG_HOME` or `~/.config`. Returns `None` when `HOME` is blank or relative: the
/// token would be stored below the current directory.
pub(super) fn user_config_dir() -> Option<PathBuf> {
    if std::env::var_os("HOME").is_some_and(|home| !Path::new(&home).is_absolute()) {
        return None;
    }
    etcetera::choose_base_strategy()
        .ok()
        .map(|strategy| strategy.config_dir())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{CONFIG, CONFIG_DIR};

    #[test]
    fn the_file_variable_overrides_the_directory_variable_and_the_default() {
        let file = (CONFIG, "/x/oi.json");
        let directory = (CONFIG_DIR, "/d");
        for (environment, expected, owns_directory) in [
            (Environment::from([file, directory]), "/x/oi.json", false),
            (Environment::from([directory]), "/d/config.json", true),
            (
                Environment::default(),
                "/home/u/.config/openindex-agent/config.json",
                true,
            ),
        ] {
            let found = locate(&environment, Some("/home/u/.config".into())).unwrap();
            assert_eq!(found.file, PathBuf::from(expected));
            assert_eq!(found.owns_directory, owns_directory, "{expected}");
        }
    }

    #[test]
    fn an_empty_variable_is_an_error() {
        for name in [CONFIG, CONFIG_DIR] {
            let environment = Environment::from([(name, "")]);
            let failure = locate(&environment, Some("/home/u/.config".into())).unwrap_err();
            assert!(failure.message.starts_with(name), "{}", failure.message);
        }
    }

    #[test]
    fn without_a_home_directory_the_hint_names_the_variable() {
        let failure = locate(&Environment::default(), None).unwrap_err();
        assert!(
            failure
                .hint
                .as_ref()
                .is_some_and(|hint| hint.contains(CONFIG))
        );
    }
}
