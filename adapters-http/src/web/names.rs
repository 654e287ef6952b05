//! What the users are called whom a page mentions.

use std::collections::HashMap;

use openindex_domain::StoreError;
use openindex_domain::user::{UserError, UserId};

use super::access::Person;
use super::error::WebError;
use super::site::Web;
use super::view::Shown;

/// The names of some users, by id; `None` for those who were deleted.
pub(super) struct Names {
    me: UserId,
    names: HashMap<UserId, Option<Shown>>,
}

/// A user within a sentence.
pub(super) struct Named {
    pub(super) name: Shown,
    pub(super) is_me: bool,
}

impl Named {
    /// Returns a name for an actor that is not a user.
    pub(super) fn other(name: &str) -> Self {
        Self {
            name: Shown::of(name),
            is_me: false,
        }
    }
}

impl Names {
    /// Looks these users up, each once.
    pub(super) async fn of(web: &Web, person: &Person, ids: Vec<UserId>) -> Result<Self, WebError> {
        let principal = &person.principal;
        let mut found = Self {
            me: principal.user_id(),
            names: HashMap::new(),
        };
        for id in ids {
            if id == found.me || found.names.contains_key(&id) {
                continue;
            }
            let name = match web.api.users.name_of(principal, id).await {
                Ok(name) => name.map(|name| Shown::of(name.as_str())),
                // One whose row is damaged is shown by their id.
                Err(UserError::Store(StoreError::Corrupt(_))) => Some(Shown::of(&id.to_string())),
                Err(error) => return Err(error.into()),
            };
            found.names.insert(id, name);
        }
        Ok(found)
    }

    /// Returns what stands for this user by itself.
    pub(super) fn get(&self, id: UserId) -> Shown {
        self.word(id, "You", "Deleted user")
    }

    /// Returns what stands for this user within a sentence.
    pub(super) fn within(&self, id: UserId) -> Named {
        Named {
            name: self.word(id, "you", "a deleted user"),
            is_me: id == self.me,
        }
    }

    fn word(&self, id: UserId, me: &str, deleted: &str) -> Shown {
        if id == self.me {
            return Shown::of(me);
        }
        match self.names.get(&id) {
            Some(Some(name)) => name.clone(),
            Some(None) => Shown::of(deleted),
            None => Shown::of(&id.to_string()),
        }
    }
}
