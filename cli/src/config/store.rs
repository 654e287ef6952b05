use std::fmt::Display;
use std::fs::{self, File, FileType};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;

use openindex_command_line::quoted;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::error::{CliError, Failure, without_path};
use crate::input::read_text;

use super::path::{locate, user_config_dir};
use super::unique::duplicate_key;
use super::write::{lock, write_private};
use super::{Config, ConfigPath, FileVersion, VERSION};

/// The maximum size of a config file, far above any real one.
const MAX_CONFIG_BYTES: u64 = 4 * 1024 * 1024;

/// Reads and updates the config file.
pub(crate) struct ConfigStore {
    /// The file's path; a failure to find one counts only when the file is used.
    path: Result<ConfigPath, Failure>,
}

impl ConfigStore {
    pub(crate) const fn new(path: Result<ConfigPath, Failure>) -> Self {
        Self { path }
    }

    /// Returns the store of the config file that the environment names.
    pub(crate) fn of_process(environment: &Environment) -> Self {
        Self::new(locate(environment, user_config_dir()))
    }

    pub(crate) fn file(&self) -> Result<&Path, Failure> {
        let path = self.path.as_ref().map_err(Clone::clone)?;
        Ok(&path.file)
    }

    /// Loads the config file; a missing file is an empty config.
    pub(crate) fn load(&self) -> Result<Config, Failure> {
        let path = self.file()?;
        let unreadable = |error: &dyn Display| failure(path, "unreadable", "read", error);
        let mut file = match open(path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Config::default()),
            Err(error) => return Err(unreadable(&error)),
        };
        let text = read_text(&mut file, MAX_CONFIG_BYTES).map_err(|error| unreadable(&error))?;
        if text.trim().is_empty() {
            return Ok(Config::default());
        }
        let invalid = |what: &str, error: &serde_json::Error| {
            let message = format!(
                "config file {} {what} at line {}, column {}",
                path.display(),
                error.line(),
                error.column()
            );
            Failure::of("config_invalid", message)
        };
        if let Some((key, error)) = duplicate_key(&text) {
            return Err(invalid(&format!("has a duplicate key \"{key}\""), &error)
                .hint("edit the file and remove one of them"));
        }
        if let Ok(FileVersion {
            version: Some(version),
        }) = serde_json::from_str(&text)
            && version.as_u64() != Some(VERSION)
        {
            return Err(unsupported_version(path, &version));
        }
        serde_json::from_str(&text).map_err(|error| {
            // serde's message quotes values, which may be a token.
            let what = match error.classify() {
                serde_json::error::Category::Data => "has a value of the wrong type",
                _ => "is not valid JSON",
            };
            invalid(what, &error).hint(
                "fix the file, upgrade oi if a newer version wrote it, or move the file away and \
                 run oi profile set",
            )
        })
    }

    /// Updates the config file atomically: other `oi` processes wait, and a crash leaves either the
    /// old or the new content.
    pub(crate) fn update<T>(
        &self,
        change: impl FnOnce(&mut Config) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let path = self.file()?;
        let unwritable =
            |error: io::Error| failure(path, "unwritable", "write", &without_path(&error));
        let target = resolve_links(path).map_err(unwritable)?;
        require_file(&target).map_err(unwritable)?;
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

    /// Returns a description of overly open permissions and the command that fixes them; `None` if
    /// only the owner has access.
    pub(crate) fn exposure(&self) -> Option<(String, String)> {
        let path = self.path.as_ref().ok()?;
        let mut paths = vec![(path.file.as_path(), 0o600)];
        if path.owns_directory
            && let Some(directory) = path.file.parent()
        {
            paths.push((directory, 0o700));
        }
        paths.into_iter().find_map(|(path, private_mode)| {
            let mode = mode(path).filter(|mode| mode & 0o077 != 0)?;
            let shown = path.display().to_string();
            let what = format!("other users can access {shown} (mode {mode:04o})");
            let command = format!("chmod {private_mode:o} {}", quoted(&shown));
            Some((what, command))
        })
    }
}

/// Returns the failure for a file of another format version, which is never overwritten.
fn unsupported_version(path: &Path, version: &Value) -> Failure {
    // A value that is not a number is not quoted: it may be a secret.
    let version = version.as_u64().map_or_else(
        || "a non-numeric version".to_owned(),
        |version| format!("version {version}"),
    );
    let message = format!(
        "config file {} has {version}, but this oi supports version {VERSION}; the file was not \
         changed",
        path.display()
    );
    Failure::of("config_version", message)
        .hint("upgrade oi, or set OPENINDEX_CONFIG to another file")
}

fn failure(path: &Path, code: &str, verb: &str, error: &dyn Display) -> Failure {
    let message = format!("cannot {verb} config file {}: {error}", path.display());
    Failure::of(&format!("config_{code}"), message)
}

/// Opens the file; returns `None` if it does not exist. A pipe is an error, because reading could
/// block forever. A device is read: `/dev/null` is an empty config.
fn open(path: &Path) -> io::Result<Option<File>> {
    let kind = match fs::metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !kind.is_file() && !kind.is_char_device() {
        return Err(not_a_file(kind));
    }
    File::open(path).map(Some)
}

/// Fails for a device or a directory, which replacing would destroy.
fn require_file(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => Err(not_a_file(metadata.file_type())),
        _ => Ok(()),
    }
}

fn not_a_file(kind: FileType) -> io::Error {
    io::Error::other(if kind.is_dir() {
        "is a directory"
    } else {
        "not a regular file"
    })
}

/// Returns the permission bits of a path; `None` if it does not exist.
pub(crate) fn mode(path: &Path) -> Option<u32> {
    let metadata = fs::metadata(path).ok()?;
    Some(metadata.permissions().mode() & 0o777)
}

/// Follows symbolic links, even to a missing file: an update replaces the target and not the link,
/// so that a config file stored elsewhere stays there.
fn resolve_links(path: &Path) -> io::Result<std::path::PathBuf> {
    /// The limit of Linux.
    const MAX_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            // Not a link, or missing.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

#[cfg(all(test, unix))]
mod tests;
