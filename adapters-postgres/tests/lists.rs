//! Plans of lists of many tokens and audit events.

mod support;

use openindex_adapters_postgres::PostgresDatabase;
use openindex_adapters_sql::lists::{self, Expiring, MatchingTokens, TokenList};
use openindex_adapters_sql::{Statement, Value};
use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::audit::{AuditCursor, AuditEventId, AuditFilter, Subject};
use openindex_domain::testing::fixtures::{self, NOW};
use openindex_domain::token::{
    ListCursor, ListFilter, Scope, Seek, Sort, SortKey, Status, TokenAction,
};
use sqlx::{AssertSqlSafe, Row as _};
use support::Postgres;

type D = PostgresDatabase;

/// Number of live tokens of user 2; user 1 has 10.
const LIVE: u64 = 500;
/// Number of newer expired tokens of user 2, and of live tokens of user 3 that never expire, with
/// the same name and an audit event each.
const MANY: u64 = 8_000;
/// Number of newer tokens of other users, 100 each.
const OTHERS: u64 = 40_000;
/// A page may read as many rows and entries of indexes more.
const FEW: u64 = 4_000;

async fn filled() -> Postgres {
    let postgres = Postgres::start().await;
    let last = 10 + LIVE + MANY;
    let others = last + MANY;
    let all = others + OTHERS;
    let id = |prefix: &str, n: &str| format!("('{prefix}70008' || lpad(to_hex({n}), 15, '0'))");
    let (user, token) = (
        |n: &str| id("000000010000", n),
        |n: &str| id("000000020000", n),
    );
    let (owner_of_n, n) = (
        user(&format!(
            "CASE WHEN n > {others} THEN 4 + n % {} \
             ELSE 1 + (n > 10)::int + (n > {last})::int END",
            OTHERS / 100
        )),
        token("n"),
    );
    let fill = format!(
        "INSERT INTO users (id, email, email_key, name, role, created_at) \
         SELECT {}::uuid, n, n, n, 'admin', now() FROM generate_series(1, {}) n; \
         INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at, expires_at) \
         SELECT {n}::uuid, 'personal', {owner_of_n}::uuid, 'many', 'read_write', \
                sha256(n::text::bytea), now(), \
                CASE WHEN n > {LIVE} + 10 AND n <= {last} THEN '1970-01-02'::timestamptz END \
         FROM generate_series(1, {all}) n; \
         INSERT INTO audit_events (id, at, actor, actor_user, actor_token, action, subject) \
         SELECT {n}::uuid, to_timestamp(n), 'token', 'usr_' || {owner_of_n}, 'pat_' || {n}, \
                'token.created', 'usr_' || {owner_of_n} \
         FROM generate_series(1, {all}) n; \
         ANALYZE tokens; ANALYZE audit_events; ANALYZE owners",
        user("n"),
        3 + OTHERS / 100
    );
    sqlx::raw_sql(AssertSqlSafe(fill))
        .execute(&postgres.raw)
        .await
        .expect("filled");
    postgres
}

/// Returns the statement with its parameters as literals.
fn with_literals(statement: &Statement) -> String {
    let mut sql = statement.sql.to_string();
    // From the last, since $1 is also the beginning of $10.
    for (index, value) in statement.values.iter().enumerate().rev() {
        let literal = match value {
            Value::Uuid(Some(id)) => format!("'{id}'::uuid"),
            Value::Text(Some(text)) => format!("'{text}'"),
            Value::Integer(Some(number)) => number.to_string(),
            Value::Time(Some(at)) => format!("'{at}'::timestamptz"),
            Value::Time(None) => "NULL".to_owned(),
            other => panic!("{other:?}"),
        };
        sql = sql.replace(&format!("${}", index + 1), &literal);
    }
    sql
}

impl Postgres {
    /// Returns how many rows and entries of indexes the query reads, with its plan.
    async fn read_by(&self, statement: &Statement) -> (u64, String) {
        let explain = format!("EXPLAIN (ANALYZE) {}", with_literals(statement));
        let rows = sqlx::raw_sql(AssertSqlSafe(explain))
            .fetch_all(&self.raw)
            .await;
        let plan: Vec<String> = rows.expect("a plan").iter().map(|row| row.get(0)).collect();
        let number = |text: &str| {
            let digits = text.split(|letter: char| !letter.is_ascii_digit()).next();
            digits.and_then(|digits| digits.parse::<u64>().ok())
        };
        let read = plan.iter().filter_map(|line| {
            let actual = line.split_once("(actual ").map(|(_, rest)| rest);
            match actual.and_then(|it| it.split_once("rows=")) {
                Some((_, rows)) => number(rows),
                None => number(line.trim().strip_prefix("Rows Removed by Filter: ")?),
            }
        });
        (read.sum(), plan.join("\n"))
    }

