//! [`SessionStore`].

use async_trait::async_trait;
use openindex_domain::StoreError;
use openindex_domain::access::ActingRecord;
use openindex_domain::clock::Timestamp;
use openindex_domain::session::{
    ChangePassword, ChangePasswordOutcome, CreateSignInLink, CreateSignInLinkOutcome, EndSessions,
    EndSessionsOutcome, RedeemSignInLink, RedeemSignInLinkOutcome, RemovePassword,
    RemovePasswordOutcome, Session, SessionId, SessionRecord, SessionStore, SignInLink,
    StartSession, StartSessionOutcome,
};
use openindex_domain::token::Digest;
use openindex_domain::user::UserId;

use super::{acting, links};
use crate::store::{Step, Stop, run};
use crate::tables::{audit, forms, sessions, sign_in_links, users};
use crate::{Database, Lock, Result, SqlStore, Tx};

#[async_trait]
impl<D: Database, const WORK_ITEMS: bool> SessionStore for SqlStore<D, true, WORK_ITEMS> {
    async fn find_session(&self, digest: &Digest) -> Result<Option<SessionRecord>> {
        let digest = *digest;
        run!(self, Read, |tx| sessions::record_by_digest(tx, &digest))
    }

    async fn touch_session(&self, id: SessionId, at: Timestamp) -> Result<()> {
        run!(self, Change, |tx| sessions::touch(tx, id, at))
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        run!(self, Read, |tx| sessions::of_user(tx, user))
    }

    async fn start_session(&self, change: StartSession) -> Result<StartSessionOutcome> {
        run!(self, Change, |tx| start(tx, change))
    }

    async fn end_sessions(&self, change: EndSessions) -> Result<EndSessionsOutcome> {
        run!(self, Change, |tx| end(tx, change))
    }

    async fn change_password(&self, change: ChangePassword) -> Result<ChangePasswordOutcome> {
        run!(self, Change, |tx| change_password(tx, change))
    }

    async fn remove_password(&self, change: RemovePassword) -> Result<RemovePasswordOutcome> {
        run!(self, Change, |tx| remove_password(tx, change))
    }

    async fn create_sign_in_link(
        &self,
        change: CreateSignInLink,
    ) -> Result<CreateSignInLinkOutcome> {
        run!(self, Change, |tx| links::create(tx, change))
    }

    async fn find_sign_in_link(&self, digest: &Digest) -> Result<Option<SignInLink>> {
        let digest = *digest;
        run!(self, Read, |tx| sign_in_links::by_digest(tx, &digest))
    }

    async fn redeem_sign_in_link(
        &self,
        change: RedeemSignInLink,
    ) -> Result<RedeemSignInLinkOutcome> {
        run!(self, Change, |tx| links::redeem(tx, change))
    }

    async fn purge_forms(&self, used_before: Timestamp) -> Result<u64> {
        run!(self, Maintenance, |tx| forms::purge(tx, used_before))
    }

    async fn purge_sessions(
        &self,
        begun_before: Timestamp,
        seen_before: Timestamp,
        now: Timestamp,
    ) -> Result<u64> {
        run!(self, Maintenance, |tx| purge(
            tx,
            begun_before,
            seen_before,
            now
        ))
    }
}

async fn purge<D: Database>(
    tx: &mut Tx<'_, D>,
    begun_before: Timestamp,
    seen_before: Timestamp,
    now: Timestamp,
) -> Result<u64> {
    let sessions = sessions::purge(tx, begun_before, seen_before).await?;
    Ok(sessions + sign_in_links::purge(tx, now).await?)
}

async fn start<D: Database>(tx: &mut Tx<'_, D>, change: StartSession) -> Step<StartSessionOutcome> {
    let user = change.session.user;
    tx.lock(Lock::Owners(None, &[user])).await?;
    let account = users::account_by_id(tx, user).await?;
    change.decide(account.as_ref()).map_err(Stop::Reply)?;
    sessions::insert(tx, &change.session, &change.digest).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(StartSessionOutcome::Started)
}

async fn end<D: Database>(tx: &mut Tx<'_, D>, change: EndSessions) -> Step<EndSessionsOutcome> {
    tx.lock(Lock::Owners(Some(&change.actor), &[change.user]))
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
    tx: &mut Tx<'_, D>,
    change: ChangePassword,
) -> Step<ChangePasswordOutcome> {
    tx.lock(Lock::Owners(Some(&change.actor), &[])).await?;
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
    users::set_password(tx, user, Some(&change.hash)).await?;
    sessions::end(tx, user, selection).await?;
    sign_in_links::invalidate(tx, user).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(ChangePasswordOutcome::Changed)
}

async fn remove_password<D: Database>(
    tx: &mut Tx<'_, D>,
    change: RemovePassword,
) -> Step<RemovePasswordOutcome> {
    let user = change.user;
    tx.lock(Lock::Owners(Some(&change.actor), &[user])).await?;
    let actor = acting::record(tx, &change.actor).await?;
    let account = users::account_by_id(tx, user).await?;
    change
        .decide(actor.as_ref(), account.as_ref())
        .map_err(Stop::Reply)?;
    users::set_password(tx, user, None).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(RemovePasswordOutcome::Removed)
}
