use std::path::PathBuf;

use crate::environment::{self, Environment};
use crate::error::Failure;
use crate::exit_code::ExitCode;

/// Where the config file is, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigPath {
    pub(crate) file: PathBuf,
    /// Its directory is ours alone, so that others have no business in it. Not so when the
    /// variable names a file, which may be in any directory.
    pub(crate) owns_directory: bool,
}

/// `OPENINDEX_CONFIG`; else `config.json` in `OPENINDEX_CONFIG_DIR`; else in `openindex-agent` in
/// the user's directory for configuration.
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
            Failure::new(
                ExitCode::Failure,
                "no_config_directory",
                "there is no home directory to keep the config file in",
            )
            .hint("set OPENINDEX_CONFIG to the file to use")
        })?;
    Ok(ConfigPath {
        file: directory.join("config.json"),
        owns_directory: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::{CONFIG, CONFIG_DIR};

    #[test]
    fn the_file_comes_before_the_directory_before_the_users_own() {
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
    fn a_variable_that_is_set_but_empty_chooses_no_other_file() {
        for name in [CONFIG, CONFIG_DIR] {
            let environment = Environment::from([(name, "")]);
            let failure = locate(&environment, Some("/home/u/.config".into())).unwrap_err();
            assert!(failure.message.starts_with(name), "{}", failure.message);
        }
    }

    #[test]
    fn without_a_home_it_says_what_to_set() {
        let failure = locate(&Environment::default(), None).unwrap_err();
        assert!(
            failure
                .hint
                .as_ref()
                .is_some_and(|hint| hint.contains(CONFIG))
        );
    }
}
