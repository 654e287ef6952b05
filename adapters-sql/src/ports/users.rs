//! [`UserStore`].

use async_trait::async_trait;
use openindex_domain::agent_run::EndedRuns;
use openindex_domain::clock::Timestamp;
use openindex_domain::session::SessionSelection;
use openindex_domain::user::{
    Account, ChangeUser, ChangeUserOutcome, CreateFirstAdmin, CreateFirstAdminOutcome, DeleteUser,
    DeleteUserFacts, DeleteUserOutcome, DismissNotices, DismissNoticesOutcome, Email, ListedUser,
    Notice, User, UserId, UserQuery, UserSeek, UserStore,
};
use openindex_domain::{Listing, StoreError};

use super::{acting, runs};
use crate::store::{Step, Stop, run};
use crate::tables::{audit, invites, notices, sessions, sign_in_links, tokens, users};
use crate::{Database, Lock, Result, SqlStore, Tx};

#[async_trait]
impl<D: Database, const WORK_ITEMS: bool> UserStore for SqlStore<D, true, WORK_ITEMS> {
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<CreateFirstAdminOutcome> {
        run!(self, Change, |tx| create_first_admin(tx, change))
    }

    async fn find(&self, id: UserId) -> Result<Option<User>> {
        run!(self, Read, |tx| users::by_id(tx, id))
    }

    async fn account(&self, email_key: &str) -> Result<Option<Account>> {
        let key = email_key.to_owned();
        run!(self, Read, |tx| users::account_by_email_key(tx, &key))
    }

    async fn page(&self, after: Option<UserId>, limit: u32) -> Result<Listing<User>> {
        run!(self, Read, |tx| users::page(tx, after, limit))
    }

    async fn search_users(
        &self,
        query: &UserQuery,
        now: Timestamp,
        seek: Option<UserSeek>,
        limit: u32,
    ) -> Result<Listing<ListedUser>> {
        let query = query.clone();
        run!(self, Browse, |tx| users::search(
            tx,
            &query,
            now,
            seek.as_ref(),
            limit
        ))
    }

    async fn change_user(&self, change: ChangeUser) -> Result<ChangeUserOutcome> {
        run!(self, Change, |tx| change_user(tx, change))
    }

    async fn delete_user(&self, change: DeleteUser) -> Result<DeleteUserOutcome> {
        run!(self, Change, |tx| delete(tx, change))
    }

    async fn notices(&self, user: UserId) -> Result<Vec<Notice>> {
        run!(self, Read, |tx| notices::of_user(tx, user))
    }

    async fn dismiss_notices(&self, change: DismissNotices) -> Result<DismissNoticesOutcome> {
        run!(self, Change, |tx| dismiss(tx, change))
    }
}

async fn create_first_admin<D: Database>(
    tx: &mut Tx<'_, D>,
    change: CreateFirstAdmin,
) -> Step<CreateFirstAdminOutcome> {
    tx.lock(Lock::NewUsers).await?;
    if users::exist(tx).await? {
        return Err(Stop::Reply(CreateFirstAdminOutcome::InstanceHasUsers));
    }
    for invite in invites::unclaimed(tx, None).await? {
        if let Some(withdrawn) = change.withdraws(&invite) {
            invites::update(tx, &withdrawn).await?;
        }
    }
    users::insert(tx, &change.user, None).await?;
    tokens::insert(tx, &change.token, &change.digest).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(CreateFirstAdminOutcome::Created)
}

/// Locks who is an active administrator. Locking the rows of today's administrators would miss a
/// user who becomes one while this waits.
async fn lock_administrators<D: Database>(tx: &mut Tx<'_, D>) -> Result<()> {
    tx.lock(Lock::Names(&["administrators".to_owned()])).await
}

