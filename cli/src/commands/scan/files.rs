//! The files of a directory tree.

use std::fs::{self, File, FileType};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::render::redact;

/// How much of a file decides whether it is binary, as in Git.
const HEAD_BYTES: u64 = 8_000;

/// What is at a path.
pub(super) enum Entry {
    File(PathBuf),
    Skipped(Skipped),
    Unreadable(PathBuf, io::Error),
}

/// A path that is deliberately not read.
#[derive(Debug, Serialize)]
pub(super) struct Skipped {
    pub(super) path: String,
    pub(super) reason: Reason,
}

/// Why a path is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    Git,
    Binary,
    SymbolicLink,
    SpecialFile,
}

impl Reason {
    pub(super) const ALL: [Self; 4] = [
        Self::Git,
        Self::Binary,
        Self::SymbolicLink,
        Self::SpecialFile,
    ];

    /// Returns what such paths are called: one, and several.
    pub(super) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Git => (
                ".git directory (see git log -p)",
                ".git directories (see git log -p)",
            ),
            Self::Binary => ("binary file", "binary files"),
            Self::SymbolicLink => ("symbolic link", "symbolic links"),
            Self::SpecialFile => ("special file", "special files"),
        }
    }
}

/// Returns what is at a path and below it, in the order of names. The path itself is followed if
/// it is a link, and read if it is a file of any kind.
pub(super) fn walk(root: &Path) -> impl Iterator<Item = Entry> {
    let mut pending = vec![(root.to_owned(), true)];
    std::iter::from_fn(move || {
        while let Some((path, is_root)) = pending.pop() {
            match look(&path, is_root) {
                Ok(Look::Directory(mut children)) => {
                    children.sort_unstable_by(|one, other| other.cmp(one));
                    pending.extend(children.into_iter().map(|child| (child, false)));
                }
                Ok(Look::File) => return Some(Entry::File(path)),
                Ok(Look::Skipped(reason)) => {
                    let path = shown(&path);
                    return Some(Entry::Skipped(Skipped { path, reason }));
                }
                Err(error) => return Some(Entry::Unreadable(path, error)),
            }
        }
        None
    })
}

enum Look {
    Directory(Vec<PathBuf>),
    File,
    Skipped(Reason),
}

fn look(path: &Path, is_root: bool) -> io::Result<Look> {
    let metadata = if is_root {
        fs::metadata(path)?
    } else {
        fs::symlink_metadata(path)?
    };
    let kind = metadata.file_type();
    if kind.is_dir() {
        // In a worktree or submodule, .git is a file, which is read.
        if !is_root && path.file_name().is_some_and(|name| name == ".git") {
            return Ok(Look::Skipped(Reason::Git));
        }
        let children = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        return children.collect::<io::Result<_>>().map(Look::Directory);
    }
    if is_root {
        return Ok(Look::File);
    }
    match skipped(path, kind)? {
        Some(reason) => Ok(Look::Skipped(reason)),
        None => Ok(Look::File),
    }
}

fn skipped(path: &Path, kind: FileType) -> io::Result<Option<Reason>> {
    if kind.is_symlink() {
        return Ok(Some(Reason::SymbolicLink));
    }
    // Opening a pipe could block forever.
    if !kind.is_file() {
        return Ok(Some(Reason::SpecialFile));
    }
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    let is_utf16 = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    Ok((!is_utf16 && head.contains(&0)).then_some(Reason::Binary))
}

/// Formats a path; a token in its name is concealed.
pub(super) fn shown(path: &Path) -> String {
    redact(&path.to_string_lossy())
}
