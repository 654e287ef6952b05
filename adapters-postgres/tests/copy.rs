//! What a copy depends on in the schema.

mod support;

use openindex_adapters_sql::copy;
use support::Postgres;

#[tokio::test]
async fn the_key_of_every_table_is_its_primary_key() {
    let postgres = Postgres::start().await;
    for table in copy::tables() {
        let key: Vec<String> = sqlx::query_scalar(
            "SELECT attname::text FROM pg_index, unnest(indkey) WITH ORDINALITY AS k (number, n) \
             JOIN pg_attribute ON attnum = number \
             WHERE indrelid = to_regclass($1) AND attrelid = indrelid AND indisprimary ORDER BY n",
        )
        .bind(table.name)
        .fetch_all(&postgres.raw)
        .await
        .expect("a key");
        let expected: Vec<_> = table.columns().take(table.key).collect();
        assert_eq!(key, expected, "{}", table.name);
    }
}

#[tokio::test]
async fn every_table_is_copied_after_those_that_it_refers_to() {
    let postgres = Postgres::start().await;
    let references: Vec<(String, String)> = sqlx::query_as(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint \
         WHERE contype = 'f'",
    )
    .fetch_all(&postgres.raw)
    .await
    .expect("references");
    assert!(references.len() > 5, "{references:?}");
    let order: Vec<_> = copy::tables().iter().map(|table| table.name).collect();
    let place = |name: &str| order.iter().position(|table| *table == name);
    for (table, referred) in references {
        assert!(
            place(&referred) < place(&table),
            "{table} before {referred}"
        );
    }
}
