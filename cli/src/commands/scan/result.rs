//! The result of a scan.

use openindex_domain::token::TokenKind;
use serde::Serialize;

use super::diff::Change;
use super::files::Skipped;

/// The result of a scan.
#[derive(Debug, Default, Serialize)]
pub(super) struct Output {
    pub(super) findings: Vec<Finding>,
    /// The number of files that were read, with standard input.
    pub(super) scanned: usize,
    pub(super) skipped: Vec<Skipped>,
    pub(super) unreadable: Vec<Unreadable>,
    /// The number of distinct tokens that were reported.
    pub(super) reported: usize,
}

/// A token that was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    pub(super) path: String,
    /// From 1. In a diff, the line of the file.
    pub(super) line: u64,
    /// From 1, in characters.
    pub(super) column: u64,
    pub(super) kind: &'static str,
    pub(super) last_four: String,
    /// The commit, if the input is the output of `git log -p`.
    pub(super) commit: Option<String>,
    pub(super) change: Option<Change>,
}

/// A file that could not be read, so that it may contain tokens.
#[derive(Debug, Serialize)]
pub(super) struct Unreadable {
    pub(super) path: String,
    pub(super) error: String,
}

impl Finding {
    /// Describes the token: `personal access token oi_pat_…wm0h`.
    pub(super) fn what(&self) -> String {
        let (name, prefix) = kind_names(self.kind);
        format!("{name} {prefix}…{}", self.last_four)
    }

    /// Returns the commit and the change, if they are known.
    pub(super) fn origin(&self) -> Vec<String> {
        let commit = self.commit.as_deref();
        let commit = commit.map(|id| format!("commit {}", id.get(..12).unwrap_or(id)));
        let change = self.change.map(|change| change.as_str().to_owned());
        commit.into_iter().chain(change).collect()
    }
}

/// Returns the name of a kind of token and the prefix of its secrets.
pub(super) fn kind_names(kind: &str) -> (&'static str, &'static str) {
    let kind = TokenKind::ALL.into_iter().find(|it| it.as_str() == kind);
    let kind = kind.unwrap_or(TokenKind::Personal);
    let name = match kind {
        TokenKind::Personal => "personal access token",
        TokenKind::AgentRun => "agent run token",
    };
    (name, kind.secret_prefix())
}
