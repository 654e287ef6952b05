//! What a change locks before it reads, in one order everywhere, so that no two changes wait for
//! each other:
//!
//! 1. names ([`named`]);
//! 2. the rows of users, in the order of their ids ([`users`]);
//! 3. the table of users against newcomers ([`newcomers`]);
//! 4. the row of a domain of work, or of a work item ([`work_domain`], [`work_item`],
//!    [`work_item_as_it_is`]): one of them, so that they need no order among each other (that an
//!    item refers to its domain locks the domain's row, in a mode that all of these go with);
//! 5. rows of other tables, several of one table in the order of their ids.
//!
//! Whoever writes a row of `users` has locked all the rows of it that they need before.
//!
//! # Tokens
//!
//! What is read of a personal token under the lock of its owner's row stays true, but for when it
//! was last used: every change of it locks that row. That is not so of an agent run. It also ends
//! when the work item is resolved that it is bound to, by whomever. So whoever reads runs in order
//! to end them, or acts with one, locks their own rows too, before they read; of two who end a run,
//! one finds it ended.
//!
//! The notes of uses lock the rows of tokens in the order of their ids, and nothing else. A change
//! that writes several of them therefore locks all in one statement and in that order
//! ([`tokens_with_runs`], [`runs_of_owner`], [`tokens_of_owner`], [`runs_of_work_item`]), the token that ends among its
//! runs: a run may have the smaller id where clocks differ. Runs that expired before
//! [`EndedRuns::horizon`] are left alone, as nothing ends them any more. No run is added meanwhile:
//! [`StartRun`] locks its owner and, where it is bound, its item.
//!
//! [`EndedRuns::horizon`]: openindex_domain::agent_run::EndedRuns::horizon
//! [`StartRun`]: openindex_domain::agent_run::StartRun
//!
//! # Everybody
//!
//! Bulk revocation depends on everybody, and on tokens that are not there yet. It locks the table
//! of users against all of the above ([`everybody`]), before anything else; then the tokens in
//! question.

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
/// the order of their hashes, so that the order of the arguments does not matter; two names with
/// one hash wait for one another, which does no harm.
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

/// Locks the acting user and those who are changed, or whose things are. What is read of them
/// afterwards stays true until the commit: every change of a personal token, a session, a link or a
/// password goes through here, and whatever changes a user's role or standing updates the locked
/// row.
///
/// `NO KEY` lets others insert rows that refer to the user.
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

/// Holds up every change of users, tokens, sessions, links and invites until the commit: each goes
/// through [`users`] or [`newcomers`], whose locks this one excludes. So no token is issued
/// meanwhile, and none by a change that read its actor before and writes after. (To lock the table
/// of tokens would hold up such a change between the two, and let it go on with an actor that is
/// revoked by then.) Lookups, and the notes of when a token was used, do not wait.
///
/// Nobody waits for one another:
///
/// - Whoever takes this holds no other lock, and takes no other lock of `users` after it.
/// - A change that holds a row of `users`, and then writes there or takes [`newcomers`], asks for a
///   stronger lock of the table while this one may be waiting for it. The server lets it pass, as
///   it does with every lock that somebody holds whom the one in front waits for.
/// - Work items refer to users, and so a change of one asks for a lock of `users` once more. It is
///   of the mode that the change has already, and so is given at once.
/// - Of those that do not go through `users`, the notes of uses lock rows of tokens in the order of
///   their ids, as a bulk revocation does, and the purges skip what is locked.
pub(crate) async fn everybody(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("LOCK TABLE users IN EXCLUSIVE MODE")
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

/// Keeps everybody else from adding a user until the commit, by whatever door: whether an address
/// is taken, and whether there is anybody at all, stays true. Changes of users wait meanwhile;
/// lookups and changes of tokens do not.
pub(crate) async fn newcomers(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

/// Locks these tokens, and the runs that were issued with them and may end at `now`.
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

/// Locks the runs of a user that may end at `now`.
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

/// Locks every unrevoked token and run of a user: what may still be used, and what has expired.
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

/// Locks the runs that are bound to a work item and may end, and the run that acts, if it is one
/// that does. The item's own row has been locked before.
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

/// Locks a domain of work against others who would give its next number to an item; makes it where
/// it is new, and then it goes again unless the change is committed.
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

/// Locks a work item, if it is there, against all other changes of it or of its parts, and against
/// runs that would be bound to it.
///
/// The item is read afterwards, in a statement of its own. One that waits for a row sees that row as
/// it has become, but what is joined to it as it was before the wait: a claim that was made
/// meanwhile would look like one whose run is gone.
pub(crate) async fn work_item(
    connection: &mut PgConnection,
    key: WorkItemKey,
) -> Result<(), StoreError> {
    let lock = "SELECT 1 FROM work_items WHERE domain = $1 AND number = $2 AND part = $3 \
                FOR NO KEY UPDATE";
    lock_item(connection, lock, key).await
}

/// Locks a work item, if it is there, against all changes; any number of runs can be bound to it at
/// the same time.
pub(crate) async fn work_item_as_it_is(
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
