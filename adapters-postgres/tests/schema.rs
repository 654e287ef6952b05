//! Migrations, and what the schema enforces.

mod support;

use std::time::Duration;

use openindex_adapters_postgres::{Parts, PoolOptions, PostgresStore};
use openindex_adapters_sql::{schema, unfit_names};
use openindex_domain::StoreHealth;
use openindex_domain::agent_run::{AgentRunAction, AgentRunStore, StartRun, StartRunOutcome};
use openindex_domain::audit::{AuditActor, AuditFilter, AuditStore, RequestId, Subject};
use openindex_domain::testing::fixtures;
use openindex_domain::token::{CreateTokenOutcome, TokenAction, TokenStore};
use openindex_domain::user::{InstanceAction, UserStore};
use sqlx::Row;
use support::{
    Postgres, a_session_waits_for_a_lock, creation, is_corrupt, is_unavailable, prefixed,
    put_work_item, seed, seeded,
};

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_the_same_time_all_migrate() {
    let postgres = Postgres::start_empty(PoolOptions::default()).await;
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let url = postgres.url.clone();
            tokio::spawn(async move {
                let store = PostgresStore::connect_with(&url, PoolOptions::default())
                    .await?
                    .with_accounts();
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
async fn a_database_without_migrations_is_not_ready() {
    let postgres = Postgres::start_empty(PoolOptions::default()).await;
    let store = &postgres.store;
    assert!(is_unavailable(&store.ready().await));
    assert!(is_unavailable(
        &store.find_by_digest(&fixtures::digest(0)).await
    ));
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    store
        .migrate()
        .await
        .expect("migrated again, without effect");
}

#[tokio::test]
async fn a_newer_schema_is_accepted_and_a_changed_one_is_not() {
    let postgres = seeded().await;
    postgres
        .execute(
            r"INSERT INTO openindex_migrations (version, description, success, checksum, execution_time)
              VALUES (9999, 'of a newer release', TRUE, '\x00', 1)",
        )
        .await;
    postgres.store.ready().await.expect("still served");
    postgres.store.migrate().await.expect("nothing to do");
    postgres
        .execute(r"UPDATE openindex_migrations SET checksum = '\x00' WHERE version = 1")
        .await;
    assert!(is_corrupt(&postgres.store.ready().await));
    assert!(is_corrupt(&postgres.store.migrate().await));
    // The failed migration released its lock.
    let again = PostgresStore::connect_with(&postgres.url, PoolOptions::default())
        .await
        .expect("a store")
        .with_accounts();
    assert!(is_corrupt(&again.migrate().await));
}

#[tokio::test]
async fn a_store_without_work_items_has_no_tables_for_them() {
    let postgres = Postgres::start_without_work().await;
    seed(&postgres.owner).await;
    let store = &postgres.store;
    store.ready().await.expect("ready");
    let tables: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'work%'",
    )
    .fetch_one(&postgres.raw)
    .await
    .expect("a count");
    assert_eq!(tables, 0);
    let key = fixtures::work_item(1).key;
    let start = |number: u64, bound_to| {
        let mut run = fixtures::run(number, fixtures::token(0, fixtures::NOW).id);
        run.run.as_mut().expect("a run").work_item = bound_to;
        let (now, action) = (fixtures::NOW, AgentRunAction::STARTED);
        StartRun {
            actor: creation(number).actor,
            digest: fixtures::digest(number),
            quota: 10,
            rate: openindex_domain::token::CreationRate::DEFAULT_RUNS,
            audit: fixtures::audit(number, now, action, Subject::Token(run.id)),
            run,
        }
    };
    let bound = store.start_run(start(1, Some(key))).await;
    assert_eq!(
        bound.expect("the store works"),
        StartRunOutcome::WorkItemNotFound
    );
    let free = store.start_run(start(1, None)).await;
    assert!(matches!(free, Ok(StartRunOutcome::Started(_))), "{free:?}");

    // Work items can be added later.
    let with_work_items = store.clone().with_work_items();
    assert!(is_unavailable(&with_work_items.ready().await));
    with_work_items.migrate().await.expect("migrated");
    with_work_items.ready().await.expect("ready");
    put_work_item(&postgres.owner, &fixtures::work_item(1)).await;
    let bound = with_work_items.start_run(start(2, Some(key))).await;
    assert!(
        matches!(bound, Ok(StartRunOutcome::Started(_))),
        "{bound:?}"
    );
    // A store without work items accepts that schema.
    store.ready().await.expect("still served");
    store.migrate().await.expect("nothing to do");
}

/// User 1, their token 0, and three events, as the first release wrote them; the action of the last
/// one has been renamed since.
const DATA_OF_THE_FIRST_RELEASE: &str = r"
    INSERT INTO users VALUES ('00000001-0000-7000-8000-000000000001', 'user1@example.com',
        'user1@example.com', 'User 1', 'admin', '2026-11-24 06:00:00+00', NULL);
    INSERT INTO tokens VALUES ('00000002-0000-7000-8000-000000000000', 'personal',
        '00000001-0000-7000-8000-000000000001', 'token 0', 'admin',
        '\x0000000000000000d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1',
        '2026-11-24 06:00:00+00', NULL, NULL, NULL, NULL);
    INSERT INTO audit_events VALUES ('00000003-0000-7000-8000-000000000001',
        '2026-11-24 06:00:00+00', 'token', 'usr_00000001000070008000000000000001',
        'pat_00000002000070008000000000000000', 'token.rotated',
        'pat_00000002000070008000000000000000', 'pat_00000002000070008000000000000001', 'req-1');
    INSERT INTO audit_events VALUES ('00000003-0000-7000-8000-000000000002',
        '2026-11-24 06:00:00+00', 'operator', NULL, NULL, 'instance.bootstrapped',
        'usr_00000001000070008000000000000001', NULL, NULL);
    INSERT INTO audit_events VALUES ('00000003-0000-7000-8000-000000000003',
        '2026-11-24 06:00:00+00', 'operator', NULL, NULL, 'token.issued',
        'usr_00000001000070008000000000000001', NULL, NULL);";

#[tokio::test]
async fn data_of_the_first_release_is_preserved() {
    let postgres = Postgres::start_empty(PoolOptions::default()).await;
    let migrator = sqlx::migrate!();
    migrator
        .run_to(1, &postgres.raw)
        .await
        .expect("the first schema");
    postgres.execute(DATA_OF_THE_FIRST_RELEASE).await;

    let store = &postgres.store;
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    let user = fixtures::user(1);
    let account = store
        .account("user1@example.com")
        .await
        .expect("the store works");
    let account = account.expect("the user");
    assert_eq!((account.user, account.password), (user.clone(), None));
    let record = store.find_by_digest(&fixtures::digest(0)).await;
    let record = record.expect("the store works").expect("the token");
    assert_eq!(record.token, fixtures::token(0, fixtures::NOW));

    let (token, next) = (record.token.id, fixtures::token(1, fixtures::NOW).id);
    let (now, action) = (fixtures::NOW, TokenAction::ROTATED);
    let mut rotated = fixtures::audit(1, now, action, Subject::Token(token));
    rotated.actor = AuditActor::Token {
        user: user.id,
        token,
    };
    rotated.related = Some(Subject::Token(next));
    rotated.context.request_id = Some(RequestId::parse("req-1").expect("an id"));
    let action = InstanceAction::BOOTSTRAPPED;
    let begun = fixtures::audit(2, now, action, Subject::User(user.id));
    let action = TokenAction::CREATED;
    let renamed = fixtures::audit(3, now, action, Subject::User(user.id));
    let trail = store.events(&AuditFilter::default(), None, 10).await;
    assert_eq!(trail.expect("the store works"), [renamed, begun, rotated]);
    for change in [
        "UPDATE audit_events SET at = at",
        "DELETE FROM audit_events",
    ] {
        let result = sqlx::raw_sql(change).execute(&postgres.raw).await;
        assert!(result.is_err(), "{change}");
    }
    // New changes work.
    let inserted = store.create_token(creation(4)).await;
    assert_eq!(
        inserted.expect("the store works"),
        CreateTokenOutcome::Created
    );
}

/// The previous release reads first, and then writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_previous_release_completes_during_the_migrations_of_this_one() {
    for applied in [2, 3, 4] {
        let postgres = Postgres::start_empty(PoolOptions::default()).await;
        let migrator = sqlx::migrate!();
        migrator.run_to(1, &postgres.raw).await.expect("migrated");
        postgres.execute(DATA_OF_THE_FIRST_RELEASE).await;
        let reached = migrator.run_to(applied, &postgres.raw).await;
        reached.expect("migrated");

        let mut change = postgres.raw.begin().await.expect("a transaction");
        let read = "SELECT id FROM tokens";
        sqlx::raw_sql(read)
            .execute(&mut *change)
            .await
            .expect("read");
        let store = postgres.store.clone();
        let migrating = tokio::spawn(async move { store.migrate().await });
        // 0003 and 0012 wait for the change, with a lock timeout of their own; the others do not.
        while !a_session_waits_for_a_lock(&postgres.raw).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let write = "UPDATE tokens SET revoked_at = created_at";
        sqlx::raw_sql(write)
            .execute(&mut *change)
            .await
            .expect("written");
        change.commit().await.expect("committed");
        let migrated = migrating.await.expect("no panic");
        migrated.unwrap_or_else(|error| panic!("beyond {applied}: {error:?}"));
        postgres.store.ready().await.expect("ready");
    }
}

#[test]
fn a_prefix_suits_every_name_in_migrations() {
    let groups = [
        sqlx::migrate!(),
        sqlx::migrate!("./migrations-tokens"),
        sqlx::migrate!("./migrations-work"),
    ];
    let migrations = groups.iter().flat_map(sqlx::migrate::Migrator::iter);
    let unfit = unfit_names(migrations.map(|migration| migration.sql.as_str()));
    assert_eq!(unfit, Vec::<String>::new());
}

#[tokio::test]
async fn the_check_of_a_database_lists_all_that_migrations_create() {
    let postgres = Postgres::start().await;
    let tables: Vec<&str> = schema::tables(Parts::ALL).map(|it| it.name).collect();
    let found: Vec<(String, String, String, Option<String>)> =
        sqlx::query_as(include_str!("../src/objects.sql"))
            .bind(tables)
            .fetch_all(&postgres.raw)
            .await
            .expect("objects");
    let found = found.iter();
    let found = found.map(|(kind, name, statement, _)| format!("{kind} {name} {statement}"));
    let found = found.collect::<Vec<_>>().join("\n");
    let listed = include_str!("../src/objects.txt").trim_end();
    assert_eq!(found, listed, "\n{found}");
}

#[tokio::test]
async fn a_migrated_schema_has_no_problem_with_or_without_a_prefix() {
    for options in [PoolOptions::default(), prefixed()] {
        let postgres = Postgres::start_with(options).await;
        let database = postgres.store.database();
        let checked = database.check(fixtures::NOW, Box::new(|_, _| {})).await;
        let checked = checked.expect("the database works");
        assert_eq!(checked.findings(), []);
    }
}

#[tokio::test]
async fn the_store_lists_every_column_of_its_tables() {
    let postgres = Postgres::start().await;
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT table_name || '.' || column_name FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name NOT LIKE 'openindex%' \
         ORDER BY (table_name || '.' || column_name) COLLATE \"C\"",
    )
    .fetch_all(&postgres.raw)
    .await
    .expect("columns");
    assert_eq!(schema::all_columns(), found);
}

