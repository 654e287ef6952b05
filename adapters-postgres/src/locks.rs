//! The locks that a change takes before it reads, always in this order, so that two changes cannot
//! deadlock:
//!
//! 1. names ([`named`]);
//! 2. rows of users, ordered by id ([`users`]);
//! 3. the table of users against inserts ([`new_users`]);
//! 4. the row of a work domain or of a work item ([`work_domain`], [`work_item`],
//!    [`work_item_shared`]): only one of them, so they need no order among themselves (the foreign
//!    key of an item to its domain locks the domain's row in a mode that conflicts with none of
//!    these);
//! 5. rows of other tables; several rows of one table are ordered by id.
//!
//! A change that writes rows of `users` has locked all of them before.
//!
//! # Tokens
//!
//! What is read of a personal token under the lock of its owner's row stays true, except for when
//! it was last used: every change of the token locks that row. This does not hold for an agent run,
//! which also ends when any user resolves the work item that it is bound to. So a change that ends
//! runs, or acts with one, also locks their own rows before it reads them; of two changes that end
//! a run, the second finds it ended.
//!
//! Writing last-used times locks rows of tokens ordered by id, and nothing else. A change that
//! writes several tokens therefore locks all of them in one statement and in that order
//! ([`tokens_with_runs`], [`runs_of_owner`], [`tokens_of_owner`], [`runs_of_work_item`]), including
//! the token that is revoked among its runs: where clocks differ, a run may have the smaller id.
//! Runs that expired before [`EndedRuns::horizon`] are not locked, since nothing ends them anymore.
//! No run is added meanwhile: [`StartRun`] locks its owner and, if it is bound, its item.
//!
//! [`EndedRuns::horizon`]: openindex_domain::agent_run::EndedRuns::horizon
//! [`StartRun`]: openindex_domain::agent_run::StartRun
//!
//! # All users
//!
//! Bulk revocation depends on all users, and on tokens that do not exist yet. It first locks the
//! table of users against all of the above ([`all_users`]), then the tokens.

use openindex_domain::StoreError;
use openindex_domain::access::{Actor, CredentialId};
use openindex_domain::agent_run::{DomainKey, WorkItemKey};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{TokenId, TokenKind};
use openindex_domain::user::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::agent_runs::horizon;
use crate::error::store_error;
use crate::rows;

