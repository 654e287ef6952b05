use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Scope, Search, Status};

use crate::web::{Invalid, Query};

const FIELDS: [&str; 6] = [
    "search",
    "user",
    "scope",
    "status",
    "unusedSince",
    "expiringBefore",
];

/// Returns the fields of the filter as the page may show them: without one that contains a token.
pub(super) fn chosen(query: &Query) -> Query {
    query.only(&FIELDS)
}

/// Parses the filter.
///
/// # Errors
///
/// The error of each invalid field. An invalid field must not widen a bulk revocation.
pub(super) fn parse(query: &Query) -> Result<TokenFilter, Invalid> {
    let mut errors = Invalid::default();
    let date = Timestamp::parse_since;
    let get = |field| query.get(field);
    let filter = TokenFilter {
        token: None,
        search: errors.optional("search", "name", get("search"), Search::parse),
        owner: errors.choice("user", get("user"), |text| text.parse().ok()),
        scope: errors.choice("scope", get("scope"), |text| text.parse::<Scope>().ok()),
        status: errors.choice("status", get("status"), Status::parse),
        unused_since: errors.date("unused-since", get("unusedSince"), date),
        created_before: None,
        expiring_before: errors.date("expiring-before", get("expiringBefore"), date),
    };
    if errors.is_empty() {
        Ok(filter)
    } else {
        Err(errors)
    }
}
