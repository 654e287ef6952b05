//! Migrations, values that the schema rejects, and what happens if they were written past it.

mod support;

use openindex_adapters_sql::{schema, unfit_names};
use openindex_adapters_sqlite::{SqliteOptions, SqliteStore};
use openindex_domain::agent_run::{AgentRunAction, AgentRunStore, StartRun, StartRunOutcome};
use openindex_domain::audit::{AuditActor, AuditFilter, AuditStore, RequestId, Subject};
use openindex_domain::invite::InviteStore;
use openindex_domain::rate_limit::{RateLimit, RateLimitStore};
use openindex_domain::session::SessionStore;
use openindex_domain::testing::{Harness, WorkHarness, fixtures};
use openindex_domain::token::{
    ChangeOwner, ChangeOwnerOutcome, CreateTokenOutcome, Digest, OwnerAction, OwnerChange,
    TokenAction, TokenStore,
};
use openindex_domain::user::{InstanceAction, UserStore};
use openindex_domain::work_item::{WorkItem, WorkItemFilter, WorkItemStore};
use openindex_domain::{Listing, StoreError, StoreHealth};
use sqlx::Row;
use support::{Sqlite, creation, empty_file, is_corrupt, is_unavailable, seeded};

#[tokio::test]
async fn a_database_without_migrations_is_not_ready() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}", directory.path().join("store.db").display());
    let store = SqliteStore::connect(&url)
        .await
        .expect("a store")
        .with_accounts();
    assert!(is_unavailable(&store.ready().await));
    assert!(store.find_by_digest(&fixtures::digest(0)).await.is_err());
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    store
        .migrate()
        .await
        .expect("migrated again, without effect");
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
async fn the_store_lists_every_column_of_its_tables() {
    let sqlite = Sqlite::start().await;
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE 'openindex%' \
         AND t.name NOT LIKE 'work_items_search%' AND (t.name, c.name) <> ('work_items', 'id') \
         ORDER BY 1",
    )
    .fetch_all(&sqlite.raw)
    .await
    .expect("columns");
    assert_eq!(schema::all_columns(), found);
}

#[tokio::test]
async fn a_newer_schema_is_accepted_and_a_changed_one_is_not() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite
        .execute(
            "INSERT INTO openindex_migrations (version, description, success, checksum, \
             execution_time) VALUES (9999, 'of a newer release', TRUE, x'00', 1)",
        )
        .await;
    sqlite.store.ready().await.expect("still served");
    sqlite.store.migrate().await.expect("nothing to do");
    sqlite
        .execute("UPDATE openindex_migrations SET checksum = x'00' WHERE version = 1")
        .await;
    assert!(is_corrupt(&sqlite.store.ready().await));
    assert!(is_corrupt(&sqlite.store.migrate().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_the_same_time_all_migrate() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}", directory.path().join("store.db").display());
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let store = SqliteStore::connect(&url).await?.with_accounts();
                store.migrate().await?;
                store.ready().await
            })
        })
        .collect();
    for started in starting {
        started.await.expect("no panic").expect("ready");
    }
}

/// User 1, their token 0, and three events, as the first release wrote them; the action of the last
/// one has been renamed since.
const OF_THE_FIRST_RELEASE: &str = "
    INSERT INTO users VALUES (unhex('00000001000070008000000000000001'), 'user1@example.com',
        'user1@example.com', 'User 1', 'admin', 1795500000000, NULL);
    INSERT INTO tokens VALUES (unhex('00000002000070008000000000000000'), 'personal',
        unhex('00000001000070008000000000000001'), 'token 0', 'admin',
        unhex('0000000000000000d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1'),
        1795500000000, NULL, NULL, NULL, NULL);
    INSERT INTO audit_events VALUES (unhex('00000003000070008000000000000001'), 1795500000000,
        'token', 'usr_00000001000070008000000000000001', 'pat_00000002000070008000000000000000',
        'token.rotated', 'pat_00000002000070008000000000000000',
        'pat_00000002000070008000000000000001', 'req-1');
    INSERT INTO audit_events VALUES (unhex('00000003000070008000000000000002'), 1795500000000,
        'operator', NULL, NULL, 'instance.bootstrapped', 'usr_00000001000070008000000000000001',
        NULL, NULL);
    INSERT INTO audit_events VALUES (unhex('00000003000070008000000000000003'), 1795500000000,
        'operator', NULL, NULL, 'token.issued', 'usr_00000001000070008000000000000001',
        NULL, NULL);";

