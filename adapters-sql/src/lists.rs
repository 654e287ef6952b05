//! Parts of the queries for lists of tokens, which each database puts together so that a page costs
//! the same however many tokens have ended.

use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Search, Seek, Sort, SortKey, Status};

use crate::dialect::Dialect;
pub use crate::dialect::{Kind, MatchingTokens, TokenList};
use crate::rows::{DETAIL_COLUMNS, OWNER_COLUMNS, TOKEN_COLUMNS};
use crate::statement::Statement;

/// The tokens that a list of personal access tokens reads, including damaged ones of an unknown
/// kind. Two conditions, so that each uses its index.
const KINDS: [Kind; 2] = [
    Kind {
        condition: "t.kind = 'personal'",
        is_common: true,
    },
    Kind {
        condition: "t.kind NOT IN ('personal', 'agent_run')",
        is_common: false,
    },
];

/// Adds a part for each kind of token that a list reads, all together.
fn push_kinds(query: &mut Statement, part: impl Fn(&mut Statement, Kind)) {
    let mut separator = "";
    for kind in KINDS {
        query.push(separator);
        part(query, kind);
        separator = " UNION ALL ";
    }
}

/// Returns a query for a list of one owner's tokens.
#[must_use]
pub fn list_tokens<D: Dialect>(list: &TokenList<'_>) -> Statement {
    let mut query = Statement::new("SELECT t.* FROM (");
    push_kinds(&mut query, |query, kind| D::push_listed(query, kind, list));
    query.push(") t");
    push_order::<D>(&mut query, list);
    query
}

/// Returns a query for owned tokens, newest first.
#[must_use]
pub fn matching_tokens<D: Dialect>(matching: &MatchingTokens<'_>) -> Statement {
    let mut query = Statement::new("");
    push_kinds(&mut query, |query, kind| {
        D::push_matching(query, kind, matching);
    });
    query.push(" ORDER BY id DESC");
    push_limit(&mut query, matching.limit);
    query
}

/// Returns a query for the ids and kinds of matching tokens, in any order.
#[must_use]
pub fn matching_ids<D: Dialect>(filter: &TokenFilter, now: Timestamp) -> Statement {
    let matching = MatchingTokens {
        filter,
        now,
        after: None,
        limit: None,
    };
    let mut query = Statement::new("");
    push_kinds(&mut query, |query, kind| {
        D::push_matching_ids(query, kind, &matching);
    });
    query
}

/// Adds the end of a query for the tokens after the cursor, newest first; the condition follows the
/// word `before`.
pub fn push_newest(query: &mut Statement, before: &str, matching: &MatchingTokens<'_>) {
    if let Some(after) = matching.after {
        query.push(before).push("t.id < ").push_bind(after);
    }
    query.push(" ORDER BY t.id DESC");
    push_limit(query, matching.limit);
    query.push(")");
}

/// Adds the limit, if there is one.
fn push_limit(query: &mut Statement, limit: Option<u32>) {
    if let Some(limit) = limit {
        query.push(" LIMIT ").push_bind(limit);
    }
}

/// The start of a query for owned tokens. A token whose owner is missing is included, as damaged.
#[must_use]
pub fn select_owned() -> String {
    format!("SELECT {TOKEN_COLUMNS}, {DETAIL_COLUMNS}, t.digest, {OWNER_COLUMNS}")
}

/// Adds the conditions of a list of one owner's tokens: kind, owner, status, name and search.
pub fn push_listed<D: Dialect>(query: &mut Statement, kind: Kind, list: &TokenList<'_>) {
    let filter = list.filter;
    query.push(kind.condition).push(" AND t.owner_id = ");
    query.push_bind(list.owner);
    push_revoked(query, filter.status == Some(Status::Revoked));
    if let Some(name) = &filter.name {
        query.push(" AND t.name = ").push_bind(name.as_str());
    }
    push_search::<D>(query, filter.search.as_ref().map(Search::as_str));
    match filter.status {
        Some(Status::Live) => {
            query.push(" AND ").push(D::EXPIRES_AT).push(" > ");
            query.push_bind(list.now);
        }
        Some(Status::Expired) => push_expired(query, list.now),
        Some(Status::Revoked) | None => {}
    }
}

fn push_expired(query: &mut Statement, now: Timestamp) {
    // IS TRUE keeps a planner from sorting an index of all expired tokens for one page.
    query.push(" AND (t.expires_at <= ").push_bind(now);
    query.push(") IS TRUE");
}

fn push_revoked(query: &mut Statement, is_revoked: bool) {
    query.push(if is_revoked {
        " AND t.revoked_at IS NOT NULL"
    } else {
        " AND t.revoked_at IS NULL"
    });
}