#[tokio::test]
async fn every_check_is_validated() {
    let postgres = Postgres::start().await;
    let unchecked: Vec<String> =
        sqlx::query_scalar("SELECT conname::text FROM pg_constraint WHERE NOT convalidated")
            .fetch_all(&postgres.raw)
            .await
            .expect("a count");
    assert_eq!(unchecked, Vec::<String>::new());
}

#[tokio::test]
async fn the_audit_log_is_append_only() {
    const COPY: &str = "INSERT INTO audit_events (id, at, actor, action, subject) \
         SELECT id, at, 'operator', 'token.revoked', subject FROM audit_events";
    let postgres = seeded().await;
    let inserted = postgres.store.create_token(creation(1)).await;
    assert_eq!(inserted.expect("inserted"), CreateTokenOutcome::Created);
    for change in [
        "UPDATE audit_events SET at = at",
        "UPDATE audit_events SET id = gen_random_uuid()",
        "UPDATE audit_events AS e SET at = o.at FROM audit_events o WHERE o.id = e.id",
        "DELETE FROM audit_events",
        "DELETE FROM audit_events USING tokens",
        "WITH gone AS (DELETE FROM audit_events RETURNING id) SELECT * FROM gone",
        "TRUNCATE audit_events",
        "TRUNCATE audit_events, tokens CASCADE",
        COPY,
        &format!("{COPY} ON CONFLICT (id) DO UPDATE SET at = excluded.at"),
        "MERGE INTO audit_events e USING audit_events o ON o.id = e.id WHEN MATCHED THEN DELETE",
        "MERGE INTO audit_events e USING audit_events o ON o.id = e.id \
         WHEN MATCHED THEN UPDATE SET at = o.at",
    ] {
        let result = sqlx::raw_sql(sqlx::AssertSqlSafe(change))
            .execute(&postgres.raw)
            .await;
        assert!(result.is_err(), "{change}");
    }
    let trail = postgres
        .store
        .events(&AuditFilter::default(), None, 10)
        .await
        .expect("the store works");
    assert_eq!(trail, vec![creation(1).audit]);
}