#[tokio::test]
async fn data_of_the_first_release_is_preserved() {
    let (_directory, raw, url) = empty_file().await;
    let migrator = sqlx::migrate!();
    migrator.run_to(1, &raw).await.expect("the first schema");
    sqlx::raw_sql(OF_THE_FIRST_RELEASE)
        .execute(&raw)
        .await
        .expect("rows");

    let store = SqliteStore::connect(&url)
        .await
        .expect("a store")
        .with_accounts();
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
    for change in ["UPDATE audit_events SET at = 0", "DELETE FROM audit_events"] {
        let result = sqlx::raw_sql(change).execute(&raw).await;
        assert!(result.is_err(), "{change}");
    }
    // New changes work.
    let inserted = store.create_token(creation(4)).await;
    assert_eq!(
        inserted.expect("the store works"),
        CreateTokenOutcome::Created
    );
}

#[tokio::test]
async fn token_values_that_the_domain_rejects_are_corrupt() {
    for damage in [
        "UPDATE tokens SET scope = 'root'",
        "UPDATE tokens SET kind = 'robot'",
        "UPDATE tokens SET created_at = -1",
        "UPDATE tokens SET expires_at = 253402300800000",
        "UPDATE tokens SET successor = 'usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2'",
        "UPDATE tokens SET id = x'00'",
        "UPDATE tokens SET kind = 'agent_run'",
        "UPDATE tokens SET agent_id = 'a'",
        "UPDATE tokens SET work_item = 'OPS-1'",
        "UPDATE tokens SET issuer_id = id",
        "UPDATE users SET role = 'owner'",
    ] {
        let sqlite = seeded(SqliteOptions::default()).await;
        sqlite
            .execute("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF")
            .await;
        sqlite.execute(damage).await;
        let found = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
        assert!(is_corrupt(&found), "{damage}: {found:?}");
    }
}

#[tokio::test]
async fn agent_run_values_that_the_domain_rejects_are_corrupt() {
    for damage in [
        "",
        "UPDATE tokens SET kind = 'personal'",
        "UPDATE tokens SET agent_id = NULL WHERE kind = 'agent_run'",
        "UPDATE tokens SET issuer_id = NULL WHERE kind = 'agent_run'",
        "UPDATE tokens SET issuer_id = x'00' WHERE kind = 'agent_run'",
        "UPDATE tokens SET work_item = 'OPS-0' WHERE kind = 'agent_run'",
        "UPDATE tokens SET work_item = 'ops-1' WHERE kind = 'agent_run'",
        "UPDATE tokens SET expires_at = NULL",
    ] {
        let sqlite = seeded(SqliteOptions::default()).await;
        let run = fixtures::run(1, fixtures::token(0, fixtures::NOW).id);
        sqlite.put_token(&run, &fixtures::digest(1)).await;
        sqlite.execute("PRAGMA ignore_check_constraints = ON").await;
        sqlite.execute(damage).await;
        let found = sqlite.store.find_by_digest(&fixtures::digest(1)).await;
        assert_eq!(
            is_corrupt(&found),
            !damage.is_empty(),
            "{damage}: {found:?}"
        );
    }
}

