//! Migrations, and what the schema refuses or, where it was tampered with, what comes of it.

mod support;

use openindex_adapters_postgres::{PoolOptions, PostgresStore};
use openindex_domain::StoreHealth;
use openindex_domain::audit::AuditStore;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{InsertOutcome, TokenStore};
use sqlx::Row;
use support::{Postgres, insertion, is_corrupt, seed};

async fn seeded() -> Postgres {
    let postgres = Postgres::start().await;
    seed(&postgres.raw).await;
    postgres
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_the_same_time_all_migrate() {
    let postgres = Postgres::start_empty(PoolOptions::default()).await;
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let url = postgres.url.clone();
            tokio::spawn(async move {
                let store = PostgresStore::connect(&url, PoolOptions::default()).await?;
                store.migrate().await?;
                store.ready().await
            })
        })
        .collect();
    for started in starting {
        started.await.expect("no panic").expect("ready");
    }
}

#[tokio::test]
async fn a_database_that_was_not_migrated_is_not_ready() {
    let postgres = Postgres::start_empty(PoolOptions::default()).await;
    let store = &postgres.store;
    assert!(is_corrupt(&store.ready().await));
    assert!(is_corrupt(
        &store.find_by_digest(&fixtures::digest(0)).await
    ));
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    store.migrate().await.expect("and again, without effect");
}

#[tokio::test]
async fn a_newer_schema_is_accepted_and_a_changed_one_is_not() {
    let postgres = seeded().await;
    postgres
        .execute(
            r"INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
              VALUES (9999, 'of a newer release', TRUE, '\x00', 1)",
        )
        .await;
    postgres.store.ready().await.expect("still served");
    postgres.store.migrate().await.expect("nothing to do");
    postgres
        .execute(r"UPDATE _sqlx_migrations SET checksum = '\x00' WHERE version = 1")
        .await;
    assert!(is_corrupt(&postgres.store.ready().await));
    assert!(is_corrupt(&postgres.store.migrate().await));
    // The failed migration gave its lock up.
    let again = PostgresStore::connect(&postgres.url, PoolOptions::default())
        .await
        .expect("a store");
    assert!(is_corrupt(&again.migrate().await));
}

#[tokio::test]
async fn values_that_the_domain_refuses_are_corrupt() {
    let postgres = seeded().await;
    postgres
        .execute(
            "ALTER TABLE tokens DROP CONSTRAINT tokens_scope_check; \
             ALTER TABLE tokens DROP CONSTRAINT tokens_kind_check; \
             ALTER TABLE users DROP CONSTRAINT users_role_check; \
             ALTER DOMAIN instant DROP CONSTRAINT instant_range",
        )
        .await;
    for (damage, repair) in [
        (
            "UPDATE tokens SET scope = 'root'",
            "UPDATE tokens SET scope = 'admin'",
        ),
        (
            "UPDATE tokens SET kind = 'robot'",
            "UPDATE tokens SET kind = 'personal'",
        ),
        (
            "UPDATE tokens SET name = ' '",
            "UPDATE tokens SET name = 'a name'",
        ),
        (
            "UPDATE tokens SET expires_at = '1969-12-31 00:00:00+00'",
            "UPDATE tokens SET expires_at = NULL",
        ),
        (
            "UPDATE tokens SET successor = 'usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2'",
            "UPDATE tokens SET successor = NULL",
        ),
        (
            "UPDATE users SET role = 'owner'",
            "UPDATE users SET role = 'admin'",
        ),
        (
            "UPDATE users SET email = 'nobody'",
            "UPDATE users SET email = 'user1@example.com'",
        ),
    ] {
        postgres.execute(damage).await;
        let found = postgres.store.find_by_digest(&fixtures::digest(0)).await;
        assert!(is_corrupt(&found), "{damage}: {found:?}");
        postgres.execute(repair).await;
        let found = postgres.store.find_by_digest(&fixtures::digest(0)).await;
        assert!(found.expect("repaired").is_some(), "{repair}");
    }
}

#[tokio::test]
async fn a_digest_of_the_wrong_length_is_corrupt_where_it_is_read() {
    let postgres = seeded().await;
    postgres
        .execute(
            r"ALTER TABLE tokens DROP CONSTRAINT tokens_digest_check;
              UPDATE tokens SET digest = '\x00'",
        )
        .await;
    let inserted = postgres.store.insert_within_quota(insertion(1)).await;
    assert!(is_corrupt(&inserted), "{inserted:?}");
}

