//! SQLite's expressions, and the lists of tokens. In the order of ids, a page is read from an index
//! alone, and the query names that index: old statistics (`ANALYZE` before most tokens expired)
//! would make SQLite read every token instead.

use openindex_adapters_sql::lists::{self, Kind, MatchingTokens, TokenList};
use openindex_adapters_sql::rows::{DETAIL_COLUMNS, TOKEN_COLUMNS};
use openindex_adapters_sql::{Dialect, Statement, Value};
use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::token::Status;

use crate::store::SqliteDatabase;

type D = SqliteDatabase;

/// Names the index for tokens of the common kind; the few others are found anyway.
fn push_index(query: &mut Statement, index: Option<&'static str>, kind: Kind) {
    if let Some(index) = index.filter(|_| kind.is_common) {
        query.push(&D::hint(index));
    }
}

impl Dialect for SqliteDatabase {
    // As in the index `personal_tokens_ending`.
    const EXPIRES_AT: &'static str = "coalesce(t.expires_at, 253402300800000)";
    const LAST_USED_AT: &'static str = "coalesce(t.last_used_at, -1)";
    const SEEN_AT: &'static str = "max(\
        coalesce((SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id), -1), \
        coalesce((SELECT max(t.last_used_at) FROM tokens t \
                  WHERE t.owner_id = u.id AND t.kind = 'personal'), -1), \
        coalesce((SELECT e.at FROM audit_events e \
                  WHERE e.actor_user = 'usr_' || lower(hex(u.id)) \
                  ORDER BY e.at DESC, e.id DESC LIMIT 1), -1))";
    // A change holds the only lock that there is from its start.
    const SKIP_LOCKED: &'static str = "";
    const HAS_CONCURRENT_CHANGES: bool = false;
    // A statement has at most 32,766 parameters.
    const MAX_ROWS: usize = 500;
    const POSITION: &'static str = "instr";
    const ASCII: &'static str = "";

    fn any(column: &str, placeholder: &str) -> String {
        format!("{column} IN (SELECT unhex(value) FROM json_each({placeholder}))")
    }

    fn any_text(column: &str, placeholder: &str) -> String {
        format!("{column} IN (SELECT value FROM json_each({placeholder}))")
    }

    fn hint(index: &'static str) -> String {
        format!(" INDEXED BY {index}")
    }

    fn push_rows<T, const N: usize>(
        query: &mut Statement,
        rows: &[T],
        values: impl Fn(&T) -> [Value; N],
    ) {
        // SQLite searches the names of all parameters, such as `$1`, for each of them. Without
        // names, the parameters are those at the start.
        let are_first = query.values.is_empty();
        query.push_values(
            rows,
            values,
            |name| if are_first { "?".to_owned() } else { name },
        );
    }

    fn is_indexed(term: &str) -> bool {
        term.chars().nth(2).is_some()
    }

    fn push_candidates(query: &mut Statement, terms: &[&str]) {
        // CROSS JOIN reads the index of searches first, whatever the statistics say.
        query.push(
            "work_items_search CROSS JOIN work_items w \
             ON w.id = work_items_search.rowid AND work_items_search MATCH ",
        );
        query.push_bind(trigrams(terms));
    }

    fn push_listed(query: &mut Statement, kind: Kind, list: &TokenList<'_>) {
        let index = match (list.filter.status, &list.filter.name) {
            (Some(Status::Revoked), _) => None,
            (Some(Status::Live), _) => Some("personal_tokens_ending"),
            (_, Some(_)) => Some("personal_tokens_named"),
            _ => Some("personal_tokens_listed"),
        };
        query.push(&format!(
            "SELECT * FROM (SELECT {TOKEN_COLUMNS}, {DETAIL_COLUMNS} \
             FROM (SELECT t.rowid AS found FROM tokens t"
        ));
        push_index(query, index, kind);
        query.push(" WHERE ");
        lists::push_listed::<D>(query, kind, list);
        lists::push_page::<D>(query, " AND ", list);
        query.push(") CROSS JOIN tokens t ON t.rowid = found)");
    }

    fn push_matching(query: &mut Statement, kind: Kind, matching: &MatchingTokens<'_>) {
        query.push(&format!("SELECT * FROM ({} FROM ", lists::select_owned()));
        push_matching_rows(query, kind, matching);
        query.push(
            " CROSS JOIN tokens t ON t.rowid = found LEFT JOIN owners o ON o.id = t.owner_id \
             ORDER BY t.id DESC)",
        );
    }

    fn push_matching_ids(query: &mut Statement, kind: Kind, matching: &MatchingTokens<'_>) {
        query.push("SELECT t.id, t.kind FROM ");
        push_matching_rows(query, kind, matching);
        query.push(" CROSS JOIN tokens t ON t.rowid = found");
    }
}

/// Returns an FTS5 query for every sequence of three characters of these terms.
fn trigrams(terms: &[&str]) -> String {
    let mut query = String::new();
    for term in terms {
        let chars: Vec<char> = term.chars().collect();
        for three in chars.windows(3) {
            let three = String::from_iter(three).replace('"', "\"\"");
            query.extend(["\"", &three, "\" "]);
        }
    }
    query
}