#[tokio::test]
async fn work_item_values_that_the_domain_rejects_are_corrupt() {
    for damage in [
        "",
        "UPDATE work_items SET status = 'open'",
        "UPDATE work_items SET kind = 'epic'",
        "UPDATE work_items SET target = 'cat'",
        "UPDATE work_items SET priority = 4",
        "UPDATE work_items SET priority = -1",
        "UPDATE work_items SET number = 2147483648",
        "UPDATE work_items SET part = -1",
        "UPDATE work_items SET domain = 'ops'",
        "UPDATE work_items SET assignee_id = x'00'",
        "UPDATE work_items SET claim_agent = 'a'",
        "UPDATE work_items SET claim_run_id = zeroblob(16)",
        "UPDATE work_items SET claimed_at = 1",
        "UPDATE work_items SET claim_user_id = created_by",
        "UPDATE work_items SET claim_user_id = x'00', claimed_at = 1",
        "UPDATE work_items SET claim_user_id = created_by, claim_agent = 'a', claimed_at = 1",
        "UPDATE work_items SET claim_user_id = created_by, claim_run_id = zeroblob(16), \
         claimed_at = 1",
        "UPDATE work_items SET created_by = x'00'",
        "UPDATE work_items SET updated_at = -1",
        "UPDATE work_items SET resolved_at = 253402300800000",
        "UPDATE work_items SET version = -1",
        "UPDATE work_items SET last_part = 2147483648",
    ] {
        let sqlite = seeded(SqliteOptions::default()).await;
        sqlite.put_work_item(&fixtures::work_item(1)).await;
        sqlite
            .execute("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF")
            .await;
        sqlite.execute(damage).await;
        let filter = WorkItemFilter::default();
        let found = sqlite.store.items(&filter, fixtures::NOW, None, 10).await;
        let found = found.and_then(undamaged);
        assert_eq!(
            is_corrupt(&found),
            !damage.is_empty(),
            "{damage}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_run_cannot_be_bound_to_an_item_with_an_unknown_status() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let item = fixtures::work_item(1);
    sqlite.put_work_item(&item).await;
    sqlite
        .execute("PRAGMA ignore_check_constraints = ON; UPDATE work_items SET status = 'open'")
        .await;
    let started = sqlite.store.start_run(bound_start(&item)).await;
    assert!(is_corrupt(&started), "{started:?}");
}

/// The start of run 1 with token 0, bound to the item.
fn bound_start(item: &WorkItem) -> StartRun {
    let inserted = creation(1);
    let mut run = fixtures::run(1, fixtures::token(0, fixtures::NOW).id);
    if let Some(run) = &mut run.run {
        run.work_item = Some(item.key);
    }
    let (action, subject) = (AgentRunAction::STARTED, Subject::Token(run.id));
    StartRun {
        actor: inserted.actor,
        run,
        digest: inserted.digest,
        quota: 10,
        rate: openindex_domain::token::CreationRate::DEFAULT_RUNS,
        audit: fixtures::audit(1, fixtures::NOW, action, subject),
    }
}

#[tokio::test]
async fn a_store_without_work_items_has_no_tables_for_them() {
    const TABLES: &str = "SELECT count(*) FROM sqlite_schema WHERE name GLOB 'work_*'";
    let sqlite = Sqlite::start_without_work().await;
    let count = || async {
        let count: i64 = sqlx::query_scalar(TABLES)
            .fetch_one(&sqlite.raw)
            .await
            .expect("a count");
        count
    };
    assert_eq!(count().await, 0);
    sqlite.store.ready().await.expect("ready without them");
    let item = fixtures::work_item(1);

    // Work items can be added later; without them again, their tables stay.
    let with_work_items = sqlite.store.clone().with_work_items();
    assert!(is_unavailable(&with_work_items.ready().await));
    with_work_items.migrate().await.expect("migrated");
    with_work_items.ready().await.expect("ready");
    assert!(count().await > 0);
    sqlite.store.migrate().await.expect("nothing to do");
    sqlite.store.ready().await.expect("still served");
    sqlite.put_user(&fixtures::user(1)).await;
    let acting = fixtures::token(0, fixtures::NOW);
    sqlite.put_token(&acting, &fixtures::digest(0)).await;
    let put = sqlite.store.put_work_item(&item).await;
    put.expect("a work item");
    let started = sqlite.store.start_run(bound_start(&item)).await;
    let started = started.expect("the store works");
    assert_eq!(started, StartRunOutcome::WorkItemNotFound);
    let started = with_work_items.start_run(bound_start(&item)).await;
    let started = started.expect("the store works");
    assert!(
        matches!(started, StartRunOutcome::Started(_)),
        "{started:?}"
    );
}

/// One row of each table that belongs to a user.
const ROWS_OF_A_USER: &str = "
    INSERT INTO sessions (id, user_id, digest, created_at, last_seen_at, client)
        VALUES (zeroblob(16), (SELECT id FROM users), zeroblob(32), 1, 1, 'b');
    INSERT INTO sign_in_links VALUES (zeroblob(16), (SELECT id FROM users), zeroblob(32), NULL,
        1, 2, NULL);
    INSERT INTO invites VALUES (zeroblob(16), 'person', 'a@b', 'a@b', 'member', zeroblob(32), NULL,
        1, 2, NULL, NULL, NULL, NULL);
    INSERT INTO rate_limits VALUES ('key', 1, 1);
    INSERT INTO notices (user_id, token, token_name, at)
        VALUES ((SELECT id FROM users), 'pat_00000002000070008000000000000000',
        'name', 1);
    INSERT INTO audit_events (id, at, actor, action, subject)
        VALUES (zeroblob(16), 1, 'anonymous', 'sign_in.rejected',
                'usr_00000001000070008000000000000001');";

/// Returns the first damaged row as an error.
fn undamaged<T>(listing: Listing<T>) -> Result<Listing<T>, StoreError> {
    let damaged = listing.damaged().next().cloned();
    damaged.map_or(Ok(listing), |row| Err(row.into()))
}

/// Reads all of it, and returns the first error.
async fn read_everything(store: &SqliteStore<true, true>) -> Result<(), StoreError> {
    let user = fixtures::user(1).id;
    let nothing = Digest::from_stored(&[0; 32]).expect("32 bytes");
    store.sessions(user).await?;
    store.find_session(&nothing).await?;
    store.find_sign_in_link(&nothing).await?;
    store.find_invite(&nothing).await?;
    store.notices(user).await?;
    store.account("user1@example.com").await?;
    undamaged(store.events(&AuditFilter::default(), None, 9).await?)?;
    let bucket = RateLimit {
        key: "key".to_owned(),
        limit: u32::MAX,
    };
    let _ = store.count(&[bucket], fixtures::NOW).await?;
    Ok(())
}

#[tokio::test]
async fn user_values_that_the_domain_rejects_are_corrupt() {
    for damage in [
        "",
        "UPDATE sessions SET created_at = -1",
        "UPDATE sessions SET id = x'00'",
        "UPDATE sign_in_links SET used_at = 253402300800000",
        "UPDATE sign_in_links SET created_by = x'00'",
        "UPDATE invites SET kind = 'guest'",
        "UPDATE invites SET role = 'owner'",
        "UPDATE invites SET email = NULL",
        "UPDATE invites SET claimed_at = 1",
        "DROP TRIGGER audit_events_no_update; UPDATE audit_events SET actor = 'ghost'",
        "DROP TRIGGER audit_events_no_update; UPDATE audit_events SET action = 'token.eaten'",
        "DROP TRIGGER audit_events_no_update; UPDATE audit_events SET client_address = 'here'",
        "DROP TRIGGER audit_events_no_update; UPDATE audit_events SET request_id = 'a b'",
        "DROP TRIGGER audit_events_no_update; UPDATE audit_events SET actor = 'session'",
    ] {
        let sqlite = seeded(SqliteOptions::default()).await;
        sqlite.execute(ROWS_OF_A_USER).await;
        sqlite
            .execute("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF")
            .await;
        sqlite.execute(damage).await;
        let read = read_everything(&sqlite.store).await;
        assert_eq!(is_corrupt(&read), !damage.is_empty(), "{damage}: {read:?}");
    }
}

#[tokio::test]
async fn a_digest_of_the_wrong_length_is_corrupt() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite
        .execute("PRAGMA ignore_check_constraints = ON; UPDATE tokens SET digest = zeroblob(31)")
        .await;
    let inserted = sqlite.store.create_token(creation(1)).await;
    assert!(is_corrupt(&inserted), "{inserted:?}");
}

#[tokio::test]
async fn the_schema_rejects_what_the_domain_rejects() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite.execute(ROWS_OF_A_USER).await;
    sqlite.put_work_item(&fixtures::work_item(1)).await;
    for damage in [
        "UPDATE tokens SET scope = 'root'",
        "UPDATE tokens SET digest = zeroblob(31)",
        "UPDATE tokens SET digest = 'text'",
        "UPDATE tokens SET created_at = 'now'",
        "UPDATE tokens SET kind = 'agent_run'",
        "UPDATE tokens SET agent_id = 'a'",
        "UPDATE tokens SET work_item = 'OPS-1'",
        "UPDATE tokens SET issuer_id = id",
        "UPDATE work_items SET status = 'open'",
        "UPDATE work_items SET status = 'done'",
        "UPDATE work_items SET priority = 4",
        "UPDATE work_items SET part = 1",
        "UPDATE work_items SET claim_agent = 'a'",
        "UPDATE work_items SET claim_run_id = zeroblob(16)",
        "UPDATE work_items SET claim_user_id = created_by",
        "UPDATE work_items SET claim_user_id = zeroblob(16), claimed_at = 1",
        "UPDATE work_items SET claim_user_id = created_by, claim_agent = 'a', claimed_at = 1",
        "UPDATE work_items SET claim_user_id = created_by, claim_run_id = zeroblob(16), \
         claimed_at = 1",
        "UPDATE work_items SET description = replace(hex(zeroblob(8001)), '0', 'é')",
        "UPDATE work_items SET domain = 'NONE'",
        "UPDATE work_items SET created_by = zeroblob(16)",
        "DELETE FROM work_domains",
        "UPDATE users SET role = 'owner'",
        "DELETE FROM users",
        "UPDATE sessions SET digest = zeroblob(31)",
        "UPDATE sign_in_links SET digest = 'text'",
        "UPDATE invites SET digest = zeroblob(33)",
        "UPDATE invites SET kind = 'first_admin'",
        "UPDATE invites SET claimed_at = 1",
        "UPDATE rate_limits SET count = -1",
        "INSERT INTO audit_events (id, at, actor, action, subject) \
         VALUES (randomblob(16), 1, 'session', '', '')",
    ] {
        let result = sqlx::raw_sql(damage).execute(&sqlite.raw).await;
        assert!(result.is_err(), "{damage}");
    }
}

