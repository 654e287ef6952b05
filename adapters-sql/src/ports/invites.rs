//! [`InviteStore`].

use async_trait::async_trait;
use openindex_domain::Listing;
use openindex_domain::invite::{
    ClaimInvite, ClaimInviteOutcome, CreateInvite, CreateInviteOutcome, Invite, InviteId,
    InviteStore, WithdrawInvite, WithdrawInviteOutcome,
};
use openindex_domain::token::Digest;
use openindex_domain::user::Email;

use super::acting;
use crate::store::{Step, Stop, run};
use crate::tables::{audit, invites, sessions, tokens, users};
use crate::{Database, Lock, Result, SqlStore, Tx};

#[async_trait]
impl<D: Database, const WORK_ITEMS: bool> InviteStore for SqlStore<D, true, WORK_ITEMS> {
    async fn create_invite(&self, change: CreateInvite) -> Result<CreateInviteOutcome> {
        run!(self, Change, |tx| create(tx, change))
    }

    async fn find_invite(&self, digest: &Digest) -> Result<Option<Invite>> {
        let digest = *digest;
        run!(self, Read, |tx| invites::by_digest(tx, &digest))
    }

    async fn invites(&self, after: Option<InviteId>, limit: u32) -> Result<Listing<Invite>> {
        run!(self, Read, |tx| invites::page(tx, after, limit))
    }

    async fn withdraw_invite(&self, change: WithdrawInvite) -> Result<WithdrawInviteOutcome> {
        run!(self, Change, |tx| withdraw(tx, change))
    }

    async fn claim_invite(&self, change: ClaimInvite) -> Result<ClaimInviteOutcome> {
        run!(self, Change, |tx| claim(tx, change))
    }
}

async fn create<D: Database>(
    tx: &mut Tx<'_, D>,
    change: CreateInvite,
) -> Step<CreateInviteOutcome> {
    tx.lock(Lock::Owners(change.actor.as_ref(), &[])).await?;
    // Also serializes two invites for one address.
    tx.lock(Lock::NewUsers).await?;
    let actor = acting::optional_author(tx, change.actor.as_ref()).await?;
    let key = change.invite.email().map(Email::key);
    let taken = match &key {
        Some(key) => users::id_by_email_key(tx, key).await?.is_some(),
        None => users::exist(tx).await?,
    };
    let earlier = invites::unclaimed(tx, key.as_deref()).await?;
    let decision = change
        .decide(actor.as_ref(), taken, &earlier)
        .map_err(Stop::Reply)?;
    for replaced in &decision.replaced {
        invites::update(tx, replaced).await?;
    }
    invites::insert(tx, &change.invite, &change.digest).await?;
    audit::insert(tx, &decision.audit).await?;
    Ok(CreateInviteOutcome::Created)
}

async fn withdraw<D: Database>(
    tx: &mut Tx<'_, D>,
    change: WithdrawInvite,
) -> Step<WithdrawInviteOutcome> {
    tx.lock(Lock::Owners(Some(&change.actor), &[])).await?;
    let actor = acting::record(tx, &change.actor).await?;
    let found = invites::lock_to_withdraw(tx, change.invite).await?;
    let (invite, is_damaged) = found.unzip();
    let withdrawn = change
        .decide(actor.as_ref(), invite.as_ref())
        .map_err(Stop::Reply)?;
    if is_damaged == Some(true) {
        invites::delete(tx, change.invite).await?;
    } else {
        invites::update(tx, &withdrawn).await?;
    }
    audit::insert(tx, &change.audit).await?;
    Ok(WithdrawInviteOutcome::Withdrawn)
}

async fn claim<D: Database>(tx: &mut Tx<'_, D>, change: ClaimInvite) -> Step<ClaimInviteOutcome> {
    let account = &change.account;
    // Users are locked before their invites. An invite's creator never changes, so it can be read
    // before locking.
    let invite = invites::by_id(tx, change.invite).await?;
    let creator = invite.and_then(|invite| invite.created_by);
    tx.lock(Lock::Owners(None, creator.as_slice())).await?;
    tx.lock(Lock::NewUsers).await?;
    let invite = invites::lock(tx, change.invite).await?;
    let creator = users::by_optional_id(tx, creator).await?;
    let taken = users::id_by_email_key(tx, &account.user.email.key())
        .await?
        .is_some();
    let has_users = users::exist(tx).await?;
    let decided = change.decide(invite.as_ref(), creator.as_ref(), taken, has_users);
    let claimed = decided.map_err(Stop::Reply)?;
    users::insert(tx, &account.user, account.password.as_ref()).await?;
    if let Some((token, digest)) = &change.token {
        tokens::insert(tx, token, digest).await?;
    }
    if let Some((session, digest)) = &change.session {
        sessions::insert(tx, session, digest).await?;
    }
    invites::update(tx, &claimed).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(ClaimInviteOutcome::Claimed)
}
