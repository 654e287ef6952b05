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
use sqlx::PgConnection;

use crate::error::store_error;
use crate::store::begin;
use crate::{acting, audit, locks, rows, sessions, users};

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

pub(crate) async fn create(
    connection: &mut PgConnection,
    change: &CreateSignInLink,
) -> Result<CreateSignInLinkOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, change.actor.as_ref(), &[change.link.user]).await?;
    let actor = acting::optional_record(&mut transaction, change.actor.as_ref()).await?;
    let user = users::by_id(&mut transaction, change.link.user).await?;
    if let Err(outcome) = change.decide(actor.as_ref(), user.as_ref()) {
        return Ok(outcome);
    }
    invalidate(&mut transaction, change.link.user).await?;
    insert(&mut transaction, &change.link, &change.digest).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(CreateSignInLinkOutcome::Created)
}

pub(crate) async fn redeem(
    connection: &mut PgConnection,
    change: &RedeemSignInLink,
) -> Result<RedeemSignInLinkOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    // Users are locked before their links. A link's user and creator never change, so they can be
    // read before locking.
    let link = by_id(&mut transaction, change.link).await?;
    let creator = link.and_then(|link| link.created_by);
    let users: Vec<UserId> = [change.session.user].into_iter().chain(creator).collect();
    locks::users(&mut transaction, None, &users).await?;
    let link = lock(&mut transaction, change.link).await?;
    let user = users::by_optional_id(&mut transaction, Some(change.session.user)).await?;
    let creator = users::by_optional_id(&mut transaction, creator).await?;
    let ended = match change.decide(link.as_ref(), user.as_ref(), creator.as_ref()) {
        Ok(ended) => ended,
        Err(outcome) => return Ok(outcome),
    };
    let user = change.session.user;
    mark_used(&mut transaction, change.link, change.now).await?;
    users::notify(&mut transaction, &[(user, change.notice())]).await?;
    users::set_password(&mut transaction, user, &change.hash).await?;
    sessions::end(&mut transaction, user, ended).await?;
    sessions::insert(&mut transaction, &change.session, &change.digest).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(RedeemSignInLinkOutcome::Redeemed)
}

pub(crate) async fn by_digest(
    connection: &mut PgConnection,
    digest: &Digest,
) -> Result<Option<SignInLink>, StoreError> {
    sqlx::query(select_link!("digest = $1"))
        .bind(&digest.as_bytes()[..])
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::link)
        .transpose()
}

/// Deletes the links that expired before `now` and returns their number.
pub(crate) async fn purge(
    connection: &mut PgConnection,
    now: Timestamp,
) -> Result<u64, StoreError> {
    Ok(
        sqlx::query("DELETE FROM sign_in_links WHERE expires_at < $1")
            .bind(now.to_datetime())
            .execute(connection)
            .await
            .map_err(store_error)?
            .rows_affected(),
    )
}

async fn by_id(
    connection: &mut PgConnection,
    id: SignInLinkId,
) -> Result<Option<SignInLink>, StoreError> {
    sqlx::query(select_link!("id = $1"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::link)
        .transpose()
}

/// Reads a link and locks it, so that it is not purged meanwhile.
async fn lock(
    connection: &mut PgConnection,
    id: SignInLinkId,
) -> Result<Option<SignInLink>, StoreError> {
    sqlx::query(select_link!("id = $1 FOR NO KEY UPDATE"))
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
    connection: &mut PgConnection,
    user: UserId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sign_in_links WHERE user_id = $1 AND used_at IS NULL")
        .bind(user.uuid())
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

async fn mark_used(
    connection: &mut PgConnection,
    id: SignInLinkId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let updated = sqlx::query("UPDATE sign_in_links SET used_at = $2 WHERE id = $1")
        .bind(id.uuid())
        .bind(at.to_datetime())
        .execute(connection)
        .await
        .map_err(store_error)?
        .rows_affected();
    rows::exactly_one(updated, "sign-in link")
}

async fn insert(
    connection: &mut PgConnection,
    link: &SignInLink,
    digest: &Digest,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sign_in_links (id, user_id, digest, created_by, created_at, expires_at, \
         used_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(link.id.uuid())
    .bind(link.user.uuid())
    .bind(&digest.as_bytes()[..])
    .bind(link.created_by.map(UserId::uuid))
    .bind(link.created_at.to_datetime())
    .bind(link.expires_at.to_datetime())
    .bind(link.used_at.map(Timestamp::to_datetime))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}