#[tokio::test]
async fn the_audit_log_is_append_only() {
    const COPY: &str = "audit_events (rowid, id, at, actor, action, subject) \
         SELECT rowid, id, 0, 'operator', 'token.revoked', subject FROM audit_events";
    const SAME_ID: &str = "audit_events (id, at, actor, action, subject) \
         SELECT id, 0, 'operator', 'token.revoked', subject FROM audit_events";
    const SAME_ROW: &str = "audit_events (rowid, id, at, actor, action, subject) \
         SELECT rowid, zeroblob(16), 0, 'operator', 'token.revoked', subject FROM audit_events";
    let sqlite = seeded(SqliteOptions::default()).await;
    let inserted = sqlite.store.create_token(creation(1)).await;
    assert_eq!(inserted.expect("inserted"), CreateTokenOutcome::Created);
    sqlite.execute("PRAGMA recursive_triggers = OFF").await;
    let mut changes = vec![
        "UPDATE audit_events SET at = 0".to_owned(),
        "DELETE FROM audit_events".to_owned(),
        "DELETE FROM audit_events LIMIT 1".to_owned(),
        "WITH one AS (SELECT id FROM audit_events) DELETE FROM audit_events WHERE id IN one"
            .to_owned(),
        "UPDATE audit_events SET at = one.at FROM (SELECT 0 AS at) AS one".to_owned(),
        format!("INSERT INTO {SAME_ID} WHERE true ON CONFLICT (id) DO UPDATE SET at = 0"),
        format!("INSERT INTO {SAME_ID} WHERE true ON CONFLICT DO NOTHING"),
    ];
    for form in ["REPLACE", "FAIL", "ABORT", "ROLLBACK", "IGNORE"] {
        for set in ["at = 0", "id = zeroblob(16)", "rowid = rowid", "rowid = 9"] {
            changes.push(format!("UPDATE OR {form} audit_events SET {set}"));
        }
        for rows in [COPY, SAME_ID, SAME_ROW] {
            changes.push(format!("INSERT OR {form} INTO {rows}"));
        }
    }
    changes.extend([COPY, SAME_ID, SAME_ROW].map(|rows| format!("REPLACE INTO {rows}")));
    for change in changes {
        let result = sqlx::raw_sql(sqlx::AssertSqlSafe(change.as_str()))
            .execute(&sqlite.raw)
            .await;
        assert!(result.is_err(), "{change}");
    }
    let trail = sqlite
        .store
        .events(&AuditFilter::default(), None, 10)
        .await
        .expect("the store works");
    assert_eq!(trail, vec![creation(1).audit]);
}

