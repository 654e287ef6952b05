//! Parts of the queries for lists of tokens, which each database puts together so that a page costs
//! the same however many tokens there are and have ended.
//!
//! A page is read either in its order, up to as many tokens as it has, which takes long if few
//! tokens match; or from the index of expiry, which takes long if many match, as they are sorted.
//! A query in advance ([`many_by_expiry`]) finds out how many there are, up to 1,024.

use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Search, Seek, Sort, SortKey, Status};
use openindex_domain::user::UserId;

use crate::dialect::Dialect;
pub use crate::dialect::{Beyond, Kind, MatchingTokens, TokenList};
use crate::rows::{DETAIL_COLUMNS, OWNER_COLUMNS, TOKEN_COLUMNS};
use crate::statement::Statement;

/// Up to as many tokens are found by when they expire, and sorted. More than the 1,000 live tokens
/// of a large quota.
const FEW: u32 = 1_024;

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

/// Adds these parts, all together.
fn push_parts<T>(
    query: &mut Statement,
    parts: impl IntoIterator<Item = T>,
    push: impl Fn(&mut Statement, T),
) {
    let mut separator = "";
    for part in parts {
        query.push(separator);
        push(query, part);
        separator = " UNION ALL ";
    }
}

/// Which tokens a filter selects by when they expire.
#[derive(Debug, Clone, Copy)]
pub struct Expiring {
    owner: Option<UserId>,
    status: Option<Status>,
    before: Option<Timestamp>,
    now: Timestamp,
}

impl Expiring {
    /// Returns what the list of an owner selects.
    #[must_use]
    pub const fn of_list(list: &TokenList<'_>) -> Self {
        Self {
            owner: Some(list.owner),
            status: list.filter.status,
            before: None,
            now: list.now,
        }
    }

    /// Returns what this filter selects.
    #[must_use]
    pub const fn of_filter(filter: &TokenFilter, now: Timestamp) -> Self {
        Self {
            owner: filter.owner,
            status: filter.status,
            before: filter.expiring_before,
            now,
        }
    }

    /// Returns whether there is an index of the tokens that it selects. That of all owners does not
    /// have the tokens that never expire.
    #[must_use]
    pub const fn is_indexed(&self) -> bool {
        match self.status {
            Some(Status::Revoked) => false,
            Some(Status::Expired) => true,
            Some(Status::Live) => self.owner.is_some() || self.before.is_some(),
            None => self.before.is_some(),
        }
    }

    /// Returns the column of the index.
    const fn column<D: Dialect>(&self) -> &'static str {
        match self.owner {
            Some(_) => D::EXPIRES_AT,
            None => "t.expires_at",
        }
    }

    /// Adds the conditions on that column.
    fn push<D: Dialect>(&self, query: &mut Statement) {
        let column = self.column::<D>();
        let mut condition = |compare: &str, at: Timestamp| {
            let text = format!(" AND {column} {compare} ");
            query.push(&text).push_bind(at);
        };
        match self.status {
            Some(Status::Live) => condition(">", self.now),
            Some(Status::Expired) => condition("<=", self.now),
            Some(Status::Revoked) | None => {}
        }
        if let Some(before) = self.before {
            condition("<", before);
        }
    }

    /// Adds the same conditions so that no planner uses the index for them.
    fn push_unindexed<D: Dialect>(&self, query: &mut Statement) {
        if self.status == Some(Status::Live) {
            query.push(" AND (").push(D::EXPIRES_AT).push(" > ");
            query.push_bind(self.now).push(") IS TRUE");
        }
        if self.status == Some(Status::Expired) {
            query.push(" AND (t.expires_at <= ").push_bind(self.now);
            query.push(") IS TRUE");
        }
        if let Some(before) = self.before {
            query.push(" AND (t.expires_at < ").push_bind(before);
            query.push(") IS TRUE");
        }
    }
}

impl<'a> MatchingTokens<'a> {
    /// Returns all tokens that match.
    #[must_use]
    pub fn all(filter: &'a TokenFilter, now: Timestamp) -> Self {
        Self {
            filter,
            now,
            after: None,
            limit: None,
            by_expiry: Expiring::of_filter(filter, now).is_indexed(),
        }
    }
}

/// Returns a query for a row if the filter selects more than 1,024 tokens by when they expire;
/// `None` if there is no index of them.
#[must_use]
pub fn many_by_expiry<D: Dialect>(expiring: &Expiring) -> Option<Statement> {
    if !expiring.is_indexed() {
        return None;
    }
    let index = match expiring.owner {
        Some(_) => "personal_tokens_ending",
        None => "personal_tokens_expiring",
    };
    let mut query = Statement::new(format!(
        "SELECT t.id FROM tokens t{} WHERE ",
        D::hint(index)
    ));
    query.push(KINDS[0].condition);
    push_owner::<D>(&mut query, expiring.owner);
    push_revoked(&mut query, false);
    expiring.push::<D>(&mut query);
    // The order of the index, so that no planner prefers to scan the table.
    query.push(&format!(
        " ORDER BY {} LIMIT 1 OFFSET ",
        expiring.column::<D>()
    ));
    query.push_bind(FEW);
    Some(query)
}

