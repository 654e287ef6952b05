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
    pub(in crate::web) async fn load(person: &Person) -> Result<Self, WebError> {
        let page = person.users.list(&person.principal, None, MAX_PAGE).await?;
        Ok(Self {
            order: page.users.iter().map(|user| user.id).collect(),
            users: page.users.into_iter().map(|user| (user.id, user)).collect(),
            has_more: page.next.is_some(),
        })
    }

    /// Looks up the users with these IDs that are not loaded yet.
    pub(in crate::web) async fn meet(
        &mut self,
        person: &Person,
        ids: &[UserId],
    ) -> Result<(), WebError> {
        for id in ids.iter().copied() {
            // Every user is loaded already.
            if !self.has_more {
                break;
            }
            if self.users.contains_key(&id) {
                continue;
            }
            match person.users.get(&person.principal, id).await {
                Ok(user) => {
                    self.order.push(id);
                    self.users.insert(id, user);
                }
                // A user whose row is damaged is shown by ID.
                Err(UserError::NotFound | UserError::Store(StoreError::Corrupt(_))) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
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