#[tokio::test]
async fn a_lookup_searches_indexes_and_scans_no_table() {
    let sqlite = seeded(SqliteOptions::default()).await;
    for query in [
        "EXPLAIN QUERY PLAN SELECT t.id, o.role FROM tokens t JOIN owners o ON o.id = t.owner_id \
         WHERE t.digest = x'00'",
        "EXPLAIN QUERY PLAN SELECT s.id, u.role FROM sessions s JOIN users u ON u.id = s.user_id \
         WHERE s.digest = x'00'",
    ] {
        let plan = plan(&sqlite, query).await;
        assert_eq!(plan.len(), 2, "{plan:?}");
        assert!(plan[0].contains("(digest=?)"), "{plan:?}");
        assert!(plan[1].contains("(id=?)"), "{plan:?}");
    }
}

#[tokio::test]
async fn a_page_of_the_audit_log_is_read_in_the_order_of_an_index() {
    let sqlite = seeded(SqliteOptions::default()).await;
    for (query, index) in [
        (
            "EXPLAIN QUERY PLAN SELECT id FROM audit_events WHERE TRUE AND (at, id) < (1, x'00') \
             ORDER BY at DESC, id DESC LIMIT 9",
            "audit_events_newest",
        ),
        (
            "EXPLAIN QUERY PLAN SELECT id FROM audit_events WHERE TRUE AND actor_user = 'usr_' \
             ORDER BY at DESC, id DESC LIMIT 9",
            "audit_events_of_actor",
        ),
        (
            "EXPLAIN QUERY PLAN SELECT id FROM audit_events WHERE TRUE AND action = 'token.created' \
             AND (at, id) < (1, x'00') ORDER BY at DESC, id DESC LIMIT 9",
            "audit_events_of_action",
        ),
    ] {
        let plan = plan(&sqlite, query).await;
        assert_eq!(plan.len(), 1, "nothing is sorted: {plan:?}");
        assert!(plan[0].contains(index), "{plan:?}");
    }
}

