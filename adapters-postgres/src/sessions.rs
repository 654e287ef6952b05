//! [`SessionStore`] on PostgreSQL.

use async_trait::async_trait;
use openindex_domain::StoreError;
use openindex_domain::access::ActingRecord;
use openindex_domain::clock::Timestamp;
use openindex_domain::session::{
    ChangePassword, ChangePasswordOutcome, CreateSignInLink, CreateSignInLinkOutcome, EndSessions,
    EndSessionsOutcome, RedeemSignInLink, RedeemSignInLinkOutcome, Session, SessionId,
    SessionRecord, SessionSelection, SessionStore, SignInLink, StartSession, StartSessionOutcome,
};
use openindex_domain::token::Digest;
use openindex_domain::user::UserId;
use sqlx::PgConnection;

use crate::error::store_error;
use crate::rows::{select_session_record, session_columns};
use crate::store::begin;
use crate::{PostgresStore, acting, audit, forms, locks, rows, sign_in_links, users};

#[async_trait]
impl SessionStore for PostgresStore {
    async fn find_session(&self, digest: &Digest) -> Result<Option<SessionRecord>, StoreError> {
        let digest = *digest;
        self.call(move |connection| {
            Box::pin(async move {
                sqlx::query(select_session_record!("s.digest = $1"))
                    .bind(&digest.as_bytes()[..])
                    .fetch_optional(connection)
                    .await
                    .map_err(store_error)?
                    .as_ref()
                    .map(rows::session_record)
                    .transpose()
            })
        })
        .await
    }

    async fn touch_session(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2",
                )
                .bind(id.uuid())
                .bind(at.to_datetime())
                .execute(connection)
                .await
                .map_err(store_error)?;
                Ok(())
            })
        })
        .await
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                sqlx::query(concat!(
                    "SELECT ",
                    session_columns!(),
                    " FROM sessions s WHERE s.user_id = $1 ORDER BY s.created_at DESC, s.id DESC"
                ))
                .bind(user.uuid())
                .fetch_all(connection)
                .await
                .map_err(store_error)?
                .iter()
                .map(rows::session)
                .filter_map(Result::ok)
                .map(Ok)
                .collect()
            })
        })
        .await
    }

    async fn start_session(&self, change: StartSession) -> Result<StartSessionOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { start(connection, &change).await }))
            .await
    }

    async fn end_sessions(&self, change: EndSessions) -> Result<EndSessionsOutcome, StoreError> {
        self.call(move |connection| {
            Box::pin(async move { end_sessions(connection, &change).await })
        })
        .await
    }

    async fn change_password(
        &self,
        change: ChangePassword,
    ) -> Result<ChangePasswordOutcome, StoreError> {
        self.call(move |connection| {
            Box::pin(async move { change_password(connection, &change).await })
        })
        .await
    }

    async fn create_sign_in_link(
        &self,
        change: CreateSignInLink,
    ) -> Result<CreateSignInLinkOutcome, StoreError> {
        self.call(move |connection| {
            Box::pin(async move { sign_in_links::create(connection, &change).await })
        })
        .await
    }

    async fn find_sign_in_link(&self, digest: &Digest) -> Result<Option<SignInLink>, StoreError> {
        let digest = *digest;
        self.call(move |connection| {
            Box::pin(async move { sign_in_links::by_digest(connection, &digest).await })
        })
        .await
    }

    async fn redeem_sign_in_link(
        &self,
        change: RedeemSignInLink,
    ) -> Result<RedeemSignInLinkOutcome, StoreError> {
        self.call(move |connection| {
            Box::pin(async move { sign_in_links::redeem(connection, &change).await })
        })
        .await
    }

    async fn purge_forms(&self, used_before: Timestamp) -> Result<u64, StoreError> {
        self.maintenance(move |connection| Box::pin(forms::purge(connection, used_before)))
            .await
    }

    async fn purge_sessions(
        &self,
        begun_before: Timestamp,
        seen_before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.maintenance(move |connection| {
            Box::pin(async move {
                // Skips rows that another transaction is deleting.
                let sessions = sqlx::query(
                    "DELETE FROM sessions WHERE id IN \
                     (SELECT id FROM sessions WHERE created_at < $1 OR last_seen_at < $2 \
                      FOR UPDATE SKIP LOCKED)",
                )
                .bind(begun_before.to_datetime())
                .bind(seen_before.to_datetime())
                .execute(&mut *connection)
                .await
                .map_err(store_error)?
                .rows_affected();
                Ok(sessions + sign_in_links::purge(connection, now).await?)
            })
        })
        .await
    }
}

