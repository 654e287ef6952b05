//! Names of users, for output that would otherwise show only their IDs.

use std::collections::HashMap;

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{UserQuery, WireScope, WorkItemSummary};

use crate::commands::prelude::*;

use crate::parts::paging::first_page;

/// The names that the caller can see: their own, and those of the first users for an administrator.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, Named>);

#[derive(Debug)]
struct Named {
    name: String,
    email: String,
}

impl Names {
    /// Looks up the users whom the items mention. A failure is ignored, because IDs are shown
    /// instead. Only an administrator's token lists users: a denied request would be audited.
    pub(super) fn of<'a>(
        session: &Session,
        items: impl IntoIterator<Item = &'a WorkItemSummary>,
    ) -> Self {
        let mut names = Self::default();
        let mentioned: Vec<&str> = items.into_iter().flat_map(users).collect();
        if mentioned.is_empty() {
            return names;
        }
        let Ok(me) = session.call(Client::me) else {
            return names;
        };
        if let (Some(name), Some(email)) = (me.user.name, me.user.email) {
            names.0.insert(me.user.id, Named { name, email });
        }
        let is_known = mentioned.iter().all(|id| names.0.contains_key(*id));
        if is_known || me.token.effective_scope != WireScope::Admin {
            return names;
        }
        let users = session.call(|client| client.users_list(&UserQuery::default(), &first_page()));
        let users = users.into_iter().flat_map(|list| list.items);
        names.0.extend(users.map(|user| {
            let (name, email) = (user.name, user.email);
            (user.id, Named { name, email })
        }));
        names
    }

    /// Formats a user briefly: the email address, which is unique, or else the ID.
    pub(super) fn short(&self, id: &str) -> String {
        let user = self.0.get(id);
        user.map_or_else(|| plain(id), |user| plain(&user.email))
    }

    /// Formats a user as `Ada Lovelace (usr_…)`, or as the ID.
    pub(super) fn full(&self, id: &str) -> String {
        let user = self.0.get(id);
        user.map_or_else(|| plain(id), |user| with_id(&user.name, id))
    }
}

/// Returns the IDs of the users whom an item mentions.
fn users(item: &WorkItemSummary) -> impl Iterator<Item = &str> {
    let users = [&item.assignee, &item.active_user_id].into_iter().flatten();
    users.chain([&item.created_by]).map(String::as_str)
}

#[cfg(test)]
pub(super) mod tests;
