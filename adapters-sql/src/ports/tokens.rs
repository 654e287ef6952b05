//! [`TokenStore`].

use std::sync::Arc;

use async_trait::async_trait;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{
    CreateToken, CreateTokenOutcome, Digest, ListFilter, RevokeToken, RevokeTokenOutcome,
    RotateToken, RotateTokenOutcome, Seek, Token, TokenCounts, TokenId, TokenKind, TokenRecord,
    TokenStore, TokenUse,
};
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};
use tracing::{Instrument as _, debug_span};

use super::{acting, runs};
use crate::store::{Step, Stop};
use crate::tables::{audit, tokens};
use crate::{Database, Lock, SqlStore, Tx};

#[async_trait]
impl<D: Database, const WORK_ITEMS: bool> TokenStore for SqlStore<D, WORK_ITEMS> {
    async fn find_by_digest(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        let span = debug_span!("store call", port = "TokenStore", method = "find_by_digest");
        self.look_up(digest).instrument(span).await
    }

    async fn create_token(&self, change: CreateToken) -> Result<CreateTokenOutcome, StoreError> {
        self.change(|tx| Box::pin(create(tx, change))).await
    }

    async fn revoke_token(&self, change: RevokeToken) -> Result<RevokeTokenOutcome, StoreError> {
        self.change(|tx| Box::pin(revoke(tx, change))).await
    }

    async fn rotate_token(&self, change: RotateToken) -> Result<RotateTokenOutcome, StoreError> {
        self.change(|tx| Box::pin(rotate(tx, change))).await
    }

    async fn list(
        &self,
        owner: UserId,
        filter: &ListFilter,
        now: Timestamp,
        seek: Option<Seek>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError> {
        let filter = filter.clone();
        self.read(move |mut tx| {
            Box::pin(async move {
                tokens::list(&mut tx, owner, &filter, now, seek.as_ref(), limit).await
            })
        })
        .await
    }

    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError> {
        self.read(move |mut tx| Box::pin(async move { tokens::personal(&mut tx, owner, id).await }))
            .await
    }

    async fn record_last_used(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        let uses = uses.to_vec();
        self.maintain(move |mut tx| {
            Box::pin(async move { tokens::record_last_used(&mut tx, &uses).await })
        })
        .await
    }

    async fn purge_ended_before(&self, horizon: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.maintain(move |mut tx| {
            Box::pin(async move { tokens::purge(&mut tx, horizon, limit).await })
        })
        .await
    }
}

async fn create<D: Database>(mut tx: Tx<'_, D>, change: CreateToken) -> Step<CreateTokenOutcome> {
    let tx = &mut tx;
    tx.lock(Lock::Users(Some(&change.actor), &[change.token.owner]))
        .await?;
    let actor = acting::record(tx, &change.actor).await?;
    let counts = counts(tx, &change).await?;
    change.decide(actor.as_ref(), counts).map_err(Stop::Reply)?;
    tokens::insert(tx, &change.token, &change.digest).await?;
    audit::insert(tx, &change.audit).await?;
    Ok(CreateTokenOutcome::Created)
}

async fn revoke<D: Database>(mut tx: Tx<'_, D>, change: RevokeToken) -> Step<RevokeTokenOutcome> {
    let tx = &mut tx;
    let (issuers, now) = (&[change.token], change.actor.now);
    tx.lock(Lock::Users(Some(&change.actor), &[change.owner]))
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

async fn rotate<D: Database>(mut tx: Tx<'_, D>, change: RotateToken) -> Step<RotateTokenOutcome> {
    let tx = &mut tx;
    let successor = &change.successor;
    let (issuers, now) = (&[change.predecessor], successor.actor.now);
    tx.lock(Lock::Users(
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
async fn counts<D: Database>(
    tx: &mut Tx<'_, D>,
    change: &CreateToken,
) -> Result<TokenCounts, StoreError> {
    let (owner, now) = (change.token.owner, change.actor.now);
    let unexpired = tokens::unexpired_personal(tx, owner, now).await?;
    let kind = TokenKind::Personal;
    Ok(TokenCounts {
        live: tokens::count_live(&unexpired, now),
        nth_newest: tokens::nth_newest(tx, kind, owner, change.rate).await?,
    })
}