async fn change_user<D: Database>(
    tx: &mut Tx<'_, D>,
    change: ChangeUser,
) -> Step<ChangeUserOutcome> {
    let (id, now) = (change.user, change.actor.now);
    lock_administrators(tx).await?;
    tx.lock(Lock::Owners(Some(&change.actor), &[id])).await?;
    let (holder, open) = match change.new_email().map(Email::key) {
        Some(key) => {
            // No other user joins or is invited with this address meanwhile.
            tx.lock(Lock::NewUsers).await?;
            (
                users::id_by_email_key(tx, &key).await?,
                invites::unclaimed(tx, Some(&key)).await?,
            )
        }
        None => (None, Listing::default()),
    };
    tx.lock(Lock::RunsOfOwner(id, now)).await?;
    let actor = acting::record(tx, &change.actor).await?;
    let user = users::for_change(tx, id).await?;
    let others = users::other_active_admins(tx, id).await?;
    let runs = tokens::runs_of_owner(tx, id, EndedRuns::horizon(now)).await?;
    let user = user.as_ref();
    let decision = change
        .decide(actor.as_ref(), user, others, &runs, holder, &open)
        .map_err(Stop::Reply)?;
    for withdrawn in &decision.withdrawn {
        invites::update(tx, withdrawn).await?;
    }
    users::update(tx, &decision.user).await?;
    runs::end(tx, &decision.runs, &runs).await?;
    if decision.end_sessions {
        sessions::end(tx, id, SessionSelection::All).await?;
    }
    if decision.delete_links {
        sign_in_links::invalidate(tx, id).await?;
    }
    let notice = decision.notice.map(|notice| (id, notice));
    notices::insert_all(tx, notice.as_slice()).await?;
    audit::insert_all(tx, &decision.events).await?;
    Ok(ChangeUserOutcome::Changed(decision.user))
}

async fn delete<D: Database>(tx: &mut Tx<'_, D>, change: DeleteUser) -> Step<DeleteUserOutcome> {
    let (id, now) = (change.user, change.actor.now);
    lock_administrators(tx).await?;
    tx.lock(Lock::Owners(Some(&change.actor), &[id])).await?;
    tx.lock(Lock::TokensOfOwner(id)).await?;
    let actor = acting::record(tx, &change.actor).await?;
    let user = users::for_change(tx, id).await?;
    let facts = DeleteUserFacts {
        other_active_admins: users::other_active_admins(tx, id).await?,
        tokens: tokens::unexpired_of_owner(tx, id, now).await?,
        invites: match &user {
            Some(user) => invites::unclaimed_of_user(tx, user).await?,
            None => Listing::default(),
        },
        user,
    };
    let events = change.decide(actor.as_ref(), &facts).map_err(Stop::Reply)?;
    erase(tx, &change, &facts).await?;
    audit::insert_all(tx, &events).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(DeleteUserOutcome::Deleted)
}

/// Deletes or ends everything that belongs to the user. Damaged rows are deleted, never updated:
/// the database checks an updated row as a whole.
async fn erase<D: Database>(
    tx: &mut Tx<'_, D>,
    change: &DeleteUser,
    facts: &DeleteUserFacts,
) -> Result<()> {
    let (id, now) = (change.user, change.actor.now);
    let user = facts.user.as_ref();
    let user = user.ok_or_else(|| StoreError::corrupt("deletion without a user"))?;
    tokens::write_ends(tx, &facts.tokens.damaged(), &facts.tokens).await?;
    tokens::revoke_all_of_owner(tx, id, now).await?;
    for invite in facts.damaged_invites() {
        invites::delete(tx, invite).await?;
    }
    invites::withdraw_all_by(tx, id, now).await?;
    invites::delete_all_to(tx, user).await?;
    sessions::end(tx, id, SessionSelection::All).await?;
    sign_in_links::delete_all_of(tx, id).await?;
    notices::delete_all_of(tx, id).await?;
    // A deleted user counts as suspended: since then, unless they were before.
    let suspended_at = user.suspended_at.unwrap_or(now);
    users::erase(tx, id, suspended_at, now).await
}

async fn dismiss<D: Database>(
    tx: &mut Tx<'_, D>,
    change: DismissNotices,
) -> Step<DismissNoticesOutcome> {
    // Also serializes two dismissals of the same notices.
    tx.lock(Lock::Owners(Some(&change.actor), &[change.user]))
        .await?;
    let actor = acting::record(tx, &change.actor).await?;
    change.decide(actor.as_ref()).map_err(Stop::Reply)?;
    let dismissed = notices::dismiss(tx, &change).await?;
    if dismissed > 0 {
        audit::insert(tx, &change.audit).await?;
    }
    Ok(DismissNoticesOutcome::Dismissed(dismissed))
}
