use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Scope, Search, Secret, Status};

use crate::web::query::Query;

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
    /// The name of the first invalid field. An invalid field must not widen a bulk revocation.
    pub(super) fn parse(&self) -> Result<TokenFilter, &'static str> {
        fn read<T>(
            filter: &ChosenFilter,
            field: &'static str,
            parse: impl Fn(&str) -> Option<T>,
        ) -> Result<Option<T>, &'static str> {
            match filter.typed(field) {
                "" => Ok(None),
                text => parse(text).map(Some).ok_or(field),
            }
        }
        Ok(TokenFilter {
            token: None,
            owner: read(self, "user", |text| text.parse().ok())?,
            search: read(self, "search", |text| Search::parse(text).ok())?,
            scope: read(self, "scope", |text| text.parse::<Scope>().ok())?,
            status: read(self, "status", Status::parse)?,
            unused_since: read(self, "unusedSince", Timestamp::parse_since)?,
            expiring_before: read(self, "expiringBefore", Timestamp::parse_since)?,
        })
    }
}
