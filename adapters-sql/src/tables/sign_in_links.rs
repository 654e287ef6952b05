//! The table of sign-in links.

use openindex_domain::clock::Timestamp;
use openindex_domain::session::{SignInLink, SignInLinkId};
use openindex_domain::token::Digest;
use openindex_domain::user::UserId;

use crate::rows;
use crate::{Database, Result, Statement, Tx};

fn select(condition: &str) -> Statement {
    Statement::new(format!(
        "SELECT id, user_id, created_by, created_at, expires_at, used_at \
         FROM sign_in_links WHERE {condition}"
    ))
}

async fn link<D: Database>(tx: &mut Tx<'_, D>, statement: Statement) -> Result<Option<SignInLink>> {
    tx.one(statement, rows::link).await
}

pub(crate) async fn by_id<D: Database>(
    tx: &mut Tx<'_, D>,
    id: SignInLinkId,
) -> Result<Option<SignInLink>> {
    link(tx, select("id = $1").bind(id.uuid())).await
}

/// Reads a link and locks it, so that it is not purged meanwhile.
pub(crate) async fn lock<D: Database>(
    tx: &mut Tx<'_, D>,
    id: SignInLinkId,
) -> Result<Option<SignInLink>> {
    let statement = select(&format!("id = $1{}", D::for_update("sign_in_links")));
    link(tx, statement.bind(id.uuid())).await
}

pub(crate) async fn by_digest<D: Database>(
    tx: &mut Tx<'_, D>,
    digest: &Digest,
) -> Result<Option<SignInLink>> {
    link(tx, select("digest = $1").bind(digest)).await
}

pub(crate) async fn insert<D: Database>(
    tx: &mut Tx<'_, D>,
    link: &SignInLink,
    digest: &Digest,
) -> Result<()> {
    let statement = Statement::new(
        "INSERT INTO sign_in_links (id, user_id, digest, created_by, created_at, expires_at, \
         used_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(link.id.uuid())
    .bind(link.user)
    .bind(digest)
    .bind(link.created_by)
    .bind(link.created_at)
    .bind(link.expires_at)
    .bind(link.used_at);
    tx.execute_one(statement, "sign-in link").await
}

/// Deletes a user's unused links.
pub(crate) async fn invalidate<D: Database>(tx: &mut Tx<'_, D>, user: UserId) -> Result<()> {
    let delete = "DELETE FROM sign_in_links WHERE user_id = $1 AND used_at IS NULL";
    tx.execute(Statement::new(delete).bind(user)).await
}

/// Deletes a deleted user's links, and the unused ones that they created.
pub(crate) async fn delete_all_of<D: Database>(tx: &mut Tx<'_, D>, user: UserId) -> Result<()> {
    for delete in [
        "DELETE FROM sign_in_links WHERE user_id = $1",
        "DELETE FROM sign_in_links WHERE created_by = $1 AND used_at IS NULL",
    ] {
        tx.execute(Statement::new(delete).bind(user)).await?;
    }
    Ok(())
}

pub(crate) async fn mark_used<D: Database>(
    tx: &mut Tx<'_, D>,
    id: SignInLinkId,
    at: Timestamp,
) -> Result<()> {
    let update = Statement::new("UPDATE sign_in_links SET used_at = $2 WHERE id = $1");
    tx.execute_one(update.bind(id.uuid()).bind(at), "sign-in link")
        .await
}

/// Deletes the links that expired before `now` and returns their number.
pub(crate) async fn purge<D: Database>(tx: &mut Tx<'_, D>, now: Timestamp) -> Result<u64> {
    tx.affected(Statement::new("DELETE FROM sign_in_links WHERE expires_at < $1").bind(now))
        .await
}
