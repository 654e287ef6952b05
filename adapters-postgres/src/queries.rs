//! The lists of tokens.

use openindex_adapters_sql::lists::{self, MatchingTokens, TokenList};
use openindex_adapters_sql::rows::{DETAIL_COLUMNS, TOKEN_COLUMNS};
use openindex_adapters_sql::{Database, Statement};
use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::ListedStatus;

use crate::store::PostgresDatabase;

type D = PostgresDatabase;

/// Returns the query for [`TokenStore::list`](openindex_domain::token::TokenStore::list).
pub(crate) fn list(list: &TokenList<'_>) -> Statement {
    let mut query = Statement::new("SELECT t.* FROM (");
    lists::push_kinds(&mut query, |query, kind, _| {
        query.push(&format!(
            "(SELECT t.* FROM (SELECT {TOKEN_COLUMNS}, {DETAIL_COLUMNS} FROM tokens t WHERE "
        ));
        lists::push_listed::<D>(query, kind, list);
        match list.filter.status {
            // OFFSET 0 keeps the planner from scanning an index in page order, which is slow if
            // there are few live tokens among many expired ones.
            Some(ListedStatus::Live) => {
                query.push(" AND ").push(D::EXPIRES_AT).push(" > ");
                query.push_bind(list.now).push(" OFFSET 0");
            }
            // IS TRUE keeps the planner from sorting an index of all owners' expired tokens for one
            // page.
            Some(ListedStatus::Expired) => {
                query.push(" AND (t.expires_at <= ").push_bind(list.now);
                query.push(") IS TRUE");
            }
            Some(ListedStatus::Revoked) | None => {}
        }
        query.push(") t");
        lists::push_beyond::<D>(query, " WHERE ", list);
        lists::push_order::<D>(query, list);
        query.push(")");
    });
    query.push(") t");
    lists::push_order::<D>(&mut query, list);
    query
}

/// Returns [`TokenFilter::matches`] as a query.
pub(crate) fn matching(matching: &MatchingTokens<'_>) -> Statement {
    let limit = matching.limit.map_or(i64::MAX, i64::from);
    let mut query = Statement::new("");
    lists::push_kinds(&mut query, |query, kind, _| {
        query
            .push("(SELECT t.* FROM (")
            .push(&lists::select_owned());
        query.push(" FROM tokens t LEFT JOIN users u ON u.id = t.owner_id WHERE ");
        query.push(kind);
        lists::push_matching::<D>(query, matching.filter, matching.now);
        // OFFSET 0 keeps the planner from scanning the index in page order to its end for a few
        // tokens that expire soon.
        if matching.filter.expiring_before.is_some() {
            query.push(" OFFSET 0");
        }
        query.push(") t");
        if let Some(after) = matching.after {
            query.push(" WHERE t.id < ").push_bind(after);
        }
        query.push(" ORDER BY t.id DESC LIMIT ").push_bind(limit);
        query.push(")");
    });
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query
}

/// Returns the ids and kinds of the tokens that match.
pub(crate) fn matching_ids(filter: &TokenFilter, now: Timestamp) -> Statement {
    let mut query = Statement::new("");
    lists::push_kinds(&mut query, |query, kind, _| {
        query
            .push("SELECT t.id, t.kind FROM tokens t WHERE ")
            .push(kind);
        lists::push_matching::<D>(query, filter, now);
    });
    query
}