async fn start(
    connection: &mut PgConnection,
    change: &StartSession,
) -> Result<StartSessionOutcome, StoreError> {
    let user = change.session.user;
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, None, &[user]).await?;
    let account = users::account_by_id(&mut transaction, user).await?;
    if let Err(outcome) = change.decide(account.as_ref()) {
        return Ok(outcome);
    }
    insert(&mut transaction, &change.session, &change.digest).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(StartSessionOutcome::Started)
}

async fn end_sessions(
    connection: &mut PgConnection,
    change: &EndSessions,
) -> Result<EndSessionsOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), &[change.user]).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    if let Err(outcome) = change.decide(actor.as_ref()) {
        return Ok(outcome);
    }
    let count = end(&mut transaction, change.user, change.selection).await?;
    if count > 0 {
        audit::insert(&mut transaction, &change.audit).await?;
    }
    transaction.commit().await.map_err(store_error)?;
    Ok(EndSessionsOutcome::Ended(count))
}

async fn change_password(
    connection: &mut PgConnection,
    change: &ChangePassword,
) -> Result<ChangePasswordOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    locks::users(&mut transaction, Some(&change.actor), &[]).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    let account = match &actor {
        Some(ActingRecord::Session(record)) => {
            users::account_by_id(&mut transaction, record.session.user).await?
        }
        _ => None,
    };
    let selection = match change.decide(actor.as_ref(), account.as_ref()) {
        Ok(selection) => selection,
        Err(outcome) => return Ok(outcome),
    };
    let user = account
        .map(|account| account.user.id)
        .ok_or_else(|| StoreError::corrupt("password changed without a user"))?;
    users::set_password(&mut transaction, user, &change.hash).await?;
    end(&mut transaction, user, ended).await?;
    sign_in_links::invalidate(&mut transaction, user).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(ChangePasswordOutcome::Changed)
}

pub(crate) async fn record_by_id(
    connection: &mut PgConnection,
    id: SessionId,
) -> Result<Option<SessionRecord>, StoreError> {
    sqlx::query(select_session_record!("s.id = $1"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::session_record)
        .transpose()
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    session: &Session,
    digest: &Digest,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sessions (id, user_id, digest, created_at, last_seen_at, client, \
         client_address) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(session.id.uuid())
    .bind(session.user.uuid())
    .bind(&digest.as_bytes()[..])
    .bind(session.created_at.to_datetime())
    .bind(session.last_seen_at.to_datetime())
    .bind(session.client.as_str())
    .bind(session.client_address.map(|address| address.to_string()))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Ends a user's sessions and returns their number.
pub(crate) async fn end(
    connection: &mut PgConnection,
    user: UserId,
    selection: SessionSelection,
) -> Result<u64, StoreError> {
    let (only, kept) = match selection {
        SessionSelection::One(id) => (Some(id.uuid()), None),
        SessionSelection::AllBut(id) => (None, Some(id.uuid())),
        SessionSelection::All => (None, None),
    };
    Ok(sqlx::query(
        "DELETE FROM sessions WHERE user_id = $1 AND ($2::uuid IS NULL OR id = $2) \
         AND ($3::uuid IS NULL OR id <> $3)",
    )
    .bind(user.uuid())
    .bind(only)
    .bind(kept)
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected())
}