/// Adds the rows of this kind that match the filter, newest first, from the index that [`index`]
/// names.
fn push_matching_rows(query: &mut Statement, kind: Kind, matching: &MatchingTokens<'_>) {
    query.push("(SELECT t.rowid AS found FROM tokens t");
    push_index(query, index(matching.filter), kind);
    query.push(" WHERE ");
    lists::push_matching::<D>(query, kind, matching);
    lists::push_newest(query, " AND ", matching);
}

/// Returns the index to use whatever the statistics say; `None` if an id or the owner leaves few
/// rows.
fn index(filter: &TokenFilter) -> Option<&'static str> {
    match (filter.owner, filter.status) {
        _ if filter.token.is_some() => None,
        (Some(_), Some(Status::Revoked)) => None,
        (Some(_), Some(Status::Live)) if filter.expiring_before.is_none() => {
            Some("personal_tokens_ending")
        }
        (Some(_), _) => Some("personal_tokens_listed"),
        (None, Some(Status::Revoked)) => Some("personal_tokens_revoked"),
        _ if filter.expiring_before.is_some() => Some("personal_tokens_expiring"),
        _ => Some("personal_tokens_unrevoked"),
    }
}

#[cfg(test)]
mod tests {
    use openindex_domain::testing::fixtures::{self, NOW};
    use openindex_domain::token::{ListCursor, ListFilter, Scope, Seek, SortKey, TokenName};

    use super::*;
    use crate::testing::{LIVE, ManyTokens};

    fn first_page(filter: &TokenFilter) -> Statement {
        lists::matching_tokens::<D>(&MatchingTokens {
            filter,
            now: NOW,
            after: None,
            limit: Some(10),
        })
    }

    #[tokio::test]
    async fn each_filter_uses_its_index_whatever_the_statistics_say() {
        let many = ManyTokens::new().await;
        let any = TokenFilter::default();
        let [live, expired, revoked] =
            [Status::Live, Status::Expired, Status::Revoked].map(|status| TokenFilter {
                status: Some(status),
                ..any.clone()
            });
        let before = |filter: &TokenFilter| TokenFilter {
            expiring_before: Some(NOW),
            ..filter.clone()
        };
        let of = |filter: &TokenFilter| TokenFilter {
            owner: Some(fixtures::user(2).id),
            ..filter.clone()
        };
        let unused = TokenFilter {
            unused_since: Some(NOW),
            ..any.clone()
        };
        let admin = TokenFilter {
            scope: Some(Scope::Admin),
            ..any.clone()
        };
        for (filter, index) in [
            (any.clone(), "personal_tokens_unrevoked"),
            (live.clone(), "personal_tokens_unrevoked"),
            (expired.clone(), "personal_tokens_unrevoked"),
            (unused, "personal_tokens_unrevoked"),
            (admin, "personal_tokens_unrevoked"),
            (revoked, "personal_tokens_revoked"),
            (before(&any), "personal_tokens_expiring (expires_at<?)"),
            (
                before(&live),
                "personal_tokens_expiring (expires_at>? AND expires_at<?)",
            ),
            (of(&any), "personal_tokens_listed (owner_id=?)"),
            (of(&expired), "personal_tokens_listed (owner_id=?)"),
            (
                of(&live),
                "personal_tokens_ending (owner_id=? AND <expr>>?)",
            ),
            (of(&before(&live)), "personal_tokens_listed (owner_id=?)"),
        ] {
            let query = first_page(&filter);
            let plan = many.plan(&query).await;
            assert!(plan.contains(index), "{filter:?}: {plan}");
            assert!(!plan.contains("SCAN t\n"), "{filter:?}: {plan}");
            assert!(plan.contains("SEARCH o"), "{filter:?}: {plan}");
        }
    }

    #[tokio::test]
    async fn a_page_of_one_owner_costs_the_same_with_any_number_of_expired_tokens() {
        let many = ManyTokens::new().await;
        for status in [None, Some(Status::Live), Some(Status::Expired)] {
            let query = |user| {
                let owner = Some(fixtures::user(user).id);
                let filter = TokenFilter {
                    owner,
                    status,
                    ..TokenFilter::default()
                };
                first_page(&filter)
            };
            let (few, many) = (many.steps(query(1)).await, many.steps(query(2)).await);
            assert!(many < few + LIVE * 20, "{status:?}: {few} and {many} steps");
        }
    }

    #[tokio::test]
    async fn a_page_costs_the_same_with_any_number_of_expired_tokens() {
        let many = ManyTokens::new().await;
        let name = TokenName::parse("many").expect("a name");
        for status in [None, Some(Status::Live), Some(Status::Expired)] {
            for name in [None, Some(name.clone())] {
                let filter = ListFilter {
                    status,
                    name,
                    ..ListFilter::default()
                };
                let newest = Seek::After(ListCursor {
                    key: SortKey::Newest,
                    id: ManyTokens::newest(),
                });
                for after in [None, Some(&newest)] {
                    let query = |user| {
                        lists::list_tokens::<D>(&TokenList {
                            owner: fixtures::user(user).id,
                            filter: &filter,
                            now: NOW,
                            seek: after,
                            limit: 10,
                        })
                    };
                    let (few, many) = (many.steps(query(1)).await, many.steps(query(2)).await);
                    assert!(
                        many < few + LIVE * 20,
                        "{filter:?} after {after:?}: {few} steps with few, {many} with many"
                    );
                }
            }
        }
    }
}
