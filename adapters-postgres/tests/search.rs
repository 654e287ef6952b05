//! The index of searches: which searches read it, and that it has every text.

mod support;

use openindex_adapters_postgres::{PoolOptions, PostgresDatabase, PostgresStore, TablePrefix};
use openindex_adapters_sql::{Value, search_statements};
use openindex_domain::testing::fixtures;
use openindex_domain::work_item::{SearchTerms, WorkItemFilter, WorkItemStore};
use openindex_domain::{StoreError, StoreHealth};
use sqlx::{AssertSqlSafe, Row};
use support::{Postgres, put_work_item, seed, seeded};

/// Adds items 2 to 5000 to item 1, each newer than the one before.
const MANY: &str = "INSERT INTO work_items (domain, number, part, kind, title, description, search_text,
        status, priority, target, created_by, created_at, updated_at, version, last_part)
    SELECT domain, n, part, kind, 'Item ' || n, description, 'ops-' || n || '; item', status,
        priority, target, created_by, created_at + n * interval '1 second', updated_at, version, last_part
    FROM work_items, generate_series(2, 5000) n WHERE number = 1";

fn search(text: &str) -> WorkItemFilter {
    WorkItemFilter {
        search: SearchTerms::parse(text).expect("a search"),
        ..WorkItemFilter::default()
    }
}

/// Returns the keys of the ten newest items that a search finds.
async fn found(store: &PostgresStore<true, true>, text: &str) -> Result<Vec<String>, StoreError> {
    let items = store.items(&search(text), fixtures::NOW, None, 10).await?;
    Ok(items.iter().map(|item| item.key.to_string()).collect())
}

async fn rows(postgres: &Postgres, explain: &str, text: &str, statement: usize) -> Vec<String> {
    let statement = &search_statements::<PostgresDatabase>(&search(text), 10)[statement];
    let sql = format!("{explain}{}", statement.sql);
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in &statement.values {
        query = match value {
            Value::Text(text) => query.bind(text.clone()),
            Value::Integer(number) => query.bind(*number),
            other => panic!("{other:?}"),
        };
    }
    let rows = query.fetch_all(&postgres.raw).await.expect("rows");
    let text = |row: &sqlx::postgres::PgRow| {
        let number = row.try_get(0).map(|number: i64| number.to_string());
        number.unwrap_or_else(|_| row.get(0))
    };
    rows.iter().map(text).collect()
}

#[tokio::test]
async fn a_search_that_few_items_match_reads_the_index_and_another_one_the_newest_items() {
    let postgres = seeded().await;
    put_work_item(&postgres.owner, &fixtures::work_item(1)).await;
    postgres.execute(MANY).await;
    for statistics in ["SELECT", "ANALYZE work_items", "VACUUM ANALYZE work_items"] {
        postgres.execute(statistics).await;
        for statement in [0, 1] {
            let plan = rows(&postgres, "EXPLAIN ", "item 4711;", statement).await;
            let plan = plan.join("\n");
            assert!(
                plan.contains("Bitmap Index Scan on work_items_search"),
                "{plan}"
            );
            assert!(!plan.contains("Seq Scan on work_items"), "{plan}");
            assert!(!plan.contains("work_items_newest"), "{plan}");
        }
    }
    // All items have the term; that many are not counted.
    assert_eq!(rows(&postgres, "", "item", 0).await, ["2000"]);
    let newest: Vec<_> = (4991..=5000).rev().map(|n| format!("OPS-{n}")).collect();
    let found = |text: &'static str| found(&postgres.store, text);
    assert_eq!(found("item").await.expect("found"), newest);
    assert_eq!(rows(&postgres, "", "item 4711;", 0).await, ["1"]);
    assert_eq!(found("item 4711;").await.expect("found"), ["OPS-4711"]);
    assert_eq!(found("9 4711;").await.expect("found"), Vec::<String>::new());
    assert_eq!(found("7 4711;").await.expect("found"), ["OPS-4711"]);
}

#[tokio::test]
async fn a_serving_role_searches_and_writes_even_if_functions_are_not_public_by_default() {
    for prefix in [None, Some("oi_")] {
        let mut options = PoolOptions::default();
        if let Some(prefix) = prefix {
            options = options.with_table_prefix(TablePrefix::parse(prefix).expect("a prefix"));
        }
        let postgres = Postgres::start_empty(options).await;
        postgres
            .execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
            .await;
        postgres.store.migrate().await.expect("migrated");
        seed(&postgres.owner).await;
        let served = postgres.serve_as(&postgres.new_role("").await).await;
        served.ready().await.expect("ready");
        served
            .put_work_item(&fixtures::work_item(1))
            .await
            .expect("a work item");
        assert_eq!(found(&served, "item").await.expect("found"), ["OPS-1"]);
        assert_eq!(
            found(&served, "itemx").await.expect("found"),
            Vec::<String>::new()
        );
    }
}

#[tokio::test]
async fn items_from_before_the_index_are_found_whatever_their_length() {
    let postgres = Postgres::start_empty(PoolOptions::default()).await;
    sqlx::migrate!().run(&postgres.raw).await.expect("migrated");
    let mut work = sqlx::migrate!("./migrations-work");
    work.set_ignore_missing(true);
    let before = work.run_to(1002, &postgres.raw).await;
    before.expect("before the index");
    postgres
        .execute(
            "INSERT INTO users (id, email, email_key, name, role, created_at)
                 VALUES (gen_random_uuid(), 'a@example.com', 'a@example.com', 'A', 'admin', now());
             INSERT INTO work_domains VALUES ('OPS', 4);
             INSERT INTO work_items (domain, number, part, kind, status, priority, target, created_by,
                 created_at, updated_at, version, last_part, title, description, search_text)
             SELECT 'OPS', n, 0, 'task', 'todo', 1, 'either', id, now() + n * interval '1 second',
                 now(), 1, 0, 'Item', '',
                 (ARRAY['', '日本', 'ops-3 ' || repeat('é', 40000) || ' end', 'ops-4'])[n]
             FROM users, generate_series(1, 4) n",
        )
        .await;
    let store = &postgres.store;
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    for (text, expected) in [
        ("日", &["OPS-2"][..]),
        ("本日", &[]),
        ("end", &["OPS-3"]),
        ("éé", &["OPS-3"]),
        ("ops-", &["OPS-4", "OPS-3"]),
        ("o", &["OPS-4", "OPS-3"]),
    ] {
        assert_eq!(found(store, text).await.expect("found"), expected, "{text}");
    }
}
