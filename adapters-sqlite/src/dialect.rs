//! SQLite's expressions, and the lists of tokens. In the order of ids, a page is read from an index
//! alone, and the query names that index: old statistics (`ANALYZE` before most tokens expired)
//! would make SQLite read every token instead.

use openindex_adapters_sql::lists::{self, Beyond, Kind, MatchingTokens, TokenList};
use openindex_adapters_sql::rows::{DETAIL_COLUMNS, TOKEN_COLUMNS};
use openindex_adapters_sql::{Dialect, Statement, Value};
use openindex_domain::token::{Scope, Sort, Status};

use crate::store::SqliteDatabase;

type D = SqliteDatabase;

/// Names the index for tokens of the common kind, and that of the few others.
fn push_index(query: &mut Statement, index: Option<&'static str>, kind: Kind) {
    if let Some(index) = index {
        query.push(&D::hint(if kind.is_common {
            index
        } else {
            "tokens_of_unknown_kind"
        }));
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

    fn push_listed(query: &mut Statement, kind: Kind, range: Beyond, list: &TokenList<'_>) {
        let filter = list.filter;
        let index = match (&filter.name, filter.sort) {
            _ if filter.status == Some(Status::Revoked) => "personal_tokens_revoked_listed",
            _ if list.by_expiry => "personal_tokens_ending",
            (Some(_), _) | (_, Sort::Name) => "personal_tokens_named",
            (None, Sort::Expiry) => "personal_tokens_ending",
            (None, Sort::Newest | Sort::LastUsed) => "personal_tokens_listed",
        };
        query.push(&format!(
            "SELECT * FROM (SELECT {TOKEN_COLUMNS}, {DETAIL_COLUMNS} \
             FROM (SELECT t.rowid AS found FROM tokens t"
        ));
        push_index(query, Some(index), kind);
        query.push(" WHERE ");
        lists::push_listed::<D>(query, kind, list);
        lists::push_page::<D>(query, " AND ", range, list);
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
    push_index(query, index(matching), kind);
    query.push(" WHERE ");
    lists::push_matching::<D>(query, kind, matching);
    lists::push_newest(query, " AND ", matching);
}

/// Returns the index to use whatever the statistics say; `None` for a single token.
fn index(matching: &MatchingTokens<'_>) -> Option<&'static str> {
    let filter = matching.filter;
    if filter.token.is_some() {
        return None;
    }
    Some(match (filter.owner, filter.status) {
        (Some(_), Some(Status::Revoked)) => "personal_tokens_revoked_listed",
        (Some(_), _) if matching.by_expiry => "personal_tokens_ending",
        (Some(_), _) => "personal_tokens_listed",
        (None, Some(Status::Revoked)) => "personal_tokens_revoked",
        (None, _) if matching.by_expiry => "personal_tokens_expiring",
        (None, _) if filter.scope == Some(Scope::Admin) => "personal_tokens_with_admin_scope",
        (None, _) => "personal_tokens_unrevoked",
    })
}

#[cfg(test)]
mod tests {
    use openindex_adapters_sql::lists::Expiring;
    use openindex_domain::admin_tokens::TokenFilter;
    use openindex_domain::audit::{AuditCursor, AuditEventId, AuditFilter, Subject};
    use openindex_domain::testing::fixtures::{self, NOW};
    use openindex_domain::token::{ListCursor, ListFilter, Seek, SortKey, TokenAction, TokenName};

    use super::*;
    use crate::testing::{LIVE, ManyTokens};

    /// A page may take as many steps more, which is far fewer than there are tokens.
    const FEW_STEPS: u64 = LIVE * 30;

    fn first_page(filter: &TokenFilter, by_expiry: bool) -> Statement {
        lists::matching_tokens::<D>(&MatchingTokens {
            filter,
            now: NOW,
            after: None,
            limit: Some(10),
            by_expiry,
        })
    }

    /// Returns the query that the store makes first, and whether a page is then found by expiry.
    async fn decide(many: &ManyTokens, expiring: &Expiring) -> (u64, bool) {
        match lists::many_by_expiry::<D>(expiring) {
            None => (0, false),
            Some(query) => (many.steps(query.clone()).await, !many.finds(query).await),
        }
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
        let admin = |filter: &TokenFilter| TokenFilter {
            scope: Some(Scope::Admin),
            ..filter.clone()
        };
        let expiring = "personal_tokens_expiring (expires_at";
        for (filter, by_expiry, index) in [
            (any.clone(), false, "personal_tokens_unrevoked"),
            (live.clone(), false, "personal_tokens_unrevoked"),
            (expired.clone(), false, "personal_tokens_unrevoked"),
            (expired.clone(), true, expiring),
            (unused, false, "personal_tokens_unrevoked"),
            (admin(&any), false, "personal_tokens_with_admin_scope"),
            (admin(&live), false, "personal_tokens_with_admin_scope"),
            (revoked.clone(), false, "personal_tokens_revoked"),
            (before(&any), false, "personal_tokens_unrevoked"),
            (
                before(&any),
                true,
                "personal_tokens_expiring (expires_at<?)",
            ),
            (
                before(&live),
                true,
                "personal_tokens_expiring (expires_at>? AND expires_at<?)",
            ),
            (of(&any), false, "personal_tokens_listed (owner_id=?)"),
            (of(&expired), false, "personal_tokens_listed (owner_id=?)"),
            (of(&live), false, "personal_tokens_listed (owner_id=?)"),
            (
                of(&live),
                true,
                "personal_tokens_ending (owner_id=? AND <expr>>?)",
            ),
            (
                of(&before(&live)),
                true,
                "personal_tokens_ending (owner_id=? AND <expr>>? AND <expr><?)",
            ),
            (
                of(&revoked),
                false,
                "personal_tokens_revoked_listed (owner_id=?)",
            ),
        ] {
            let query = first_page(&filter, by_expiry);
            let plan = many.plan(&query).await;
            assert!(plan.contains(index), "{filter:?}: {plan}");
            assert!(plan.contains("tokens_of_unknown_kind"), "{plan}");
            assert!(!plan.contains("SCAN t\n"), "{filter:?}: {plan}");
            assert!(plan.contains("SEARCH o"), "{filter:?}: {plan}");
        }
    }

    #[tokio::test]
    async fn a_page_of_one_owner_costs_the_same_with_any_number_of_tokens() {
        let many = ManyTokens::new().await;
        for status in [None, Some(Status::Live), Some(Status::Expired)] {
            let mut steps = Vec::new();
            for user in [1, 2, 3] {
                let filter = TokenFilter {
                    owner: Some(fixtures::user(user).id),
                    status,
                    ..TokenFilter::default()
                };
                let (counted, by_expiry) = decide(&many, &Expiring::of_filter(&filter, NOW)).await;
                steps.push(counted + many.steps(first_page(&filter, by_expiry)).await);
            }
            for many in &steps[1..] {
                assert!(*many < steps[0] + FEW_STEPS, "{status:?}: {steps:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_page_costs_the_same_with_any_number_of_tokens() {
        let many = ManyTokens::new().await;
        let name = TokenName::parse("many").expect("a name");
        // Most recently used tokens come first only after all of them are read.
        for sort in [Sort::Newest, Sort::Name, Sort::Expiry] {
            let key = match sort {
                Sort::Newest | Sort::LastUsed => SortKey::Newest,
                Sort::Name => SortKey::Name("many".to_owned()),
                Sort::Expiry => SortKey::Expiry(None),
            };
            let at = |id| {
                let key = key.clone();
                ListCursor { key, id }
            };
            let seeks = [
                None,
                Some(Seek::After(at(ManyTokens::newest()))),
                Some(Seek::After(at(ManyTokens::middle()))),
                Some(Seek::Before(at(ManyTokens::middle()))),
            ];
            for status in [None, Some(Status::Live), Some(Status::Expired)] {
                for name in [None, Some(name.clone())] {
                    // The tokens of one name are sorted, unless the order is theirs.
                    if name.is_some() && sort == Sort::Expiry {
                        continue;
                    }
                    let filter = ListFilter {
                        status,
                        name,
                        sort,
                        ..ListFilter::default()
                    };
                    for seek in &seeks {
                        // No expired token has a cursor of tokens that never expire.
                        let is_foreign = sort == Sort::Expiry && status == Some(Status::Expired);
                        if is_foreign && seek.is_some() {
                            continue;
                        }
                        let mut steps = Vec::new();
                        for user in [1, 2, 3] {
                            let mut list = TokenList {
                                owner: fixtures::user(user).id,
                                filter: &filter,
                                now: NOW,
                                seek: seek.as_ref(),
                                limit: 10,
                                by_expiry: false,
                            };
                            let (counted, by_expiry) =
                                decide(&many, &Expiring::of_list(&list)).await;
                            list.by_expiry = by_expiry && sort != Sort::Expiry;
                            let page = many.steps(lists::list_tokens::<D>(&list)).await;
                            steps.push(counted + page);
                        }
                        for many in &steps[1..] {
                            assert!(
                                *many < steps[0] + FEW_STEPS,
                                "{filter:?} at {seek:?}: {steps:?} steps"
                            );
                        }
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn a_page_of_the_audit_log_costs_the_same_with_any_number_of_events() {
        let many = ManyTokens::new().await;
        let cursor = AuditCursor {
            at: NOW,
            id: AuditEventId::from_uuid(ManyTokens::newest().uuid()),
        };
        for select in [
            |user, filter| AuditFilter {
                actor: Some(user),
                ..filter
            },
            |user, filter| AuditFilter {
                subject: Some(Subject::User(user)),
                ..filter
            },
            |user, filter| AuditFilter {
                involving: Some(user),
                ..filter
            },
        ] {
            for action in [None, Some(TokenAction::CREATED)] {
                for after in [None, Some(cursor)] {
                    let mut steps = Vec::new();
                    for user in [1, 3] {
                        let filter = AuditFilter {
                            action,
                            ..AuditFilter::default()
                        };
                        let filter = select(fixtures::user(user).id, filter);
                        steps.push(
                            many.steps(openindex_adapters_sql::audit_events(&filter, after, 10))
                                .await,
                        );
                    }
                    assert!(steps[1] < steps[0] + FEW_STEPS, "{action:?}: {steps:?}");
                }
            }
        }
    }
}