#[tokio::test]
async fn runs_to_be_ended_are_found_in_an_index() {
    let sqlite = seeded(SqliteOptions::default()).await;
    for (condition, index) in [
        (
            "t.issuer_id IN (SELECT unhex(value) FROM json_each('[]'))",
            "agent_runs_of_issuer",
        ),
        ("t.work_item = 'OPS-1'", "agent_runs_of_work_item"),
        ("t.owner_id = x'00'", "agent_runs_unrevoked"),
    ] {
        let query = format!(
            "EXPLAIN QUERY PLAN SELECT t.* FROM tokens t WHERE t.kind = 'agent_run' \
             AND t.revoked_at IS NULL AND t.expires_at > 1 AND {condition}"
        );
        let plan = plan(&sqlite, &query).await;
        assert!(plan[0].contains(index), "{condition}: {plan:?}");
        assert!(plan[0].contains("expires_at>?"), "{condition}: {plan:?}");
    }
    for (query, index) in [
        (
            "EXPLAIN QUERY PLAN SELECT rowid FROM tokens WHERE revoked_at IS NULL \
             AND expires_at < 1 ORDER BY expires_at LIMIT 9",
            "tokens_expiring",
        ),
        (
            "EXPLAIN QUERY PLAN SELECT rowid FROM tokens WHERE revoked_at < 1 \
             ORDER BY revoked_at LIMIT 9",
            "tokens_revoked",
        ),
        (
            "EXPLAIN QUERY PLAN SELECT t.* FROM tokens t WHERE t.kind = 'agent_run' \
             AND t.owner_id = x'00' AND t.id < x'00' ORDER BY t.id DESC LIMIT 9",
            "agent_runs_of_owner",
        ),
        (
            "EXPLAIN QUERY PLAN SELECT created_at FROM tokens WHERE owner_id = x'00' \
             AND kind = 'personal' ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET 999",
            "personal_tokens_issued",
        ),
        (
            "EXPLAIN QUERY PLAN SELECT created_at FROM tokens WHERE owner_id = x'00' \
             AND kind = 'agent_run' ORDER BY id DESC LIMIT 1 OFFSET 999",
            "agent_runs_of_owner",
        ),
        (
            "EXPLAIN QUERY PLAN SELECT t.* FROM tokens t WHERE t.owner_id = x'00' \
             AND t.kind = 'personal' AND t.revoked_at IS NULL \
             AND coalesce(t.expires_at, 253402300800000) > 1",
            "personal_tokens_ending (owner_id=? AND <expr>>?)",
        ),
    ] {
        let plan = plan(&sqlite, query).await;
        assert_eq!(plan.len(), 1, "nothing is sorted: {plan:?}");
        assert!(plan[0].contains(index), "{plan:?}");
    }
}

