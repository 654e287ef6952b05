use std::fs;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{CliError, Failure};
use crate::exit_code::ExitCode;

use super::write::{lock, write_private};
use super::{Config, ConfigPath};

/// Reads and changes the config file.
pub(crate) struct ConfigStore {
    path: ConfigPath,
}

impl ConfigStore {
    pub(crate) const fn new(path: ConfigPath) -> Self {
        Self { path }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.path.file
    }

    /// What the file holds; nothing when there is none.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        let text = match fs::read_to_string(self.file()) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Config::default()),
            Err(error) => return Err(self.failure("config_unreadable", "cannot be read", &error)),
        };
        if text.trim().is_empty() {
            return Ok(Config::default());
        }
        serde_json::from_str(&text).map_err(|error| {
            // serde's own message quotes values, and one of them may be a token.
            let what = match error.classify() {
                serde_json::error::Category::Data => "holds a value of the wrong type",
                _ => "is not valid JSON",
            };
            let message = format!(
                "the config file {} {what} at line {}, column {}",
                self.file().display(),
                error.line(),
                error.column()
            );
            Failure::new(ExitCode::Failure, "config_invalid", message)
                .hint("mend it by hand, or move it away and start again with oi profile set")
        })
    }

    /// Changes what the file holds, in one step that no other `oi` can come between and that a
    /// crash leaves either undone or done.
    pub(crate) fn update<T>(
        &self,
        change: impl FnOnce(&mut Config) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let unwritable = |error| self.failure("config_unwritable", "cannot be written", &error);
        let target = resolve_links(self.file()).map_err(unwritable)?;
        let _lock = lock(&target).map_err(unwritable)?;
        let mut config = self.load()?;
        let changed = change(&mut config)?;
        let mut text = Zeroizing::new(
            serde_json::to_vec_pretty(&config).map_err(|error| unwritable(error.into()))?,
        );
        text.push(b'\n');
        write_private(&target, &text).map_err(unwritable)?;
        Ok(changed)
    }

    /// What is too open about the file or its directory, and the command that closes it.
    pub(crate) fn exposure(&self) -> Option<(String, String)> {
        let mut paths = vec![(self.file(), 0o600)];
        if self.path.owns_directory
            && let Some(directory) = self.file().parent()
        {
            paths.push((directory, 0o700));
        }
        paths.into_iter().find_map(|(path, wanted)| {
            let mode = mode(path).filter(|mode| mode & 0o077 != 0)?;
            Some((
                format!("others may read {} (mode {mode:04o})", path.display()),
                format!("chmod {wanted:o} {}", quoted(path)),
            ))
        })
    }

    fn failure(&self, code: &str, what: &str, error: &io::Error) -> Failure {
        let message = format!("the config file {} {what}: {error}", self.file().display());
        Failure::new(ExitCode::Failure, code, message)
    }
}

/// The permissions of a path, where the system has such.
pub(crate) fn mode(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path)
            .ok()
            .map(|metadata| metadata.permissions().mode() & 0o777)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// The file that a link leads to, existing or not: writing replaces that file and not the link,
