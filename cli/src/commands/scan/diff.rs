//! The lines of a diff in the files that it changes.

use serde::Serialize;

use crate::render::redact;
use crate::scan::Place;

/// The maximum length of a header that is read, in bytes.
const MAX_HEADER: usize = 8_192;

/// Where a token is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) path: String,
    pub(super) place: Place,
    pub(super) commit: Option<String>,
    pub(super) change: Option<Change>,
}

impl Location {
    /// Returns a place in a file.
    pub(super) fn of(path: &str, place: Place) -> Self {
        Self {
            path: path.to_owned(),
            place,
            commit: None,
            change: None,
        }
    }
}

/// What a diff does to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Change {
    Added,
    Removed,
    Unchanged,
}

impl Change {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// Follows a unified diff, or the output of `git log -p` or `git format-patch`. Anything else is
/// passed over: its lines are those of the input.
pub(super) struct Diff {
    /// The name of the input.
    input: String,
    /// The beginning of the current line.
    line: Vec<u8>,
    commit: Option<String>,
    old: Option<String>,
    new: Option<String>,
    hunk: Hunk,
}

/// A side of a hunk: its next line, and how many are left.
#[derive(Debug, Default, Clone, Copy)]
struct Side {
    next: u64,
    left: u64,
}

impl Side {
    const fn pass(&mut self) {
        self.next = self.next.saturating_add(1);
        self.left = self.left.saturating_sub(1);
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Hunk {
    old: Side,
    new: Side,
}

impl Diff {
    /// Starts at the first line of the input with this name.
    pub(super) fn new(input: &str) -> Self {
        Self {
            input: input.to_owned(),
            line: Vec::new(),
            commit: None,
            old: None,
            new: None,
            hunk: Hunk::default(),
        }
    }

    /// Reads a piece of the current line.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        let free = MAX_HEADER - self.line.len();
        self.line.extend(&piece[..piece.len().min(free)]);
    }

    /// Returns where a place of the input is: in the file, if the current line is of one.
    pub(super) fn locate(&self, place: Place) -> Location {
        let (path, line, change) = match self.change() {
            Some(Change::Removed) => (&self.old, self.hunk.old.next, Change::Removed),
            Some(change) => (&self.new, self.hunk.new.next, change),
            None => (&None, 0, Change::Unchanged),
        };
        let mut location = Location::of(&self.input, place);
        location.commit.clone_from(&self.commit);
        if let Some(path) = path {
            path.clone_into(&mut location.path);
            location.place.line = line;
            // The first column is that of the diff.
            location.place.column -= 1;
            location.change = Some(change);
        }
        location
    }

    /// Returns what the current line is in a hunk; `None` outside of one.
    fn change(&self) -> Option<Change> {
        let Hunk { old, new } = self.hunk;
        match self.line.first() {
            Some(b'+') if new.left > 0 => Some(Change::Added),
            Some(b'-') if old.left > 0 => Some(Change::Removed),
            // Some programs strip the space of an empty line.
            Some(b' ' | b'\n' | b'\r') if old.left > 0 && new.left > 0 => Some(Change::Unchanged),
            _ => None,
        }
    }

    /// Ends the current line.
    pub(super) fn end_line(&mut self) {
        match self.change() {
            Some(Change::Added) => self.hunk.new.pass(),
            Some(Change::Removed) => self.hunk.old.pass(),
            Some(Change::Unchanged) => {
                self.hunk.old.pass();
                self.hunk.new.pass();
            }
            // "\ No newline at end of file" is between the lines of a hunk.
            None if self.line.first() == Some(&b'\\') => {}
            None => self.read_header(),
        }
        self.line.clear();
    }

    fn read_header(&mut self) {
        self.hunk = Hunk::default();
        let line = String::from_utf8_lossy(&self.line);
        let line = line.trim_end_matches(['\n', '\r']);
        if let Some(rest) = line.strip_prefix("--- ") {
            self.old = Some(file(rest, "a/"));
        } else if let Some(rest) = line.strip_prefix("+++ ") {
            self.new = Some(file(rest, "b/"));
        } else if line.starts_with("diff ") {
            (self.old, self.new) = (None, None);
        } else if let Some(hunk) = line.strip_prefix("@@ ").and_then(hunk) {
            self.hunk = hunk;
        } else if let Some(id) = commit(line) {
            self.commit = Some(id.to_owned());
            (self.old, self.new) = (None, None);
        }
    }
}

/// Returns the path of a header, without the prefix of Git, the quotes, and the time of `diff -u`.
fn file(text: &str, prefix: &str) -> String {
    let path = text.split('\t').next().unwrap_or(text);
    let path = path.strip_prefix('"').unwrap_or(path);
    let path = path.strip_suffix('"').unwrap_or(path);
    redact(path.strip_prefix(prefix).unwrap_or(path))
}

/// Parses `-10,7 +10,8 @@ …`.
fn hunk(text: &str) -> Option<Hunk> {
    let mut words = text.split(' ');
    let mut side = |sign| {
        let range = words.next()?.strip_prefix(sign)?;
        let (next, left) = range.split_once(',').unwrap_or((range, "1"));
        Some(Side {
            next: next.parse().ok()?,
            left: left.parse().ok()?,
        })
    };
    let (old, new) = (side('-')?, side('+')?);
    (words.next() == Some("@@")).then_some(Hunk { old, new })
}

/// Returns the id in the first line of a commit of `git log` or `git format-patch`.
fn commit(line: &str) -> Option<&str> {
    let rest = line
        .strip_prefix("commit ")
        .or(line.strip_prefix("From "))?;
    let id = rest.split(' ').next()?;
    let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(id)
}
