//! The table of sessions.

use openindex_domain::clock::Timestamp;
use openindex_domain::session::{Session, SessionId, SessionRecord, SessionSelection};
use openindex_domain::token::Digest;
use openindex_domain::user::UserId;

use crate::rows::{self, SESSION_COLUMNS, USER_COLUMNS};
use crate::statement::Value;
use crate::{Database, Result, Statement, Tx};

async fn record_where<D: Database>(
    tx: &mut Tx<'_, D>,
    column: &str,
    value: impl Into<Value>,
) -> Result<Option<SessionRecord>> {
    let statement = Statement::new(format!(
        "SELECT {SESSION_COLUMNS}, s.digest, {USER_COLUMNS} \
         FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.{column} = $1"
    ));
    tx.one(statement.bind(value), rows::session_record).await
}

pub(crate) async fn record_by_id<D: Database>(
    tx: &mut Tx<'_, D>,
    id: SessionId,
) -> Result<Option<SessionRecord>> {
    record_where(tx, "id", id).await
}

pub(crate) async fn record_by_digest<D: Database>(
    tx: &mut Tx<'_, D>,
    digest: &Digest,
) -> Result<Option<SessionRecord>> {
    record_where(tx, "digest", digest).await
}

/// Returns a user's sessions, newest first, without damaged ones.
pub(crate) async fn of_user<D: Database>(tx: &mut Tx<'_, D>, user: UserId) -> Result<Vec<Session>> {
    let statement = Statement::new(format!(
        "SELECT {SESSION_COLUMNS} FROM sessions s WHERE s.user_id = $1 \
         ORDER BY s.created_at DESC, s.id DESC"
    ));
    let found = tx.rows(statement.bind(user)).await?;
    Ok(found
        .iter()
        .map(rows::session)
        .filter_map(Result::ok)
        .collect())
}

pub(crate) async fn touch<D: Database>(
    tx: &mut Tx<'_, D>,
    id: SessionId,
    at: Timestamp,
) -> Result<()> {
    let touch = "UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2";
    tx.execute(Statement::new(touch).bind(id).bind(at)).await
}

pub(crate) async fn insert<D: Database>(
    tx: &mut Tx<'_, D>,
    session: &Session,
    digest: &Digest,
) -> Result<()> {
    let statement = Statement::new(
        "INSERT INTO sessions (id, user_id, digest, created_at, last_seen_at, client, \
         client_address) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(session.id)
    .bind(session.user)
    .bind(digest)
    .bind(session.created_at)
    .bind(session.last_seen_at)
    .bind(session.client.as_str())
    .bind(session.client_address.map(|address| address.to_string()));
    tx.execute_one(statement, "session").await
}

/// Ends a user's sessions and returns their number.
pub(crate) async fn end<D: Database>(
    tx: &mut Tx<'_, D>,
    user: UserId,
    selection: SessionSelection,
) -> Result<u64> {
    let mut statement = Statement::new("DELETE FROM sessions WHERE user_id = $1").bind(user);
    match selection {
        SessionSelection::One(id) => statement.push(" AND id = ").push_bind(id),
        SessionSelection::AllBut(id) => statement.push(" AND id <> ").push_bind(id),
        SessionSelection::All => &mut statement,
    };
    tx.affected(statement).await
}

/// Deletes the sessions that began or were last seen before these times, and returns their number.
pub(crate) async fn purge<D: Database>(
    tx: &mut Tx<'_, D>,
    begun_before: Timestamp,
    seen_before: Timestamp,
) -> Result<u64> {
    let statement = Statement::new(format!(
        "DELETE FROM sessions WHERE id IN \
         (SELECT id FROM sessions WHERE created_at < $1 OR last_seen_at < $2{})",
        D::SKIP_LOCKED
    ));
    tx.affected(statement.bind(begun_before).bind(seen_before))
        .await
}
