use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Scope, Search, Secret, Status};

use crate::web::{Invalid, Query};

const FIELDS: [&str; 6] = [
    "search",
    "user",
    "scope",
    "status",
    "unusedSince",
    "expiringBefore",
];

/// The filter of the admin tokens as entered; unset fields are empty.
#[derive(Debug, Clone, Default)]
pub(super) struct ChosenFilter {
    values: [String; 6],
}

impl ChosenFilter {
    pub(super) fn of_query(query: &Query) -> Self {
        Self {
            values: FIELDS.map(|field| query.get(field).to_owned()),
        }
    }

    /// Returns a field as a page may show it: empty when it contains a token.
    pub(super) fn get(&self, field: &str) -> &str {
        let text = self.typed(field);
        if Secret::is_in(text) { "" } else { text }
    }

    fn typed(&self, field: &str) -> &str {
        let at = FIELDS.iter().position(|name| *name == field);
        at.map_or("", |at| self.values[at].as_str())
    }

    pub(super) fn to_query(&self) -> Query {
        FIELDS.iter().fold(Query::default(), |query, field| {
            query.with(field, self.get(field))
        })
    }

    /// Parses the filter.
    ///
    /// # Errors
    ///
    /// The error of each invalid field. An invalid field must not widen a bulk revocation.
    pub(super) fn parse(&self) -> Result<TokenFilter, Invalid> {
        let mut errors = Invalid::default();
        let date = Timestamp::parse_since;
        let get = |field| self.typed(field);
        let filter = TokenFilter {
            token: None,
            search: errors.optional("search", "name", get("search"), Search::parse),
            owner: errors.choice("user", get("user"), |text| text.parse().ok()),
            scope: errors.choice("scope", get("scope"), |text| text.parse::<Scope>().ok()),
            status: errors.choice("status", get("status"), Status::parse),
            unused_since: errors.date("unused-since", get("unusedSince"), date),
            expiring_before: errors.date("expiring-before", get("expiringBefore"), date),
        };
        if errors.is_empty() {
            Ok(filter)
        } else {
            Err(errors)
        }
    }
}