/// so that a config file kept elsewhere stays there.
fn resolve_links(path: &Path) -> io::Result<std::path::PathBuf> {
    /// As many as Linux follows.
    const MAX_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            // Not a link, or nothing there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// As a shell reads it back.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use openindex_adapters_http::wire::PlainSecret;

    use super::*;

    fn store(file: PathBuf) -> ConfigStore {
        ConfigStore::new(ConfigPath {
            file,
            owns_directory: true,
        })
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    }

    fn set_current(store: &ConfigStore, name: &str) {
        store
            .update(|config| {
                config.current_profile = Some(name.to_owned());
                config.profiles.entry(name.to_owned()).or_default().token =
                    Some(PlainSecret::new("a secret"));
                Ok(())
            })
            .expect("written");
    }

    #[test]
    fn file_and_directory_are_made_for_their_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path().join("a/openindex-agent/config.json"));
        set_current(&store, "work");
        assert_eq!(mode(store.file()), Some(0o600));
        assert_eq!(mode(store.file().parent().unwrap()), Some(0o700));
        assert_eq!(store.exposure(), None);
        let config = store.load().unwrap();
        assert_eq!(config.current_profile.as_deref(), Some("work"));
        assert_eq!(
            config.profiles["work"].token.as_ref().unwrap().expose(),
            "a secret"
        );
    }

    #[test]
    fn a_looser_mode_is_told_and_goes_with_the_next_change() {
        let home = tempfile::tempdir().unwrap();
        chmod(home.path(), 0o700);
        let store = store(home.path().join("my config.json"));
        set_current(&store, "work");
        chmod(store.file(), 0o644);
        let (what, command) = store.exposure().unwrap();
        assert!(what.ends_with("(mode 0644)"), "{what}");
        assert_eq!(command, format!("chmod 600 '{}'", store.file().display()));
        set_current(&store, "work");
        assert_eq!(store.exposure(), None);
        chmod(home.path(), 0o755);
        assert!(store.exposure().unwrap().1.starts_with("chmod 700 "));
    }

    #[test]
    fn a_link_stays_a_link_and_its_target_is_changed() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("dotfiles")).unwrap();
        let target = home.path().join("dotfiles/oi.json");
        let link = home.path().join("config.json");
        symlink("dotfiles/oi.json", &link).unwrap();
        let store = store(link.clone());
        for name in ["first", "second"] {
            set_current(&store, name);
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert!(fs::read_to_string(&target).unwrap().contains(name));
        }
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let home = tempfile::tempdir().unwrap();
        let link = home.path().join("config.json");
        symlink(&link, &link).unwrap();
        assert!(store(link).update(|_| Ok(())).is_err());
    }

    #[test]
    fn what_this_version_does_not_know_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path().join("config.json"));
        let text = r#"{"theme":{"a":[1]},"profiles":{"work":{"app_url":"https://x.example","color":"red"}}}"#;
        fs::write(store.file(), text).unwrap();
        set_current(&store, "work");
        let text = fs::read_to_string(store.file()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["theme"]["a"][0], 1);
        assert_eq!(value["profiles"]["work"]["color"], "red");
        assert_eq!(value["profiles"]["work"]["app_url"], "https://x.example");
    }

    #[test]
    fn a_damaged_file_is_named_and_neither_quoted_nor_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path().join("config.json"));
        for (text, what) in [
            ("{\n \"profiles\": ", "is not valid JSON at line 2"),
            (
                r#"{"profiles": "oi_pat_leak"}"#,
                "holds a value of the wrong type",
            ),
        ] {
            fs::write(store.file(), text).unwrap();
            let failure = store.load().unwrap_err();
            assert_eq!(failure.code, "config_invalid");
            assert!(failure.message.contains(what), "{}", failure.message);
            assert!(
                failure
                    .message
                    .contains(&store.file().display().to_string())
            );
            assert!(!failure.message.contains("leak"));
            assert!(store.update(|_| Ok(())).is_err());
            assert_eq!(fs::read_to_string(store.file()).unwrap(), text);
        }
    }

    #[test]
    fn a_change_that_is_refused_writes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path().join("config.json"));
        let refused = store.update(|config| -> Result<(), CliError> {
            config.current_profile = Some("x".to_owned());
            Err(Failure::usage("no").into())
        });
        assert!(refused.is_err());
        assert!(!store.file().exists());
    }

    #[test]
    fn nothing_and_an_empty_file_are_an_empty_config() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path().join("config.json"));
        assert!(store.load().unwrap().profiles.is_empty());
        fs::write(store.file(), "\n").unwrap();
        assert!(store.load().unwrap().profiles.is_empty());
    }

    #[test]
    fn concurrent_changes_all_count() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path().join("new/config.json"));
        std::thread::scope(|scope| {
            for number in 0..16 {
                let store = &store;
                scope.spawn(move || set_current(store, &format!("p{number}")));
            }
        });
        assert_eq!(store.load().unwrap().profiles.len(), 16);
    }
}