#[tokio::test]
async fn an_error_names_the_constraint_and_no_value() {
    let postgres = seeded().await;
    let mut taken = creation(1);
    taken.digest = fixtures::digest(0);
    let error = postgres.store.create_token(taken).await.expect_err("taken");
    let text = format!("{error} {error:?}");
    assert!(text.contains("tokens_digest_key"), "{text}");
    assert!(!text.to_lowercase().contains("d1d1"), "{text}");
}

#[tokio::test]
async fn commits_are_synchronous_whatever_the_server_default() {
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
        // A trigger records the setting inside the store's own transaction.
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
        let store = PostgresStore::connect_with(&postgres.url, PoolOptions::default())
            .await
            .expect("a store")
            .with_accounts();
        let at = fixtures::NOW.saturating_add_seconds(if expected == "on" { 1 } else { 2 });
        store
            .record_last_used(&[fixtures::token_use(
                fixtures::token(0, fixtures::NOW).id,
                at,
            )])
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
    // On a table of one row a scan would be right, so this asks for the plan without scans.
    sqlx::raw_sql("SET enable_seqscan = off")
        .execute(&mut *connection)
        .await
        .expect("set");
    let plan: String = sqlx::raw_sql(
        r"EXPLAIN SELECT t.id, o.role FROM tokens t JOIN owners o ON o.id = t.owner_id
          WHERE t.digest = '\x00'",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("a plan")
    .iter()
    .map(|row| row.get::<String, _>(0) + "\n")
    .collect();
    assert!(plan.contains("tokens_digest_key"), "{plan}");
    assert!(plan.contains("owners_pkey"), "{plan}");
    assert!(!plan.contains("Seq Scan"), "{plan}");
}

#[tokio::test]
async fn a_store_without_accounts_has_the_same_tables_of_tokens() {
    let full = Postgres::start().await;
    let tokens = Postgres::start_without_accounts().await;
    let tables: Vec<&str> = schema::tables(Parts {
        accounts: false,
        work_items: false,
    })
    .map(|table| table.name)
    .collect();
    let mut schemas = Vec::new();
    for raw in [&full.raw, &tokens.raw] {
        let objects: Vec<String> = sqlx::query_scalar(
            "SELECT concat_ws(' ', table_name, column_name, domain_name, data_type, is_nullable) \
             FROM information_schema.columns WHERE table_name = ANY ($1) \
             UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename = ANY ($1) \
             UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint \
             WHERE conrelid::regclass::text = ANY ($1) \
             UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger \
             WHERE tgrelid::regclass::text = ANY ($1) AND NOT tgisinternal \
             UNION ALL SELECT concat_ws(' ', relname, array_to_string(reloptions, ',')) FROM pg_class \
             WHERE relname = ANY ($1) ORDER BY 1",
        )
        .bind(&tables[..])
        .fetch_all(raw)
        .await
        .expect("a schema");
        schemas.push(objects);
    }
    assert_eq!(schemas[0], schemas[1]);
    let all: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables \
         WHERE schemaname = 'public' AND tablename <> 'openindex_migrations'",
    )
    .fetch_all(&tokens.raw)
    .await
    .expect("tables");
    assert!(
        all.iter().all(|table| tables.contains(&table.as_str())),
        "{all:?}"
    );
}

#[tokio::test]
async fn a_user_whose_row_is_deleted_by_hand_has_no_live_token_and_a_disabled_trigger_is_noticed() {
    let postgres = seeded().await;
    // Another search path does not lead the trigger elsewhere.
    postgres
        .execute("SET search_path = ''; DELETE FROM public.users; RESET search_path")
        .await;
    let found = postgres.store.find_by_digest(&fixtures::digest(0)).await;
    let record = found.expect("the store works").expect("the token");
    assert!(!record.owner.active);
    postgres.store.ready().await.expect("ready");
    postgres
        .execute("ALTER TABLE users DISABLE TRIGGER users_are_owners")
        .await;
    let error = postgres.store.ready().await;
    let error = error.expect_err("not ready").causes();
    assert!(
        error.contains("users_are_owners is missing or disabled"),
        "{error}"
    );
}
