//! The names of the users that a page mentions.

use std::collections::HashMap;

use openindex_domain::StoreError;
use openindex_domain::user::{UserError, UserId};

use super::access::Person;
use super::error::WebError;
use super::view::Shown;

/// The names of users, by ID; `None` for deleted users.
pub(super) struct Names {
    me: UserId,
    names: HashMap<UserId, Option<Shown>>,
}

/// A user's name within a sentence.
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
    /// Looks up the names of these users, each once.
    pub(super) async fn of(person: &Person, ids: Vec<UserId>) -> Result<Self, WebError> {
        let principal = &person.principal;
        let mut found = Self {
            me: principal.user_id(),
            names: HashMap::new(),
        };
        for id in ids {
            if id == found.me || found.names.contains_key(&id) {
                continue;
            }
            let name = match person.users.name_of(principal, id).await {
                Ok(name) => name.map(|name| Shown::of(name.as_str())),
                // A user whose row is damaged is shown by ID.
                Err(UserError::Store(StoreError::Corrupt(_))) => Some(Shown::of(&id.to_string())),
                Err(error) => return Err(error.into()),
            };
            found.names.insert(id, name);
        }
        Ok(found)
    }

    /// Returns the user's name as a label: "You" for the signed-in user.
    pub(super) fn get(&self, id: UserId) -> Shown {
        self.word(id, "You", "Deleted user")
    }

    /// Returns the user's name within a sentence: "you" for the signed-in user.
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
