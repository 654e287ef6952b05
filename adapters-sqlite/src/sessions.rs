//! [`SessionStore`] on SQLite.

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
use sqlx::SqliteConnection;

use crate::error::store_error;
use crate::rows::{select_session_record, session_columns};
use crate::{SqliteStore, acting, audit, forms, rows, sign_in_links, users};

#[async_trait]
impl SessionStore for SqliteStore {
    async fn find_session(&self, digest: &Digest) -> Result<Option<SessionRecord>, StoreError> {
        sqlx::query(select_session_record!("s.digest = ?1"))
            .bind(&digest.as_bytes()[..])
            .fetch_optional(self.readers()?)
            .await
            .map_err(store_error)?
            .as_ref()
            .map(rows::session_record)
            .transpose()
    }

    async fn touch_session(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE sessions SET last_seen_at = max(last_seen_at, ?2) WHERE id = ?1")
            .bind(id.uuid())
            .bind(at.unix_millis())
            .execute(&mut *transaction)
            .await
            .map_err(store_error)?;
        transaction.commit().await
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        sqlx::query(concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions s WHERE s.user_id = ?1 ORDER BY s.created_at DESC, s.id DESC"
        ))
        .bind(user.uuid())
        .fetch_all(self.readers()?)
        .await
        .map_err(store_error)?
        .iter()
        .map(rows::session)
        .filter_map(Result::ok)
        .map(Ok)
        .collect()
    }

    async fn start_session(&self, change: StartSession) -> Result<StartSessionOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let account = users::account_by_id(&mut transaction, change.session.user).await?;
        if let Err(outcome) = change.decide(account.as_ref()) {
            return Ok(outcome);
        }
        insert(&mut transaction, &change.session, &change.digest).await?;
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await?;
        Ok(StartSessionOutcome::Started)
    }

    async fn end_sessions(&self, change: EndSessions) -> Result<EndSessionsOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        if let Err(outcome) = change.decide(actor.as_ref()) {
            return Ok(outcome);
        }
        let count = end(&mut transaction, change.user, change.selection).await?;
        if count > 0 {
            audit::insert(&mut transaction, &change.audit).await?;
        }
        transaction.commit().await?;
        Ok(EndSessionsOutcome::Ended(count))
    }

    async fn change_password(
        &self,
        change: ChangePassword,
    ) -> Result<ChangePasswordOutcome, StoreError> {
        let mut transaction = self.begin().await?;
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
        transaction.commit().await?;
        Ok(ChangePasswordOutcome::Changed)
    }

    async fn create_sign_in_link(
        &self,
        change: CreateSignInLink,
    ) -> Result<CreateSignInLinkOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = sign_in_links::create(&mut transaction, &change).await?;
        if outcome == CreateSignInLinkOutcome::Created {
            transaction.commit().await?;
        }
        Ok(outcome)
    }

    async fn find_sign_in_link(&self, digest: &Digest) -> Result<Option<SignInLink>, StoreError> {
        sign_in_links::by_digest(self.readers()?, digest).await
    }

    async fn redeem_sign_in_link(
        &self,
        change: RedeemSignInLink,
    ) -> Result<RedeemSignInLinkOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let outcome = sign_in_links::redeem(&mut transaction, &change).await?;
        if outcome == RedeemSignInLinkOutcome::Redeemed {
            transaction.commit().await?;
        }
        Ok(outcome)
    }

    async fn purge_forms(&self, used_before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let purged = forms::purge(&mut transaction, used_before).await?;
        transaction.commit().await?;
        Ok(purged)
    }

    async fn purge_sessions(
        &self,
        begun_before: Timestamp,
        seen_before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let sessions =
            sqlx::query("DELETE FROM sessions WHERE created_at < ?1 OR last_seen_at < ?2")
                .bind(begun_before.unix_millis())
                .bind(seen_before.unix_millis())
                .execute(&mut *transaction)
                .await
                .map_err(store_error)?
                .rows_affected();
        let links = sign_in_links::purge(&mut transaction, now).await?;
        transaction.commit().await?;
        Ok(sessions + links)
    }
}

pub(crate) async fn record_by_id(
    connection: &mut SqliteConnection,
    id: SessionId,
) -> Result<Option<SessionRecord>, StoreError> {
    sqlx::query(select_session_record!("s.id = ?1"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::session_record)
        .transpose()
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    session: &Session,
    digest: &Digest,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sessions (id, user_id, digest, created_at, last_seen_at, client, \
         client_address) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(session.id.uuid())
    .bind(session.user.uuid())
    .bind(&digest.as_bytes()[..])
    .bind(session.created_at.unix_millis())
    .bind(session.last_seen_at.unix_millis())
    .bind(session.client.as_str())
    .bind(session.client_address.map(|address| address.to_string()))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Ends a user's sessions and returns their number.
pub(crate) async fn end(
    connection: &mut SqliteConnection,
    user: UserId,
    selection: SessionSelection,
) -> Result<u64, StoreError> {
    let (only, kept) = match selection {
        SessionSelection::One(id) => (Some(id.uuid()), None),
        SessionSelection::AllBut(id) => (None, Some(id.uuid())),
        SessionSelection::All => (None, None),
    };
    Ok(sqlx::query(
        "DELETE FROM sessions WHERE user_id = ?1 AND (?2 IS NULL OR id = ?2) \
         AND (?3 IS NULL OR id <> ?3)",
    )
    .bind(user.uuid())
    .bind(only)
    .bind(kept)
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected())
}