#[tokio::test]
async fn every_order_and_search_reads_only_one_owners_tokens() {
    const BEHIND: &str = "(lower(t.name) > 'b' OR lower(t.name) = 'b' AND t.id < x'00')";
    let sqlite = seeded(SqliteOptions::default()).await;
    let search = "instr(coalesce(t.name_folded, lower(t.name)), 'b') > 0";
    for status in ["t.revoked_at IS NULL", "t.revoked_at IS NOT NULL"] {
        for (condition, order) in [
            ("TRUE", "lower(t.name) ASC, "),
            (BEHIND, "lower(t.name) ASC, "),
            ("TRUE", "coalesce(t.expires_at, 253402300800000) ASC, "),
            ("TRUE", "coalesce(t.last_used_at, -1) DESC, "),
            (search, ""),
        ] {
            let query = format!(
                "EXPLAIN QUERY PLAN SELECT t.* FROM tokens t WHERE t.kind = 'personal' \
                 AND t.owner_id = x'00' AND {status} AND {condition} \
                 ORDER BY {order} t.id DESC LIMIT 9"
            );
            let plan = plan(&sqlite, &query).await;
            assert!(plan[0].contains("(owner_id=?"), "{query}: {plan:?}");
        }
    }
    let query = "EXPLAIN QUERY PLAN SELECT t.* FROM tokens t WHERE t.kind = 'agent_run' \
                 AND t.owner_id = x'00' AND t.issuer_id = x'00' ORDER BY t.id DESC LIMIT 9";
    let plan = plan(&sqlite, query).await;
    assert!(plan[0].contains("agent_runs_of_owner"), "{plan:?}");
}

#[tokio::test]
async fn pages_of_work_items_and_the_queue_are_read_in_the_order_of_an_index() {
    const NEWEST: &str = "w.created_at DESC, w.domain DESC, w.number DESC, w.part DESC";
    const URGENT: &str = "w.priority DESC, w.created_at, w.domain, w.number, w.part";
    const OPEN: &str = "w.status IN ('todo', 'in_progress')";
    let sqlite = seeded(SqliteOptions::default()).await;
    for (condition, order, index) in [
        ("TRUE".to_owned(), NEWEST, "work_items_newest"),
        (
            "TRUE AND (w.created_at, w.domain, w.number, w.part) < (1, 'A', 1, 0)".to_owned(),
            NEWEST,
            "work_items_newest",
        ),
        (
            "TRUE AND w.domain = 'OPS'".to_owned(),
            NEWEST,
            "work_items_of_domain",
        ),
        (
            "TRUE AND w.assignee_id = x'00'".to_owned(),
            NEWEST,
            "work_items_of_assignee",
        ),
        (
            format!("TRUE AND {OPEN} AND w.target <> 'human' AND NOT (w.claimed_at IS NOT NULL)"),
            URGENT,
            "work_items_available",
        ),
        (
            format!("TRUE AND {OPEN} AND w.assignee_id = x'00'"),
            URGENT,
            "work_items_to_do",
        ),
    ] {
        let query = format!(
            "EXPLAIN QUERY PLAN SELECT w.*, r.id FROM work_items w LEFT JOIN tokens r \
             ON r.id = w.claim_run_id AND r.kind = 'agent_run' \
             WHERE {condition} ORDER BY {order} LIMIT 9"
        );
        let plan = plan(&sqlite, &query).await;
        assert_eq!(plan.len(), 2, "nothing is sorted: {plan:?}");
        assert!(plan[0].contains(index), "{condition}: {plan:?}");
        assert!(plan[1].contains("(id=?)"), "{plan:?}");
    }
    // The items of one agent or run are few, and sorted.
    for (condition, index) in [
        ("w.claim_agent = 'a'", "work_items_of_agent"),
        ("w.claim_run_id = x'00'", "work_items_of_run"),
    ] {
        let query = format!(
            "EXPLAIN QUERY PLAN SELECT w.* FROM work_items w \
             WHERE {OPEN} AND {condition} ORDER BY {URGENT} LIMIT 9"
        );
        let plan = plan(&sqlite, &query).await;
        assert!(plan[0].contains(index), "{condition}: {plan:?}");
    }
}