    /// Returns what the store reads to decide how to read a page, and the decision.
    async fn decide(&self, expiring: &Expiring) -> (u64, bool) {
        let Some(query) = lists::many_by_expiry::<D>(expiring) else {
            return (0, false);
        };
        let (read, _) = self.read_by(&query).await;
        let found = sqlx::raw_sql(AssertSqlSafe(with_literals(&query)))
            .fetch_optional(&self.raw)
            .await;
        (read, found.expect("found").is_none())
    }
}

#[tokio::test]
async fn a_page_of_an_owners_tokens_reads_few_rows() {
    let postgres = filled().await;
    let middle = fixtures::token(10 + LIVE + MANY + MANY / 2, NOW).id;
    for sort in [Sort::Newest, Sort::Name, Sort::Expiry] {
        let key = match sort {
            Sort::Newest | Sort::LastUsed => SortKey::Newest,
            Sort::Name => SortKey::Name("many".to_owned()),
            Sort::Expiry => SortKey::Expiry(None),
        };
        let at = ListCursor { key, id: middle };
        for status in [None, Some(Status::Live), Some(Status::Expired)] {
            for seek in [
                None,
                Some(Seek::After(at.clone())),
                Some(Seek::Before(at.clone())),
            ] {
                for user in [1, 2, 3] {
                    let filter = ListFilter {
                        status,
                        sort,
                        ..ListFilter::default()
                    };
                    let mut list = TokenList {
                        owner: fixtures::user(user).id,
                        filter: &filter,
                        now: NOW,
                        seek: seek.as_ref(),
                        limit: 10,
                        by_expiry: false,
                    };
                    let (decided, by_expiry) = postgres.decide(&Expiring::of_list(&list)).await;
                    list.by_expiry = by_expiry;
                    let (read, plan) = postgres.read_by(&lists::list_tokens::<D>(&list)).await;
                    assert!(
                        decided + read < FEW,
                        "{filter:?} at {seek:?} of user {user}: {decided} + {read} of\n{plan}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_page_of_all_tokens_reads_few_rows() {
    let postgres = filled().await;
    let any = TokenFilter::default();
    let of = |user| TokenFilter {
        owner: Some(fixtures::user(user).id),
        ..any.clone()
    };
    let with = |filter: &TokenFilter, status| TokenFilter {
        status: Some(status),
        ..filter.clone()
    };
    let mut filters = vec![
        any.clone(),
        with(&any, Status::Live),
        with(&any, Status::Revoked),
        TokenFilter {
            scope: Some(Scope::Admin),
            ..any.clone()
        },
        TokenFilter {
            expiring_before: Some(fixtures::token(1, NOW).created_at),
            status: Some(Status::Live),
            ..any.clone()
        },
    ];
    for user in [1, 2, 3] {
        filters.push(of(user));
        let statuses = [Status::Live, Status::Expired, Status::Revoked];
        filters.extend(statuses.map(|status| with(&of(user), status)));
    }
    for filter in filters {
        let (decided, by_expiry) = postgres.decide(&Expiring::of_filter(&filter, NOW)).await;
        let query = lists::matching_tokens::<D>(&MatchingTokens {
            filter: &filter,
            now: NOW,
            after: None,
            limit: Some(10),
            by_expiry,
        });
        let (read, plan) = postgres.read_by(&query).await;
        assert!(
            decided + read < FEW,
            "{filter:?}: {decided} + {read} of\n{plan}"
        );
    }
}

#[tokio::test]
async fn a_page_of_the_audit_log_reads_few_rows() {
    let postgres = filled().await;
    let cursor = AuditCursor {
        at: NOW,
        id: AuditEventId::from_uuid(fixtures::token(1, NOW).id.uuid()),
    };
    for user in [1, 3].map(|user| fixtures::user(user).id) {
        let any = AuditFilter::default();
        for filter in [
            any,
            AuditFilter {
                action: Some(TokenAction::CREATED),
                ..any
            },
            AuditFilter {
                actor: Some(user),
                ..any
            },
            AuditFilter {
                subject: Some(Subject::User(user)),
                ..any
            },
            AuditFilter {
                subject: Some(Subject::User(user)),
                action: Some(TokenAction::CREATED),
                ..any
            },
            AuditFilter {
                involving: Some(user),
                ..any
            },
        ] {
            for after in [None, Some(cursor)] {
                let query = openindex_adapters_sql::audit_events(&filter, after, 10);
                let (read, plan) = postgres.read_by(&query).await;
                assert!(read < FEW, "{filter:?} after {after:?}: {read} of\n{plan}");
            }
        }
    }
}
