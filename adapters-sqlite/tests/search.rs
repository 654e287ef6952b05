//! The index of searches: which searches read it, and that it has every text.

mod support;

use openindex_adapters_sql::{Value, search_statements};
use openindex_adapters_sqlite::{SqliteDatabase, SqliteOptions, SqliteStore};
use openindex_domain::StoreHealth;
use openindex_domain::testing::{WorkHarness, fixtures};
use openindex_domain::work_item::{SearchTerms, WorkItemFilter, WorkItemStore};
use sqlx::{AssertSqlSafe, Row};
use support::{Sqlite, empty_file, prefixed, seeded};

/// Adds items 2 to 5000 to item 1, each newer than the one before.
const MANY: &str =
    "WITH RECURSIVE numbers (n) AS (VALUES (2) UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000)
    INSERT INTO work_items (domain, number, part, kind, title, description, search_text, status,
        priority, target, created_by, created_at, updated_at, version, last_part)
    SELECT domain, n, part, kind, 'Item ' || n, description, 'ops-' || n || '; item', status,
        priority, target, created_by, created_at + n, updated_at, version, last_part
    FROM work_items, numbers WHERE number = 1";

fn search(text: &str) -> WorkItemFilter {
    WorkItemFilter {
        search: SearchTerms::parse(text).expect("a search"),
        ..WorkItemFilter::default()
    }
}

/// Returns the keys of the ten newest items that a search finds.
async fn found(store: &SqliteStore<true, true>, text: &str) -> Vec<String> {
    let items = store.items(&search(text), fixtures::NOW, None, 10).await;
    let items = items.expect("the store works");
    items.iter().map(|item| item.key.to_string()).collect()
}

async fn rows(sqlite: &Sqlite, explain: &str, text: &str, statement: usize) -> Vec<String> {
    let statement = &search_statements::<SqliteDatabase>(&search(text), 10)[statement];
    let sql = format!("{explain}{}", statement.sql);
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in &statement.values {
        query = match value {
            Value::Text(text) => query.bind(text.clone()),
            Value::Integer(number) => query.bind(*number),
            other => panic!("{other:?}"),
        };
    }
    let rows = query.fetch_all(&sqlite.raw).await.expect("rows");
    let column = if explain.is_empty() {
        "found"
    } else {
        "detail"
    };
    let text = |row: &sqlx::sqlite::SqliteRow| {
        let number = row.try_get(column).map(|number: i64| number.to_string());
        number.unwrap_or_else(|_| row.get(column))
    };
    rows.iter().map(text).collect()
}

#[tokio::test]
async fn a_search_that_few_items_match_reads_the_index_and_another_one_the_newest_items() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite.put_work_item(&fixtures::work_item(1)).await;
    sqlite.execute(MANY).await;
    for statistics in ["ANALYZE", "DELETE FROM sqlite_stat1"] {
        sqlite.execute(statistics).await;
        for statement in [0, 1] {
            let plan = rows(&sqlite, "EXPLAIN QUERY PLAN ", "item 4711;", statement).await;
            let mut steps = plan.iter().filter(|step| *step != "CO-ROUTINE c");
            let first = steps.next().expect("a step");
            assert!(first.contains("VIRTUAL TABLE INDEX"), "{plan:?}");
            let second = steps.next().expect("a step");
            assert!(
                second.contains("SEARCH w USING INTEGER PRIMARY KEY"),
                "{plan:?}"
            );
        }
    }
    // All items have the term; that many are not counted.
    assert_eq!(rows(&sqlite, "", "item", 0).await, ["2000"]);
    let newest: Vec<_> = (4991..=5000).rev().map(|n| format!("OPS-{n}")).collect();
    assert_eq!(found(&sqlite.store, "item").await, newest);
    assert_eq!(rows(&sqlite, "", "item 4711;", 0).await, ["1"]);
    assert_eq!(found(&sqlite.store, "item 4711;").await, ["OPS-4711"]);
    assert_eq!(found(&sqlite.store, "9 4711;").await, Vec::<String>::new());
    assert_eq!(found(&sqlite.store, "7 4711;").await, ["OPS-4711"]);
}

#[tokio::test]
async fn the_index_has_what_others_write_and_stays_right_when_rows_are_renumbered() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite.put_work_item(&fixtures::work_item(1)).await;
    sqlite.execute(MANY).await;
    sqlite
        .execute(
            "UPDATE work_items SET search_text = 'ops-7 changed' WHERE number = 7;
             UPDATE work_items SET id = 9000 WHERE number = 8;
             REPLACE INTO work_items SELECT * FROM work_items WHERE number = 9;
             UPDATE OR REPLACE work_items SET number = 11, search_text = 'ops-11 moved'
                 WHERE number = 10;
             DELETE FROM work_items WHERE number BETWEEN 20 AND 4000;
             VACUUM;
             INSERT INTO work_items_search (work_items_search) VALUES ('integrity-check')",
        )
        .await;
    for (text, expected) in [
        ("ops-7;", None),
        ("changed", Some("OPS-7")),
        ("ops-8;", Some("OPS-8")),
        ("ops-9;", Some("OPS-9")),
        ("ops-10;", None),
        ("moved", Some("OPS-11")),
        ("ops-11;", None),
        ("ops-3999;", None),
        ("ops-4001;", Some("OPS-4001")),
    ] {
        let expected: Vec<_> = expected.into_iter().collect();
        assert_eq!(found(&sqlite.store, text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn a_missing_trigger_of_the_index_is_noticed() {
    let sqlite = seeded(prefixed()).await;
    sqlite.store.ready().await.expect("ready");
    sqlite
        .execute("DROP TRIGGER oi_work_items_search_delete")
        .await;
    let error = sqlite.store.ready().await.expect_err("not ready").causes();
    assert!(
        error.contains("oi_work_items_search_delete is missing, so searches would miss"),
        "{error}"
    );
}

#[tokio::test]
async fn items_from_before_the_index_are_found() {
    let (_directory, raw, url) = empty_file().await;
    sqlx::migrate!().run(&raw).await.expect("migrated");
    let mut work = sqlx::migrate!("./migrations-work");
    work.set_ignore_missing(true);
    work.run_to(1002, &raw).await.expect("before the index");
    let filled = sqlx::raw_sql(
        "INSERT INTO users (id, email, email_key, name, role, created_at)
             VALUES (zeroblob(16), 'a@example.com', 'a@example.com', 'A', 'admin', 1);
         INSERT INTO work_domains VALUES ('OPS', 2);
         INSERT INTO work_items (domain, number, part, kind, status, priority, target, created_by,
             created_at, updated_at, version, last_part, title, description, search_text)
         SELECT 'OPS', value, 0, 'task', 'todo', 1, 'either', zeroblob(16), 1, 1, 1, 0, 'Item',
             '', 'ops-' || value || ' item' FROM json_each('[1, 2]');
         PRAGMA ignore_check_constraints = ON;
         UPDATE work_items SET status = 'odd' WHERE number = 2",
    );
    filled.execute(&raw).await.expect("items");
    raw.close().await;
    let store = SqliteStore::connect(&url).await.expect("a store");
    let store = store.with_accounts().with_work_items();
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    assert_eq!(found(&store, "ops-1").await, ["OPS-1"]);
    let items = store.items(&search("item"), fixtures::NOW, None, 10).await;
    assert_eq!(items.expect("the store works").damaged().count(), 1);
}