async fn plan(sqlite: &Sqlite, query: &str) -> Vec<String> {
    sqlx::query(sqlx::AssertSqlSafe(query))
        .fetch_all(&sqlite.raw)
        .await
        .expect("a plan")
        .iter()
        .map(|row| row.get("detail"))
        .collect()
}

#[tokio::test]
async fn a_store_without_accounts_has_the_same_tables_of_tokens() {
    let (full, tokens) = (
        Sqlite::start().await,
        Sqlite::start_without_accounts().await,
    );
    let tables = schema::tables(TOKENS_ONLY).map(|table| table.name.to_owned());
    let tables: Vec<String> = tables.collect();
    let mut schemas = Vec::new();
    for raw in [&full.raw, &tokens.raw] {
        let objects: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT tbl_name, name, replace(sql, '\"', '') FROM sqlite_schema \
             WHERE sql IS NOT NULL AND name <> 'openindex_migrations' ORDER BY name",
        )
        .fetch_all(raw)
        .await
        .expect("a schema");
        schemas.push(objects);
    }
    assert!(schemas[1].iter().all(|(table, ..)| tables.contains(table)));
    schemas[0].retain(|(table, ..)| tables.contains(table));
    assert_eq!(schemas[0], schemas[1]);
}

const TOKENS_ONLY: schema::Parts = schema::Parts {
    accounts: false,
    work_items: false,
};

#[tokio::test]
async fn a_store_without_accounts_serves_a_database_with_them_but_not_the_reverse() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let guest = SqliteOptions::default().as_guest();
    let verifier = SqliteStore::connect_with(&sqlite.url(), guest).await;
    let verifier = verifier.expect("a store");
    verifier.migrate().await.expect("nothing to do");
    verifier.ready().await.expect("ready");
    let found = verifier.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store works").is_some());
    // Its users stay what they are.
    let user = fixtures::user(1).as_owner();
    let put = ChangeOwner {
        audit: fixtures::audit(1, fixtures::NOW, OwnerAction::ADDED, Subject::User(user.id)),
        now: fixtures::NOW,
        change: OwnerChange::Put(user),
    };
    let put = verifier.change_owner(put).await;
    assert_eq!(
        put.expect("the store works"),
        ChangeOwnerOutcome::HasAccount
    );

    let sqlite = Sqlite::start_without_accounts().await;
    let accounts = sqlite.store.clone().with_accounts();
    for result in [accounts.migrate().await, accounts.ready().await] {
        let error = result.expect_err("no accounts").causes();
        assert!(error.contains("created without accounts"), "{error}");
    }
}

#[tokio::test]
async fn a_user_whose_row_is_deleted_by_hand_has_no_live_token_and_a_missing_trigger_is_noticed() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite
        .execute("PRAGMA foreign_keys = OFF; DELETE FROM users")
        .await;
    let found = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
    let record = found.expect("the store works").expect("the token");
    assert!(!record.owner.active);
    sqlite.store.ready().await.expect("ready");
    sqlite.execute("DROP TRIGGER users_stay_owners").await;
    let error = sqlite.store.ready().await.expect_err("not ready").causes();
    assert!(error.contains("users_stay_owners is missing"), "{error}");
}

#[tokio::test]
async fn a_damaged_row_does_not_keep_the_file_from_being_migrated() {
    let (_directory, raw, url) = empty_file().await;
    let migrator = sqlx::migrate!();
    migrator.run_to(1, &raw).await.expect("the first schema");
    let executed = sqlx::raw_sql(OF_THE_FIRST_RELEASE).execute(&raw).await;
    executed.expect("rows");
    migrator.run_to(21, &raw).await.expect("before owners");
    let damage = "PRAGMA ignore_check_constraints = ON; UPDATE tokens SET scope = 'root'";
    let executed = sqlx::raw_sql(damage).execute(&raw).await;
    executed.expect("damaged");
    raw.close().await;
    let store = SqliteStore::connect(&url)
        .await
        .expect("a store")
        .with_accounts();
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    assert!(is_corrupt(
        &store.find_by_digest(&fixtures::digest(0)).await
    ));
}
