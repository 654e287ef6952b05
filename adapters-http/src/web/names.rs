//! What the users are called whom a page mentions.

use std::collections::HashMap;

use openindex_domain::StoreError;
use openindex_domain::user::{UserError, UserId};

use super::access::Person;
use super::error::WebError;
use super::site::Web;
use super::view::Shown;

/// The names of some users, by id.
pub(super) struct Names {
    me: UserId,
    names: HashMap<UserId, Shown>,
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
                Ok(Some(name)) => Shown::of(name.as_str()),
                Ok(None) => Shown::of("Deleted user"),
                // One whose row is damaged is shown by their id.
                Err(UserError::Store(StoreError::Corrupt(_))) => Shown::of(&id.to_string()),
                Err(error) => return Err(error.into()),
            };
            found.names.insert(id, name);
        }
        Ok(found)
    }

    /// What this user is called: "You" for the one who looks.
    pub(super) fn get(&self, id: UserId) -> Shown {
        if id == self.me {
            return Shown::of("You");
        }
        let known = self.names.get(&id).cloned();
        known.unwrap_or_else(|| Shown::of(&id.to_string()))
    }
}
