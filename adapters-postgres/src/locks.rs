//! What a change locks before it reads, in one order everywhere, so that no two changes wait for
//! each other: first a name ([`named`]), then the rows of users in the order of their ids
//! ([`users`]), then the table of users against newcomers ([`newcomers`]), then rows of other
//! tables, several of one table in the order of their ids. Whoever writes a row of `users` has
//! locked all the rows of it that they need before.
//!
//! Bulk revocation depends on everybody, and on tokens that are not there yet. It locks the table
//! of users against all of the above ([`everybody`]), before anything else.

use openindex_domain::StoreError;
use openindex_domain::access::{Actor, CredentialId};
use openindex_domain::user::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::store_error;

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
/// afterwards stays true until the commit: every change of a token, a session, a link or a
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