/// Returns whether all tokens of the list have this sort key.
fn is_name(list: &TokenList<'_>, key: &str) -> bool {
    let name = list.filter.name.as_ref();
    name.is_some_and(|name| name.as_str().to_ascii_lowercase() == key)
}

/// Returns a query for a list of one owner's tokens.
#[must_use]
pub fn list_tokens<D: Dialect>(list: &TokenList<'_>) -> Statement {
    // With a condition for both, the range of an index would begin at its start.
    let ranges: &[Beyond] = match list.seek.map(|seek| &seek.cursor().key) {
        None | Some(SortKey::Newest) => &[Beyond::All],
        Some(SortKey::Name(key)) if is_name(list, key) => &[Beyond::SameKey],
        Some(_) => &[Beyond::SameKey, Beyond::OtherKeys],
    };
    let mut query = Statement::new("SELECT t.* FROM (");
    let parts = KINDS
        .iter()
        .flat_map(|kind| ranges.iter().map(move |it| (*kind, *it)));
    push_parts(&mut query, parts, |query, (kind, range)| {
        D::push_listed(query, kind, range, list);
    });
    query.push(") t");
    push_order::<D>(&mut query, Beyond::All, list);
    query
}

/// Returns a query for owned tokens, newest first.
#[must_use]
pub fn matching_tokens<D: Dialect>(matching: &MatchingTokens<'_>) -> Statement {
    let mut query = Statement::new("");
    push_parts(&mut query, KINDS, |query, kind| {
        D::push_matching(query, kind, matching);
    });
    query.push(" ORDER BY id DESC");
    push_limit(&mut query, matching.limit);
    query
}

/// Returns a query for the ids and kinds of matching tokens, in any order.
#[must_use]
pub fn matching_ids<D: Dialect>(filter: &TokenFilter, now: Timestamp) -> Statement {
    let matching = MatchingTokens::all(filter, now);
    let mut query = Statement::new("");
    push_parts(&mut query, KINDS, |query, kind| {
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
    query.push(kind.condition);
    push_owner::<D>(query, Some(list.owner));
    push_revoked(query, filter.status == Some(Status::Revoked));
    if let Some(name) = &filter.name {
        // The first condition has an index. IS TRUE keeps a planner from replacing the name in it.
        let name = query.add(name.as_str());
        let (column, folded) = (D::lower("t.name"), D::lower(&name));
        query.push(&format!(
            " AND {column} = {folded} AND (t.name = {name}) IS TRUE"
        ));
    }
    push_search::<D>(query, filter.search.as_ref().map(Search::as_str));
    let expiring = Expiring::of_list(list);
    if list.by_expiry || filter.sort == Sort::Expiry {
        expiring.push::<D>(query);
    } else {
        expiring.push_unindexed::<D>(query);
    }
}

fn push_owner<D: Dialect>(query: &mut Statement, owner: Option<UserId>) {
    if let Some(owner) = owner {
        let owner = query.add(owner);
        query.push(" AND ").push(&D::owner_is(&owner));
    }
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
pub fn push_page<D: Dialect>(
    query: &mut Statement,
    before: &str,
    range: Beyond,
    list: &TokenList<'_>,
) {
    push_beyond::<D>(query, before, range, list);
    push_order::<D>(query, range, list);
}

fn push_beyond<D: Dialect>(
    query: &mut Statement,
    before: &str,
    range: Beyond,
    list: &TokenList<'_>,
) {
    let (Some(seek), sort) = (list.seek, list.filter.sort) else {
        return;
    };
    query.push(before);
    let is_back = matches!(seek, Seek::Before(_));
    let beyond = |is_descending| if is_descending { "<" } else { ">" };
    let cursor = seek.cursor();
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
        if range == Beyond::OtherKeys {
            query.push(&format!("{key} {} {value}", beyond(is_descending)));
            return;
        }
        query.push(&format!("{key} = {value} AND "));
    }
    query.push(&format!("t.id {} ", beyond(!is_back)));
    query.push_bind(cursor.id);
}

/// Adds the order and the limit of a list.
fn push_order<D: Dialect>(query: &mut Statement, range: Beyond, list: &TokenList<'_>) {
    let (seek, sort) = (list.seek, list.filter.sort);
    let is_back = matches!(seek, Some(Seek::Before(_)));
    let order = |is_descending| if is_descending { "DESC" } else { "ASC" };
    query.push(" ORDER BY ");
    // A planner may sort by a key that is the same for all.
    let is_same = range == Beyond::SameKey || list.filter.name.is_some() && sort == Sort::Name;
    if let Some((key, is_descending)) = sort_key::<D>(sort, is_back).filter(|_| !is_same) {
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
    push_owner::<D>(query, filter.owner);
    push_search::<D>(query, filter.search.as_ref().map(Search::as_str));
    if let Some(scope) = filter.scope {
        // Not a parameter: one of the values has an index.
        query.push(&format!(" AND t.scope = '{}'", scope.as_str()));
    }
    push_revoked(query, filter.status == Some(Status::Revoked));
    let expiring = Expiring::of_filter(filter, now);
    if matching.by_expiry {
        expiring.push::<D>(query);
    } else {
        expiring.push_unindexed::<D>(query);
    }
    query.push_some(
        " AND coalesce(t.last_used_at, t.created_at) < ",
        filter.unused_since,
    );
    query.push_some(" AND t.created_at < ", filter.created_before);
}