#[tokio::test]
async fn the_schema_refuses_what_the_domain_would() {
    let postgres = seeded().await;
    for damage in [
        "UPDATE tokens SET scope = 'root'",
        r"UPDATE tokens SET digest = '\x00'",
        "UPDATE tokens SET created_at = 'infinity'",
        "UPDATE tokens SET expires_at = '-infinity'",
        "UPDATE tokens SET created_at = '10000-01-01 00:00:00+00'",
        "UPDATE tokens SET created_at = '1969-12-31 23:59:59+00'",
        "UPDATE users SET role = 'owner'",
        "DELETE FROM users",
    ] {
        let answer = sqlx::raw_sql(damage).execute(&postgres.raw).await;
        assert!(answer.is_err(), "{damage}");
    }
}

#[tokio::test]
async fn the_trail_is_append_only() {
    let postgres = seeded().await;
    let inserted = postgres.store.insert_within_quota(insertion(1)).await;
    assert_eq!(inserted.expect("inserted"), InsertOutcome::Inserted);
    for change in [
        "UPDATE audit_events SET at = at",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
    ] {
        let answer = sqlx::raw_sql(change).execute(&postgres.raw).await;
        assert!(answer.is_err(), "{change}");
    }
    let trail = postgres.store.newest(10).await.expect("the store answers");
    assert_eq!(trail, vec![insertion(1).audit]);
}

#[tokio::test]
async fn an_error_names_the_constraint_and_no_value() {
    let postgres = seeded().await;
    let mut taken = insertion(1);
    taken.digest = fixtures::digest(0);
    let error = postgres
        .store
        .insert_within_quota(taken)
        .await
        .expect_err("taken");
    let text = format!("{error} {error:?}");
    assert!(text.contains("tokens_digest_key"), "{text}");
    assert!(!text.to_lowercase().contains("d1d1"), "{text}");
}

#[tokio::test]
async fn commits_are_synchronous_whatever_the_default() {
    let postgres = seeded().await;
    for (default, expected) in [("off", "on"), ("remote_apply", "remote_apply")] {
        let set = format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = {default}', \
             current_database()); END $$"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(set))
            .execute(&postgres.raw)
            .await
            .expect("a default");
        // A trigger tells what holds inside the store's own transaction.
        postgres
            .execute(
                "CREATE TABLE IF NOT EXISTS seen (setting text); \
                 CREATE OR REPLACE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; \
                 END $$; \
                 CREATE OR REPLACE TRIGGER look AFTER UPDATE ON tokens \
                 FOR EACH ROW EXECUTE FUNCTION look(); TRUNCATE seen",
            )
            .await;
        let store = PostgresStore::connect(&postgres.url, PoolOptions::default())
            .await
            .expect("a store");
        let at = fixtures::NOW.saturating_add_seconds(if expected == "on" { 1 } else { 2 });
        store
            .record_last_used(&[(fixtures::token(0, fixtures::NOW).id, at)])
            .await
            .expect("noted");
        let seen: String = sqlx::query_scalar("SELECT setting FROM seen")
            .fetch_one(&postgres.raw)
            .await
            .expect("seen");
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn a_lookup_searches_indexes_and_scans_no_table() {
    let postgres = seeded().await;
    let mut connection = postgres.raw.acquire().await.expect("a connection");
    // On a table of one row a scan would be right; ask what the planner does when it avoids one.
    sqlx::raw_sql("SET enable_seqscan = off")
        .execute(&mut *connection)
        .await
        .expect("set");
    let plan: String = sqlx::raw_sql(
        r"EXPLAIN SELECT t.id, u.role FROM tokens t JOIN users u ON u.id = t.owner_id
          WHERE t.digest = '\x00'",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("a plan")
    .iter()
    .map(|row| row.get::<String, _>(0) + "\n")
    .collect();
    assert!(plan.contains("tokens_digest_key"), "{plan}");
    assert!(plan.contains("users_pkey"), "{plan}");
    assert!(!plan.contains("Seq Scan"), "{plan}");
}
