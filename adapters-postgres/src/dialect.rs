//! PostgreSQL's expressions, and the lists of tokens.

use std::convert::identity;

use openindex_adapters_sql::lists::{self, Beyond, Kind, MatchingTokens, TokenList};
use openindex_adapters_sql::rows::{DETAIL_COLUMNS, TOKEN_COLUMNS};
use openindex_adapters_sql::{Dialect, Lock, Statement, Value};
use openindex_domain::token::Sort;

use crate::locks;
use crate::store::PostgresDatabase;

type D = PostgresDatabase;

impl Dialect for PostgresDatabase {
    // As in the index `tokens_personal_by_expiry`.
    const EXPIRES_AT: &'static str = "coalesce(t.expires_at::timestamptz, 'infinity')";
    const LAST_USED_AT: &'static str = "coalesce(t.last_used_at::timestamptz, '-infinity')";
    const SEEN_AT: &'static str = "coalesce((1000 * extract(epoch FROM greatest(\
        (SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id), \
        (SELECT max(t.last_used_at) FROM tokens t \
         WHERE t.owner_id = u.id AND t.kind = 'personal'), \
        (SELECT e.at FROM audit_events e \
         WHERE e.actor_user = 'usr_' || replace(u.id::text, '-', '') \
         ORDER BY e.at DESC, e.id DESC LIMIT 1))))::bigint, -1)";
    const SKIP_LOCKED: &'static str = " FOR UPDATE SKIP LOCKED";
    const HAS_CONCURRENT_CHANGES: bool = true;
    const MAX_ROWS: usize = usize::MAX;
    const POSITION: &'static str = "strpos";
    // In this collation only ASCII letters have a case, in any locale of the database.
    const ASCII: &'static str = r#" COLLATE "C""#;

    fn any(column: &str, placeholder: &str) -> String {
        format!("{column} = ANY ({placeholder})")
    }

    fn for_update(table: &str) -> String {
        format!(" FOR NO KEY UPDATE OF {table}")
    }

    fn in_list(query: &str) -> String {
        format!("= ANY (ARRAY({query}))")
    }

    fn is_indexed(term: &str) -> bool {
        term.len() >= 3
    }

    fn push_candidates(query: &mut Statement, terms: &[&str]) {
        let mut word = "(SELECT * FROM work_items WHERE ";
        for term in terms {
            query
                .push(word)
                .push("work_item_trigrams(search_text) @> work_item_trigrams(")
                .push_bind(*term)
                .push(")");
            word = " AND ";
        }
        // OFFSET 0 keeps the planner from scanning an index in page order to its end for a few
        // items.
        query.push(" OFFSET 0) w");
    }

    // Of an owner with many tokens, which it would see in statistics, the planner would read those
    // of all owners in the order of ids, expecting one of this owner soon.
    fn owner_is(placeholder: &str) -> String {
        format!("t.owner_id = (SELECT {placeholder}::uuid)")
    }

    fn run_expires_after(placeholder: &str) -> String {
        format!("(t.expires_at IS NULL OR t.expires_at > {placeholder})")
    }

    fn lock(lock: Lock<'_>, has_accounts: bool) -> Vec<Statement> {
        locks::statements(lock, has_accounts)
    }

    fn push_rows<T, const N: usize>(
        query: &mut Statement,
        rows: &[T],
        values: impl Fn(&T) -> [Value; N],
    ) {
        if rows.len() == 1 {
            return query.push_values(rows, values, identity);
        }
        // Parsing and planning a parameter for each value would take longer than the rest.
        let mut columns = [const { Vec::new() }; N];
        for row in rows {
            for (column, value) in columns.iter_mut().zip(values(row)) {
                column.push(value);
            }
        }
        // Planned for this number of rows.
        query.is_cached = false;
        let mut separator = "SELECT * FROM unnest(";
        for column in columns {
            query.push(separator).push_bind(Value::Column(column));
            separator = ", ";
        }
        let names: Vec<_> = (1..=N).map(|n| format!("column{n}")).collect();
        query.push(&format!(") AS r ({})", names.join(", ")));
    }

    fn push_listed(query: &mut Statement, kind: Kind, range: Beyond, list: &TokenList<'_>) {
        query.push(&format!(
            "(SELECT t.* FROM (SELECT {TOKEN_COLUMNS}, {DETAIL_COLUMNS} FROM tokens t WHERE "
        ));
        lists::push_listed::<D>(query, kind, list);
        // OFFSET 0 keeps the planner from scanning an index in page order, which is slow if few
        // tokens match.
        if list.by_expiry && list.filter.sort != Sort::Expiry {
            query.push(" OFFSET 0");
        }
        query.push(") t");
        lists::push_page::<D>(query, " WHERE ", range, list);
        query.push(")");
    }

    fn push_matching(query: &mut Statement, kind: Kind, matching: &MatchingTokens<'_>) {
        query.push(&format!(
            "(SELECT t.* FROM ({} FROM tokens t LEFT JOIN owners o ON o.id = t.owner_id WHERE ",
            lists::select_owned()
        ));
        lists::push_matching::<D>(query, kind, matching);
        // As above.
        if matching.by_expiry {
            query.push(" OFFSET 0");
        }
        query.push(") t");
        lists::push_newest(query, " WHERE ", matching);
    }

    fn push_matching_ids(query: &mut Statement, kind: Kind, matching: &MatchingTokens<'_>) {
        query.push("SELECT t.id, t.kind FROM tokens t WHERE ");
        lists::push_matching::<D>(query, kind, matching);
    }
}
