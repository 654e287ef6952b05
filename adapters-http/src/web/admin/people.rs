use std::collections::HashMap;

use openindex_domain::StoreError;
use openindex_domain::page::MAX_PAGE;
use openindex_domain::user::{User, UserError, UserId};

use crate::web::{Choice, Person, Shown, WebError};

/// The first users of the instance, for selects and to show names instead of IDs. Other users are
/// looked up on demand.
pub(in crate::web) struct People {
    users: HashMap<UserId, User>,
    order: Vec<UserId>,
    /// There are more users than a select lists.
    pub(in crate::web) has_more: bool,
}

impl People {
    /// Loads the first users, and those with these IDs.
    pub(in crate::web) async fn load(
        person: &Person,
        ids: impl IntoIterator<Item = UserId>,
    ) -> Result<Self, WebError> {
        let page = person.users.list(&person.principal, None, MAX_PAGE).await?;
        let mut people = Self {
            order: page.users.iter().map(|user| user.id).collect(),
            users: page.users.into_iter().map(|user| (user.id, user)).collect(),
            has_more: page.next.is_some(),
        };
        // Without more users, every one is loaded already.
        for id in ids.into_iter().filter(|_| people.has_more) {
            if people.users.contains_key(&id) {
                continue;
            }
            match person.users.get(&person.principal, id).await {
                Ok(user) => {
                    people.order.push(id);
                    people.users.insert(id, user);
                }
                // A user whose row is damaged is shown by ID.
                Err(UserError::NotFound | UserError::Store(StoreError::Corrupt(_))) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(people)
    }

    /// Returns the user's name, or their ID if they were deleted.
    pub(in crate::web) fn name(&self, id: UserId) -> Shown {
        self.known(id)
            .unwrap_or_else(|| Shown::of(&format!("{id} (deleted)")))
    }

    /// Returns the user, or `None` if they were deleted.
    pub(super) fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// Returns the user's name, or `None` if they were deleted.
    pub(in crate::web) fn known(&self, id: UserId) -> Option<Shown> {
        let user = self.user(id)?;
        Some(Shown::of(user.name.as_str()))
    }

    pub(in crate::web) fn choices(&self, selected: &str) -> Vec<Choice> {
        self.order
            .iter()
            .filter_map(|id| self.users.get(id))
            .map(|user| {
                let label = format!("{} ({})", user.name, user.email);
                Choice::new(&user.id.to_string(), &label, selected)
            })
            .collect()
    }
}
