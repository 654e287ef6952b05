//! [`TokenStore`].

use std::sync::Arc;

use async_trait::async_trait;
use openindex_domain::Listing;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{
    ChangeOwner, ChangeOwnerOutcome, CreateToken, CreateTokenOutcome, Digest, EndedRuns,
    ListFilter, RevokeToken, RevokeTokenOutcome, RotateToken, RotateTokenOutcome, Seek, Token,
    TokenCounts, TokenId, TokenKind, TokenMemory, TokenRecord, TokenStore, TokenUse,
};
use openindex_domain::user::{Owner, UserId};
use tracing::{Instrument as _, debug_span};

use super::{acting, runs};
use crate::store::{Step, Stop, run};
use crate::tables::{audit, owners, tokens};
use crate::{Database, Lock, Result, SqlStore, Tx};

impl<D: Database, const ACCOUNTS: bool, const WORK_ITEMS: bool> TokenMemory
    for SqlStore<D, ACCOUNTS, WORK_ITEMS>
{
    fn remembered(&self, digest: &Digest) -> Option<Arc<TokenRecord>> {
        self.database().index()?.find(digest)
    }
}

#[async_trait]
impl<D: Database, const ACCOUNTS: bool, const WORK_ITEMS: bool> TokenStore
    for SqlStore<D, ACCOUNTS, WORK_ITEMS>
{
    async fn find_by_digest(&self, digest: &Digest) -> Result<Option<Arc<TokenRecord>>> {
        if let Some(record) = self.remembered(digest) {
            return Ok(Some(record));
        }
        let span = debug_span!("store call", port = "TokenStore", method = "find_by_digest");
        self.look_up(digest).instrument(span).await
    }

    async fn find_owner(&self, id: UserId) -> Result<Option<Owner>> {
        run!(self, Read, |tx| owners::by_id(tx, id))
    }

    async fn change_owner(&self, change: ChangeOwner) -> Result<ChangeOwnerOutcome> {
        run!(self, Change, |tx| change_owner(tx, change))
    }

    async fn create_token(&self, change: CreateToken) -> Result<CreateTokenOutcome> {
        run!(self, Change, |tx| create(tx, change))
    }

    async fn revoke_token(&self, change: RevokeToken) -> Result<RevokeTokenOutcome> {
        run!(self, Change, |tx| revoke(tx, change))
    }

    async fn rotate_token(&self, change: RotateToken) -> Result<RotateTokenOutcome> {
        run!(self, Change, |tx| rotate(tx, change))
    }

    async fn list(
        &self,
        owner: UserId,
        filter: &ListFilter,
        now: Timestamp,
        seek: Option<Seek>,
        limit: u32,
    ) -> Result<Listing<Token>> {
        let filter = filter.clone();
        run!(self, Read, |tx| tokens::list(
            tx,
            owner,
            &filter,
            now,
            seek.as_ref(),
            limit
        ))
    }

    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>> {
        run!(self, Read, |tx| tokens::personal(tx, owner, id))
    }

    async fn record_last_used(&self, uses: &[TokenUse]) -> Result<()> {
        if uses.is_empty() {
            return Ok(());
        }
        let uses = uses.to_vec();
        run!(self, Maintenance, |tx| tokens::record_last_used(tx, &uses))
    }

    async fn purge_ended_before(&self, horizon: Timestamp, limit: u32) -> Result<u64> {
        run!(self, Maintenance, |tx| tokens::purge(tx, horizon, limit))
    }
}

async fn change_owner<D: Database>(
    tx: &mut Tx<'_, D>,
    change: ChangeOwner,
) -> Step<ChangeOwnerOutcome> {
    let (id, now) = (change.change.id(), change.now);
    // A new owner has no row to lock.
    tx.lock(Lock::Names(&[format!("owner {id}")])).await?;
    tx.lock(Lock::Owners(None, &[id])).await?;
    tx.lock(Lock::RunsOfOwner(id, now)).await?;
    let found = owners::with_account(tx, id).await?;
    let (current, has_account) = found.map_or((None, false), |(owner, it)| (Some(owner), it));
    let runs = tokens::runs_of_owner(tx, id, EndedRuns::horizon(now)).await?;
    let decision = change
        .decide(current.as_ref(), has_account, &runs)
        .map_err(Stop::Reply)?;
    tx.execute_one(owners::replaced(&decision.owner), "owner")
        .await?;
    runs::end(tx, &decision.runs, &runs).await?;
    audit::insert_all(tx, &decision.events).await?;
    Ok(ChangeOwnerOutcome::Changed)
}

async fn create<D: Database>(tx: &mut Tx<'_, D>, change: CreateToken) -> Step<CreateTokenOutcome> {
    tx.lock(Lock::Owners(Some(&change.actor), &[change.token.owner]))
        .await?;
    let actor = acting::record(tx, &change.actor).await?;
    let counts = counts(tx, &change).await?;
    change.decide(actor.as_ref(), counts).map_err(Stop::Reply)?;
    tokens::insert(tx, &change.token, &change.digest).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(CreateTokenOutcome::Created)
}

async fn revoke<D: Database>(tx: &mut Tx<'_, D>, change: RevokeToken) -> Step<RevokeTokenOutcome> {
    let (issuers, now) = (&[change.token], change.actor.now);
    tx.lock(Lock::Owners(Some(&change.actor), &[change.owner]))
        .await?;
    tx.lock(Lock::TokensWithRuns(issuers, now)).await?;
    let actor = acting::record(tx, &change.actor).await?;
    let target = tokens::revocable(tx, TokenKind::Personal, issuers).await?;
    let runs = tokens::runs_of_issuers(tx, issuers, now).await?;
    let ended = change
        .decide(actor.as_ref(), target.first(), &runs)
        .map_err(Stop::Reply)?;
    tokens::write_ends(tx, &[ended.token], &target).await?;
    runs::end(tx, &ended.runs, &runs).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(RevokeTokenOutcome::Revoked)
}

async fn rotate<D: Database>(tx: &mut Tx<'_, D>, change: RotateToken) -> Step<RotateTokenOutcome> {
    let successor = &change.successor;
    let (issuers, now) = (&[change.predecessor], successor.actor.now);
    tx.lock(Lock::Owners(
        Some(&successor.actor),
        &[successor.token.owner],
    ))
    .await?;
    tx.lock(Lock::TokensWithRuns(issuers, now)).await?;
    let actor = acting::record(tx, &successor.actor).await?;
    let predecessor = tokens::record_by_id(tx, change.predecessor).await?;
    let predecessor = predecessor.as_ref().map(|record| &record.token);
    let counts = counts(tx, successor).await?;
    let runs = tokens::runs_of_issuers(tx, issuers, now).await?;
    let ended = change
        .decide(actor.as_ref(), predecessor, counts, &runs)
        .map_err(Stop::Reply)?;
    tokens::update(tx, &ended.token).await?;
    runs::end(tx, &ended.runs, &runs).await?;
    tokens::insert(tx, &successor.token, &successor.digest).await?;
    audit::insert(tx, &successor.audit).await?;
    Ok(RotateTokenOutcome::Rotated)
}

/// Counts the owner's personal access tokens.
async fn counts<D: Database>(tx: &mut Tx<'_, D>, change: &CreateToken) -> Result<TokenCounts> {
    let (owner, now) = (change.token.owner, change.actor.now);
    let unexpired = tokens::unexpired_personal(tx, owner, now).await?;
    let kind = TokenKind::Personal;
    Ok(TokenCounts {
        live: tokens::count_live(&unexpired, now),
        nth_newest: tokens::nth_newest(tx, kind, owner, change.rate).await?,
    })
}
