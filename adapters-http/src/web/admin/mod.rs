//! `/settings/admin`: users, invites, all tokens, and the audit log.

pub(super) mod audit;
pub(super) mod bulk;
pub(super) mod invites;
mod people;
mod sign_in_link;
mod target;
mod token_filter;
pub(super) mod tokens;
pub(super) mod user;
pub(super) mod users;

use super::{LocalPath, Query};

pub(super) use people::People;

/// Entries per page of a list.
const PAGE: u32 = 50;

/// The list to go back to, with its filters.
pub(super) struct Back {
    /// The path of the list, with its query.
    pub(super) path: String,
    /// The query that passes it on to another page; empty if the list was not filtered.
    pub(super) query: String,
}

impl Back {
    /// Returns the list that `next` names, or the unfiltered `list` if `next` is no [`LocalPath`].
    pub(super) fn to(next: &str, list: &'static str) -> Self {
        match LocalPath::parse(next) {
            Some(path) if path.as_str() != list => Self {
                query: Query::default().with("next", path.as_str()).on(""),
                path: path.as_str().to_owned(),
            },
            _ => Self {
                path: list.to_owned(),
                query: String::new(),
            },
        }
    }

    /// Returns the path to open after a change: the filtered list, or `page` if there was no
    /// filter.
    pub(super) fn or(&self, page: String) -> String {
        if self.query.is_empty() {
            page
        } else {
            self.path.clone()
        }
    }
}
