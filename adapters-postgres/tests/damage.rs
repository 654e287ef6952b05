//! Values that the schema rejects, and what happens if they were written past it.

mod support;

use openindex_adapters_postgres::PostgresStore;
use openindex_domain::audit::{AuditFilter, AuditStore};
use openindex_domain::invite::InviteStore;
use openindex_domain::rate_limit::{RateLimit, RateLimitStore};
use openindex_domain::session::SessionStore;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{Digest, TokenStore};
use openindex_domain::user::UserStore;
use openindex_domain::work_item::{Claim, Holder, WorkItemFilter, WorkItemStore};
use openindex_domain::{Listing, StoreError};
use support::{creation, is_corrupt, put_token, put_work_item, seeded};

#[tokio::test]
async fn token_values_that_the_domain_rejects_are_corrupt() {
    let postgres = seeded().await;
    postgres
        .execute(
            "ALTER TABLE tokens DROP CONSTRAINT tokens_scope_check; \
             ALTER TABLE tokens DROP CONSTRAINT tokens_kind_check; \
             ALTER TABLE owners DROP CONSTRAINT owners_role_check; \
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
            "UPDATE tokens SET expires_at = '1969-12-31 00:00:00+00'",
            "UPDATE tokens SET expires_at = NULL",
        ),
        (
            "UPDATE tokens SET successor = 'usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2'",
            "UPDATE tokens SET successor = NULL",
        ),
        (
            "UPDATE owners SET role = 'owner'",
            "UPDATE owners SET role = 'admin'",
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

/// One row of each table that belongs to a user.
const ROWS_OF_A_USER: &str = r"
    INSERT INTO sessions SELECT '00000000-0000-0000-0000-000000000000', id,
        decode(repeat('00', 32), 'hex'), to_timestamp(1), to_timestamp(1), 'b' FROM users;
    INSERT INTO sign_in_links SELECT '00000000-0000-0000-0000-000000000000', id,
        decode(repeat('00', 32), 'hex'), NULL, to_timestamp(1), to_timestamp(2), NULL FROM users;
    INSERT INTO invites VALUES ('00000000-0000-0000-0000-000000000000', 'person', 'a@b', 'a@b',
        'member', decode(repeat('00', 32), 'hex'), NULL, to_timestamp(1), to_timestamp(2), NULL,
        NULL, NULL);
    INSERT INTO rate_limits VALUES ('key', to_timestamp(1), 1);
    INSERT INTO notices (user_id, token, token_name, at)
        SELECT id, 'pat_00000002000070008000000000000000', 'name', to_timestamp(1)
        FROM users;
    INSERT INTO audit_events (id, at, actor, action, subject)
        VALUES ('00000000-0000-0000-0000-000000000000', to_timestamp(1), 'anonymous',
                'sign_in.rejected', 'usr_00000001000070008000000000000001');";

/// Returns the first damaged row as an error.
fn undamaged<T>(listing: Listing<T>) -> Result<Listing<T>, StoreError> {
    let damaged = listing.damaged().next().cloned();
    damaged.map_or(Ok(listing), |row| Err(row.into()))
}

/// Reads all of it, and returns the first error.
async fn read_everything(store: &PostgresStore<true, true>) -> Result<(), StoreError> {
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
    let postgres = seeded().await;
    postgres.execute(ROWS_OF_A_USER).await;
    read_everything(&postgres.store).await.expect("all is well");
    postgres
        .execute(
            "ALTER DOMAIN instant DROP CONSTRAINT instant_range; \
             ALTER TABLE invites DROP CONSTRAINT invites_kind_check; \
             ALTER TABLE invites DROP CONSTRAINT invites_role_check; \
             ALTER TABLE invites DROP CONSTRAINT invites_email_check; \
             ALTER TABLE invites DROP CONSTRAINT invites_email_key_check; \
             ALTER TABLE invites DROP CONSTRAINT invites_has_role_check; \
             ALTER TABLE invites DROP CONSTRAINT invites_claimed_check; \
             ALTER TABLE rate_limits DROP CONSTRAINT rate_limits_count_check; \
             DROP TRIGGER audit_events_append_only ON audit_events; \
             ALTER TABLE audit_events DROP CONSTRAINT audit_events_actor_check; \
             ALTER TABLE audit_events DROP CONSTRAINT audit_events_actor_user_check; \
             ALTER TABLE audit_events DROP CONSTRAINT audit_events_actor_session_check",
        )
        .await;
    for (damage, repair) in [
        (
            "UPDATE sessions SET created_at = '1969-12-31 00:00:00+00'",
            "UPDATE sessions SET created_at = to_timestamp(1)",
        ),
        (
            "UPDATE sign_in_links SET used_at = '1969-12-31 00:00:00+00'",
            "UPDATE sign_in_links SET used_at = NULL",
        ),
        (
            "UPDATE invites SET kind = 'guest'",
            "UPDATE invites SET kind = 'person'",
        ),
        (
            "UPDATE invites SET role = 'owner'",
            "UPDATE invites SET role = 'member'",
        ),
        (
            "UPDATE invites SET email = NULL",
            "UPDATE invites SET email = 'a@b'",
        ),
        (
            "UPDATE invites SET claimed_at = to_timestamp(1)",
            "UPDATE invites SET claimed_at = NULL",
        ),
        (
            "UPDATE audit_events SET actor = 'ghost'",
            "UPDATE audit_events SET actor = 'anonymous'",
        ),
        (
            "UPDATE audit_events SET actor = 'session'",
            "UPDATE audit_events SET actor = 'anonymous'",
        ),
        (
            "UPDATE audit_events SET action = 'token.eaten'",
            "UPDATE audit_events SET action = 'sign_in.rejected'",
        ),
        (
            "UPDATE audit_events SET client_address = 'here'",
            "UPDATE audit_events SET client_address = NULL",
        ),
        (
            "UPDATE audit_events SET request_id = 'a b'",
            "UPDATE audit_events SET request_id = NULL",
        ),
    ] {
        postgres.execute(damage).await;
        let read = read_everything(&postgres.store).await;
        assert!(is_corrupt(&read), "{damage}: {read:?}");
        postgres.execute(repair).await;
        let read = read_everything(&postgres.store).await;
        assert!(read.is_ok(), "{repair}: {read:?}");
    }
}

#[tokio::test]
async fn a_token_with_only_some_fields_of_an_agent_run_is_corrupt() {
    let postgres = seeded().await;
    let run = fixtures::run(1, fixtures::token(0, fixtures::NOW).id);
    put_token(&postgres.owner, &run, &fixtures::digest(1)).await;
    postgres
        .execute(
            "ALTER TABLE tokens DROP CONSTRAINT tokens_agent_id_check; \
             ALTER TABLE tokens DROP CONSTRAINT tokens_issuer_id_check; \
             ALTER TABLE tokens DROP CONSTRAINT tokens_work_item_check; \
             ALTER TABLE tokens DROP CONSTRAINT tokens_run_expires_check; \
             CREATE TABLE intact AS SELECT * FROM tokens",
        )
        .await;
    // Each statement damages the token or the run.
    for damage in [
        "UPDATE tokens SET kind = 'agent_run' WHERE kind = 'personal'",
        "UPDATE tokens SET agent_id = 'a' WHERE kind = 'personal'",
        "UPDATE tokens SET issuer_id = id WHERE kind = 'personal'",
        "UPDATE tokens SET work_item = 'OPS-1' WHERE kind = 'personal'",
        "UPDATE tokens SET kind = 'personal' WHERE kind = 'agent_run'",
        "UPDATE tokens SET agent_id = NULL WHERE kind = 'agent_run'",
        "UPDATE tokens SET issuer_id = NULL WHERE kind = 'agent_run'",
        "UPDATE tokens SET work_item = 'OPS-01' WHERE kind = 'agent_run'",
        "UPDATE tokens SET work_item = 'ops-1' WHERE kind = 'agent_run'",
    ] {
        let read = async || {
            postgres.store.find_by_digest(&fixtures::digest(0)).await?;
            postgres.store.find_by_digest(&fixtures::digest(1)).await
        };
        postgres.execute(damage).await;
        let found = read().await;
        assert!(is_corrupt(&found), "{damage}: {found:?}");
        postgres
            .execute("DELETE FROM tokens; INSERT INTO tokens SELECT * FROM intact")
            .await;
        let found = read().await.expect("repaired").expect("the run");
        assert_eq!(found.token, run);
    }
}

#[tokio::test]
async fn work_item_values_that_the_domain_rejects_are_corrupt() {
    let postgres = seeded().await;
    let now = fixtures::NOW;
    let run = fixtures::run(1, fixtures::token(0, now).id);
    put_token(&postgres.owner, &run, &fixtures::digest(1)).await;
    let mut item = fixtures::work_item(1);
    item.claim = Some(Claim {
        holder: Holder::Agent(run.run.expect("a run").agent),
        run: Some(run.id),
        on_behalf: None,
        at: now,
    });
    put_work_item(&postgres.owner, &item).await;
    postgres
        .execute(
            "ALTER DOMAIN instant DROP CONSTRAINT instant_range; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_domain_fkey; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_title_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_is_part_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_resolved_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_number_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_part_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_kind_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_status_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_priority_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_target_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_version_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_last_part_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_claimed_check; \
             ALTER TABLE work_items DROP CONSTRAINT work_items_claim_run_check; \
             CREATE TABLE intact AS SELECT * FROM work_items",
        )
        .await;
    for damage in [
        "UPDATE work_items SET domain = 'ops'",
        "UPDATE work_items SET number = 0",
        "UPDATE work_items SET number = -1",
        "UPDATE work_items SET part = -1",
        "UPDATE work_items SET kind = 'epic'",
        "UPDATE work_items SET status = 'stuck'",
        "UPDATE work_items SET priority = 4",
        "UPDATE work_items SET priority = -1",
        "UPDATE work_items SET target = 'nobody'",
        "UPDATE work_items SET claim_agent = NULL",
        "UPDATE work_items SET claimed_at = NULL",
        "UPDATE work_items SET claim_agent = NULL, claimed_at = NULL",
        "UPDATE work_items SET claim_user_id = created_by",
        "UPDATE work_items SET claim_user_id = created_by, claim_agent = NULL",
        "UPDATE work_items SET claim_agent = NULL, claim_run_id = NULL",
        "UPDATE work_items SET updated_at = '1969-12-31 00:00:00+00'",
        "UPDATE work_items SET resolved_at = '1969-12-31 00:00:00+00'",
        "UPDATE work_items SET version = -1",
        "UPDATE work_items SET last_part = -1",
    ] {
        let store = &postgres.store;
        let read = async || {
            undamaged(
                store
                    .items(&WorkItemFilter::default(), now, None, 9)
                    .await?,
            )
        };
        postgres.execute(damage).await;
        let found = read().await;
        assert!(is_corrupt(&found), "{damage}: {found:?}");
        postgres
            .execute("DELETE FROM work_items; INSERT INTO work_items SELECT * FROM intact")
            .await;
        assert_eq!(read().await.expect("repaired"), [item.clone()]);
    }
}

#[tokio::test]
async fn a_digest_of_the_wrong_length_is_corrupt() {
    let postgres = seeded().await;
    postgres
        .execute(
            r"ALTER TABLE tokens DROP CONSTRAINT tokens_digest_check;
              UPDATE tokens SET digest = '\x00'",
        )
        .await;
    let inserted = postgres.store.create_token(creation(1)).await;
    assert!(is_corrupt(&inserted), "{inserted:?}");
}

#[tokio::test]
async fn the_schema_rejects_what_the_domain_rejects() {
    let postgres = seeded().await;
    postgres.execute(ROWS_OF_A_USER).await;
    put_work_item(&postgres.owner, &fixtures::work_item(1)).await;
    for damage in [
        "UPDATE tokens SET scope = 'root'",
        "UPDATE tokens SET kind = 'agent_run'",
        "UPDATE tokens SET agent_id = 'a'",
        "UPDATE tokens SET work_item = 'OPS-1'",
        "UPDATE tokens SET issuer_id = id",
        "UPDATE tokens SET kind = 'agent_run', agent_id = 'a', issuer_id = id",
        "UPDATE work_domains SET last_number = -1",
        "UPDATE work_domains SET key = 'O'",
        "UPDATE work_items SET domain = 'OPT'",
        "UPDATE work_items SET number = 0",
        "UPDATE work_items SET part = -1",
        "UPDATE work_items SET part = 1",
        "UPDATE work_items SET title = ''",
        "UPDATE work_items SET description = repeat(chr(233), 16001)",
        "UPDATE work_items SET kind = 'epic'",
        "UPDATE work_items SET status = 'stuck'",
        "UPDATE work_items SET status = 'done'",
        "UPDATE work_items SET priority = 4",
        "UPDATE work_items SET target = 'nobody'",
        "UPDATE work_items SET assignee_id = gen_random_uuid()",
        "UPDATE work_items SET claim_agent = 'a'",
        "UPDATE work_items SET claimed_at = created_at",
        "UPDATE work_items SET claim_user_id = created_by",
        "UPDATE work_items SET claim_user_id = gen_random_uuid(), claimed_at = created_at",
        "UPDATE work_items SET claim_agent = 'a', claim_user_id = created_by, \
         claimed_at = created_at",
        "UPDATE work_items SET claim_user_id = created_by, claimed_at = created_at, \
         claim_run_id = gen_random_uuid()",
        "UPDATE work_items SET claim_run_id = gen_random_uuid()",
        "UPDATE work_items SET updated_at = 'infinity'",
        "UPDATE work_items SET version = 0",
        "UPDATE work_items SET last_part = -1",
        r"UPDATE tokens SET digest = '\x00'",
        "UPDATE tokens SET created_at = 'infinity'",
        "UPDATE tokens SET expires_at = '-infinity'",
        "UPDATE tokens SET created_at = '10000-01-01 00:00:00+00'",
        "UPDATE tokens SET created_at = '1969-12-31 23:59:59+00'",
        "UPDATE users SET role = 'owner'",
        "DELETE FROM users",
        r"UPDATE sessions SET digest = '\x00'",
        r"UPDATE sign_in_links SET digest = '\x00'",
        r"UPDATE invites SET digest = '\x00'",
        "UPDATE invites SET kind = 'first_admin'",
        "UPDATE invites SET claimed_at = created_at",
        "UPDATE rate_limits SET count = -1",
        "INSERT INTO audit_events (id, at, actor, action, subject) \
         VALUES (gen_random_uuid(), to_timestamp(1), 'session', '', '')",
    ] {
        let result = sqlx::raw_sql(damage).execute(&postgres.raw).await;
        assert!(result.is_err(), "{damage}");
    }
}
