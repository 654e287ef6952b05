//! Sign-in links, which are part of the [`SessionStore`](openindex_domain::session::SessionStore)
//! port.

use openindex_domain::StoreError;
use openindex_domain::clock::Timestamp;
use openindex_domain::session::{
    CreateSignInLink, CreateSignInLinkOutcome, RedeemSignInLink, RedeemSignInLinkOutcome,
    SignInLink, SignInLinkId,
};
use openindex_domain::token::Digest;
use openindex_domain::user::UserId;
use sqlx::{SqliteConnection, SqliteExecutor};

use crate::error::store_error;
use crate::{acting, audit, rows, sessions, users};

/// The start of a query for [`SignInLink`]s.
macro_rules! select_link {
    ($condition:literal) => {
        concat!(
            "SELECT id, user_id, created_by, created_at, expires_at, used_at \
             FROM sign_in_links WHERE ",
            $condition
        )
    };
}

/// Runs in the caller's transaction, which commits if the link was created.
pub(crate) async fn create(
    connection: &mut SqliteConnection,
    change: &CreateSignInLink,
) -> Result<CreateSignInLinkOutcome, StoreError> {
    let actor = acting::optional_record(connection, change.actor.as_ref()).await?;
    let user = users::by_id(&mut *connection, change.link.user).await?;
    if let Err(outcome) = change.decide(actor.as_ref(), user.as_ref()) {
        return Ok(outcome);
    }
    invalidate(connection, change.link.user).await?;
    insert(connection, &change.link, &change.digest).await?;
    audit::insert(connection, &change.audit).await?;
    Ok(CreateSignInLinkOutcome::Created)
}

/// Runs in the caller's transaction, which commits if the link was redeemed.
pub(crate) async fn redeem(
    connection: &mut SqliteConnection,
    change: &RedeemSignInLink,
) -> Result<RedeemSignInLinkOutcome, StoreError> {
    let link = by_id(connection, change.link).await?;
    let user = users::by_optional_id(connection, Some(change.session.user)).await?;
    let creator = link.as_ref().and_then(|link| link.created_by);
    let creator = users::by_optional_id(connection, creator).await?;
    let ended = match change.decide(link.as_ref(), user.as_ref(), creator.as_ref()) {
        Ok(ended) => ended,
        Err(outcome) => return Ok(outcome),
    };
    let user = change.session.user;
    mark_used(connection, change.link, change.now).await?;
    users::notify(connection, user, &change.notice()).await?;
    users::set_password(connection, user, &change.hash).await?;
    sessions::end(connection, user, ended).await?;
    sessions::insert(connection, &change.session, &change.digest).await?;
    audit::insert(connection, &change.audit).await?;
    Ok(RedeemSignInLinkOutcome::Redeemed)
}

pub(crate) async fn by_digest(
    executor: impl SqliteExecutor<'_>,
    digest: &Digest,
) -> Result<Option<SignInLink>, StoreError> {
    sqlx::query(select_link!("digest = ?1"))
        .bind(&digest.as_bytes()[..])
        .fetch_optional(executor)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::link)
        .transpose()
}

/// Deletes the links that expired before `now` and returns their number.
pub(crate) async fn purge(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<u64, StoreError> {
    Ok(
        sqlx::query("DELETE FROM sign_in_links WHERE expires_at < ?1")
            .bind(now.unix_millis())
            .execute(connection)
            .await
            .map_err(store_error)?
            .rows_affected(),
    )
}

async fn by_id(
    connection: &mut SqliteConnection,
    id: SignInLinkId,
) -> Result<Option<SignInLink>, StoreError> {
    sqlx::query(select_link!("id = ?1"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::link)
        .transpose()
}

/// Deletes the user's unused links, damaged ones included.
pub(crate) async fn invalidate(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sign_in_links WHERE user_id = ?1 AND used_at IS NULL")
        .bind(user.uuid())
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

async fn mark_used(
    connection: &mut SqliteConnection,
    id: SignInLinkId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let updated = sqlx::query("UPDATE sign_in_links SET used_at = ?2 WHERE id = ?1")
        .bind(id.uuid())
        .bind(at.unix_millis())
        .execute(connection)
        .await
        .map_err(store_error)?
        .rows_affected();
    rows::exactly_one(updated, "sign-in link")
}

async fn insert(
    connection: &mut SqliteConnection,
    link: &SignInLink,
    digest: &Digest,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sign_in_links (id, user_id, digest, created_by, created_at, expires_at, \
         used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(link.id.uuid())
    .bind(link.user.uuid())
    .bind(&digest.as_bytes()[..])
    .bind(link.created_by.map(UserId::uuid))
    .bind(link.created_at.unix_millis())
    .bind(link.expires_at.unix_millis())
    .bind(link.used_at.map(Timestamp::unix_millis))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}
