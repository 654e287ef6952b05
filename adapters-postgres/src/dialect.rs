//! PostgreSQL's expressions, and the lists of tokens.

use openindex_adapters_sql::lists::{self, MatchingTokens, TokenList};
use openindex_adapters_sql::rows::{DETAIL_COLUMNS, TOKEN_COLUMNS};
use openindex_adapters_sql::{Dialect, Lock, Statement};
use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::Status;

use crate::locks;
use crate::store::PostgresDatabase;

type D = PostgresDatabase;

impl Dialect for PostgresDatabase {
    // As in the index `tokens_personal_ending`.
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

    fn run_expires_after(placeholder: &str) -> String {
        format!("(t.expires_at IS NULL OR t.expires_at > {placeholder})")
    }

    fn lock(lock: Lock<'_>) -> Vec<Statement> {
        locks::statements(lock)
    }

    fn list_tokens(list: &TokenList<'_>) -> Statement {
        let mut query = Statement::new("SELECT t.* FROM (");
        lists::push_kinds(&mut query, |query, kind, _| {
            query.push(&format!(
                "(SELECT t.* FROM (SELECT {TOKEN_COLUMNS}, {DETAIL_COLUMNS} FROM tokens t WHERE "
            ));
            lists::push_listed::<D>(query, kind, list);
            // OFFSET 0 keeps the planner from scanning an index in page order, which is slow if
            // there are few live tokens among many expired ones.
            if list.filter.status == Some(Status::Live) {
                query.push(" OFFSET 0");
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

    fn matching_tokens(matching: &MatchingTokens<'_>) -> Statement {
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

    fn matching_ids(filter: &TokenFilter, now: Timestamp) -> Statement {
        let mut query = Statement::new("");
        lists::push_kinds(&mut query, |query, kind, _| {
            query
                .push("SELECT t.id, t.kind FROM tokens t WHERE ")
                .push(kind);
            lists::push_matching::<D>(query, filter, now);
        });
        query
    }
}