fn push_search<D: Dialect>(query: &mut Statement, search: Option<&str>) {
    if let Some(search) = search {
        let search = query.add(search);
        let name = "coalesce(t.name_folded, lower(t.name))";
        query.push(" AND ").push(&D::contains(name, &search));
    }
}

/// Returns the sort key before the id and whether it is descending, reversed when paging back.
/// `None` if the list is ordered by id alone.
fn sort_key<D: Dialect>(sort: Sort, is_back: bool) -> Option<(String, bool)> {
    let (key, is_descending) = match sort {
        Sort::Newest => return None,
        Sort::Name => (D::lower("t.name"), false),
        Sort::Expiry => (D::EXPIRES_AT.to_owned(), false),
        Sort::LastUsed => (D::LAST_USED_AT.to_owned(), true),
    };
    Some((key, is_descending != is_back))
}

/// Adds the end of a query for a page of a list; the condition for the tokens beyond the cursor
/// follows the word `before`.
pub fn push_page<D: Dialect>(query: &mut Statement, before: &str, list: &TokenList<'_>) {
    push_beyond::<D>(query, before, list);
    push_order::<D>(query, list);
}

fn push_beyond<D: Dialect>(query: &mut Statement, before: &str, list: &TokenList<'_>) {
    let (Some(seek), sort) = (list.seek, list.filter.sort) else {
        return;
    };
    query.push(before);
    let is_back = matches!(seek, Seek::Before(_));
    let beyond = |is_descending| if is_descending { "<" } else { ">" };
    let cursor = seek.cursor();
    query.push("(");
    if let Some((key, is_descending)) = sort_key::<D>(sort, is_back) {
        let value = match &cursor.key {
            // Ordered by id alone.
            SortKey::Newest => String::new(),
            SortKey::Name(name) => query.add(name.clone()),
            SortKey::Expiry(at) => {
                let at = query.add(*at);
                D::EXPIRES_AT.replace("t.expires_at", &at)
            }
            SortKey::LastUsed(at) => {
                let at = query.add(*at);
                D::LAST_USED_AT.replace("t.last_used_at", &at)
            }
        };
        let beyond = beyond(is_descending);
        query.push(&format!("{key} {beyond} {value} OR {key} = {value} AND "));
    }
    query.push(&format!("t.id {} ", beyond(!is_back)));
    query.push_bind(cursor.id).push(")");
}

/// Adds the order and the limit of a list.
fn push_order<D: Dialect>(query: &mut Statement, list: &TokenList<'_>) {
    let (seek, sort) = (list.seek, list.filter.sort);
    let is_back = matches!(seek, Some(Seek::Before(_)));
    let order = |is_descending| if is_descending { "DESC" } else { "ASC" };
    query.push(" ORDER BY ");
    if let Some((key, is_descending)) = sort_key::<D>(sort, is_back) {
        query.push(&format!("{key} {}, ", order(is_descending)));
    }
    query.push(&format!("t.id {} LIMIT ", order(!is_back)));
    query.push_bind(list.limit);
}

/// Adds the condition for the kind, and [`TokenFilter::matches`] with only the conditions that are
/// set, so that each can use its index.
pub fn push_matching<D: Dialect>(query: &mut Statement, kind: Kind, matching: &MatchingTokens<'_>) {
    let (filter, now) = (matching.filter, matching.now);
    query.push(kind.condition);
    if let Some(token) = filter.token {
        query.push(" AND t.id = ").push_bind(token);
        query.push(" AND 'personal' = ");
        query.push_bind(token.kind().as_str());
    }
    query.push_some(" AND t.owner_id = ", filter.owner);
    push_search::<D>(query, filter.search.as_ref().map(Search::as_str));
    if let Some(scope) = filter.scope {
        query.push(" AND t.scope = ").push_bind(scope.as_str());
    }
    push_revoked(query, filter.status == Some(Status::Revoked));
    match filter.status {
        Some(Status::Live) if filter.expiring_before.is_some() => {
            query.push(" AND t.expires_at > ").push_bind(now);
        }
        Some(Status::Live) => {
            query.push(" AND ").push(D::EXPIRES_AT).push(" > ");
            query.push_bind(now);
        }
        Some(Status::Expired) => push_expired(query, now),
        Some(Status::Revoked) | None => {}
    }
    query.push_some(
        " AND coalesce(t.last_used_at, t.created_at) < ",
        filter.unused_since,
    );
    query.push_some(" AND t.expires_at < ", filter.expiring_before);
}
