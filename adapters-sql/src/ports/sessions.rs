//! [`SessionStore`].

use async_trait::async_trait;
use openindex_domain::StoreError;
use openindex_domain::access::ActingRecord;
use openindex_domain::clock::Timestamp;
use openindex_domain::session::{
    ChangePassword, ChangePasswordOutcome, CreateSignInLink, CreateSignInLinkOutcome, EndSessions,
    EndSessionsOutcome, RedeemSignInLink, RedeemSignInLinkOutcome, Session, SessionId,
    SessionRecord, SessionStore, SignInLink, StartSession, StartSessionOutcome,
};
use openindex_domain::token::Digest;
use openindex_domain::user::UserId;

use super::{acting, links};
use crate::store::{Step, Stop};
use crate::tables::{audit, forms, sessions, sign_in_links, users};
use crate::{Database, Lock, SqlStore, Tx};

#[async_trait]
impl<D: Database, const WORK_ITEMS: bool> SessionStore for SqlStore<D, WORK_ITEMS> {
    async fn find_session(&self, digest: &Digest) -> Result<Option<SessionRecord>, StoreError> {
        let digest = *digest;
        self.read(move |mut tx| {
            Box::pin(async move { sessions::record_by_digest(&mut tx, &digest).await })
        })
        .await
    }

    async fn touch_session(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError> {
        self.change(move |mut tx| {
            Box::pin(async move { Ok(sessions::touch(&mut tx, id, at).await?) })
        })
        .await
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.read(move |mut tx| Box::pin(async move { sessions::of_user(&mut tx, user).await }))
            .await
    }

    async fn start_session(&self, change: StartSession) -> Result<StartSessionOutcome, StoreError> {
        self.change(|tx| Box::pin(start(tx, change))).await
    }

    async fn end_sessions(&self, change: EndSessions) -> Result<EndSessionsOutcome, StoreError> {
        self.change(|tx| Box::pin(end(tx, change))).await
    }

    async fn change_password(
        &self,
        change: ChangePassword,
    ) -> Result<ChangePasswordOutcome, StoreError> {
        self.change(|tx| Box::pin(change_password(tx, change)))
            .await
    }

    async fn create_sign_in_link(
        &self,
        change: CreateSignInLink,
    ) -> Result<CreateSignInLinkOutcome, StoreError> {
        self.change(|tx| Box::pin(links::create(tx, change))).await
    }

    async fn find_sign_in_link(&self, digest: &Digest) -> Result<Option<SignInLink>, StoreError> {
        let digest = *digest;
        self.read(move |mut tx| {
            Box::pin(async move { sign_in_links::by_digest(&mut tx, &digest).await })
        })
        .await
    }

    async fn redeem_sign_in_link(
        &self,
        change: RedeemSignInLink,
    ) -> Result<RedeemSignInLinkOutcome, StoreError> {
        self.change(|tx| Box::pin(links::redeem(tx, change))).await
    }

    async fn purge_forms(&self, used_before: Timestamp) -> Result<u64, StoreError> {
        self.maintain(move |mut tx| {
            Box::pin(async move { forms::purge(&mut tx, used_before).await })
        })
        .await
    }

    async fn purge_sessions(
        &self,
        begun_before: Timestamp,
        seen_before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.maintain(move |mut tx| {
            Box::pin(async move {
                let sessions = sessions::purge(&mut tx, begun_before, seen_before).await?;
                Ok(sessions + sign_in_links::purge(&mut tx, now).await?)
            })
        })
        .await
    }
}

async fn start<D: Database>(mut tx: Tx<'_, D>, change: StartSession) -> Step<StartSessionOutcome> {
    let tx = &mut tx;
    let user = change.session.user;
    tx.lock(Lock::Users(None, &[user])).await?;
    let account = users::account_by_id(tx, user).await?;
    change.decide(account.as_ref()).map_err(Stop::Reply)?;
    sessions::insert(tx, &change.session, &change.digest).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(StartSessionOutcome::Started)
}

async fn end<D: Database>(mut tx: Tx<'_, D>, change: EndSessions) -> Step<EndSessionsOutcome> {
    let tx = &mut tx;
    tx.lock(Lock::Users(Some(&change.actor), &[change.user]))
        .await?;
    let actor = acting::record(tx, &change.actor).await?;
    change.decide(actor.as_ref()).map_err(Stop::Reply)?;
    let count = sessions::end(tx, change.user, change.selection).await?;
    if count > 0 {
        audit::insert(tx, &change.audit).await?;
    }
    Ok(EndSessionsOutcome::Ended(count))
}

async fn change_password<D: Database>(
    mut tx: Tx<'_, D>,
    change: ChangePassword,
) -> Step<ChangePasswordOutcome> {
    let tx = &mut tx;
    tx.lock(Lock::Users(Some(&change.actor), &[])).await?;
    let actor = acting::record(tx, &change.actor).await?;
    let account = match &actor {
        Some(ActingRecord::Session(record)) => {
            users::account_by_id(tx, record.session.user).await?
        }
        _ => None,
    };
    let selection = change
        .decide(actor.as_ref(), account.as_ref())
        .map_err(Stop::Reply)?;
    let user = account
        .map(|account| account.user.id)
        .ok_or_else(|| StoreError::corrupt("password changed without a user"))?;
    users::set_password(tx, user, &change.hash).await?;
    sessions::end(tx, user, selection).await?;
    sign_in_links::invalidate(tx, user).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(ChangePasswordOutcome::Changed)
}