/// Locks names until the end of the transaction, where there is no row to lock. They are locked in
/// the order of their hashes, so the order of the arguments does not matter. Two names with the
/// same hash wait for each other, which is harmless.
pub(crate) async fn named(
    connection: &mut PgConnection,
    names: &[String],
) -> Result<(), StoreError> {
    sqlx::query(
        "SELECT pg_advisory_xact_lock(hash) FROM \
         (SELECT DISTINCT hashtextextended(name, 0) AS hash FROM unnest($1::text[]) AS n (name) \
          ORDER BY hash) AS hashes",
    )
    .bind(names)
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Locks the acting user and the users whose records, credentials or links are changed. What is
/// read of them afterwards stays true until the commit: every change of a personal token, a
/// session, a sign-in link or a password locks these rows, and every change of a user's role or
/// suspension updates them.
///
/// `NO KEY` allows inserts of rows that refer to the user.
pub(crate) async fn users(
    connection: &mut PgConnection,
    actor: Option<&Actor>,
    changed: &[UserId],
) -> Result<(), StoreError> {
    let (token, session) = match actor.map(|actor| actor.credential) {
        Some(CredentialId::Token(id)) => (Some(id.uuid()), None),
        Some(CredentialId::Session(id)) => (None, Some(id.uuid())),
        None => (None, None),
    };
    let changed: Vec<Uuid> = changed.iter().map(|user| user.uuid()).collect();
    sqlx::query(
        "SELECT 1 FROM users \
         WHERE id = ANY ($1::uuid[] || ARRAY[(SELECT owner_id FROM tokens WHERE id = $2), \
                                             (SELECT user_id FROM sessions WHERE id = $3)]) \
         ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(changed)
    .bind(token)
    .bind(session)
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Blocks every change of users, tokens, sessions, links and invites until the commit: each of them
/// takes [`users`] or [`new_users`], which conflict with this lock. So no token is created
/// meanwhile, not even by a change that has read its actor but not written yet. (Locking the table
/// of tokens would block such a change between the two, and then let it continue with an actor that
/// has been revoked.) Lookups and writes of last-used times do not wait.
///
/// There is no deadlock:
///
/// - A change that takes this lock holds no other lock before it, and takes no other lock of
///   `users` after it.
/// - A change that holds a row of `users`, and then writes there or takes [`new_users`], requests a
///   stronger lock of the table, possibly while this lock waits for that change. PostgreSQL grants
///   it ahead of the queue when the waiting lock conflicts with one that the requester already
///   holds.
/// - Work items refer to users, so changing one locks `users` once more, in a mode that the change
///   already holds and so gets at once.
/// - Of the changes that do not take [`users`], writes of last-used times lock rows of tokens
///   ordered by id, as bulk revocation does, and purges skip locked rows.
pub(crate) async fn all_users(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("LOCK TABLE users IN EXCLUSIVE MODE")
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

/// Blocks inserts of users until the commit, so that whether an address is taken, and whether there
/// are any users, stays true. Changes of users wait meanwhile; lookups and changes of tokens do
/// not.
pub(crate) async fn new_users(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

/// Locks these tokens, and the runs issued with them that may still end at `now`.
pub(crate) async fn tokens_with_runs(
    connection: &mut PgConnection,
    tokens: &[TokenId],
    now: Timestamp,
) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = tokens.iter().map(|token| token.uuid()).collect();
    sqlx::query(
        "SELECT 1 FROM tokens WHERE id = ANY ($1) \
         OR (issuer_id = ANY ($1) AND kind = 'agent_run' AND revoked_at IS NULL \
             AND (expires_at IS NULL OR expires_at > $2)) \
         ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(ids)
    .bind(horizon(now))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Locks the runs of a user that may still end at `now`.
pub(crate) async fn runs_of_owner(
    connection: &mut PgConnection,
    owner: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "SELECT 1 FROM tokens WHERE owner_id = $1 AND kind = 'agent_run' \
         AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2) \
         ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(owner.uuid())
    .bind(horizon(now))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Locks every unrevoked token and run of a user, expired ones included.
pub(crate) async fn tokens_of_owner(
    connection: &mut PgConnection,
    owner: UserId,
) -> Result<(), StoreError> {
    sqlx::query(
        "SELECT 1 FROM tokens WHERE owner_id = $1 AND revoked_at IS NULL \
         ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(owner.uuid())
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Locks the runs that are bound to a work item and may still end, and the acting run, if the actor
/// is one. The item's own row has been locked before.
pub(crate) async fn runs_of_work_item(
    connection: &mut PgConnection,
    actor: &Actor,
    item: Option<WorkItemKey>,
) -> Result<(), StoreError> {
    let acting = match actor.credential {
        CredentialId::Token(id) if id.kind() == TokenKind::AgentRun => Some(id.uuid()),
        CredentialId::Token(_) | CredentialId::Session(_) => None,
    };
    sqlx::query(
        "SELECT 1 FROM tokens WHERE id = $1 \
         OR (work_item = $2 AND kind = 'agent_run' AND revoked_at IS NULL \
             AND (expires_at IS NULL OR expires_at > $3)) \
         ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(acting)
    .bind(item.map(|key| key.to_string()))
    .bind(horizon(actor.now))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Locks a work domain, so that no other change assigns its next item number. Creates the domain if
/// it is new; a rollback removes it again.
pub(crate) async fn work_domain(
    connection: &mut PgConnection,
    domain: DomainKey,
) -> Result<(), StoreError> {
    for sql in [
        "INSERT INTO work_domains (key, last_number) VALUES ($1, 0) ON CONFLICT DO NOTHING",
        "SELECT 1 FROM work_domains WHERE key = $1 FOR NO KEY UPDATE",
    ] {
        sqlx::query(sql)
            .bind(domain.as_str())
            .execute(&mut *connection)
            .await
            .map_err(store_error)?;
    }
    Ok(())
}

/// Locks a work item, if it exists, against all other changes of it or of its parts, and against
/// starting runs bound to it.
///
/// Read the item afterwards, in a separate statement: a statement that waits for a row sees the
/// row's new version, but joins it with rows from before the wait. A claim made meanwhile would
/// look like one whose run does not exist.
pub(crate) async fn work_item(
    connection: &mut PgConnection,
    key: WorkItemKey,
) -> Result<(), StoreError> {
    let lock = "SELECT 1 FROM work_items WHERE domain = $1 AND number = $2 AND part = $3 \
                FOR NO KEY UPDATE";
    lock_item(connection, lock, key).await
}

/// Locks a work item, if it exists, against all changes. Any number of runs can be bound to it at
/// the same time.
pub(crate) async fn work_item_shared(
    connection: &mut PgConnection,
    key: WorkItemKey,
) -> Result<(), StoreError> {
    let lock = "SELECT 1 FROM work_items WHERE domain = $1 AND number = $2 AND part = $3 \
                FOR SHARE";
    lock_item(connection, lock, key).await
}

async fn lock_item(
    connection: &mut PgConnection,
    lock: &'static str,
    key: WorkItemKey,
) -> Result<(), StoreError> {
    let [number, part] = rows::key_numbers(key);
    sqlx::query(lock)
        .bind(key.domain.as_str())
        .bind(number)
        .bind(part)
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}
