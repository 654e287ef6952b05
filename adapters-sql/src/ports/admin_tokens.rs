//! [`AdminTokenStore`].

use std::collections::HashSet;

use async_trait::async_trait;
use openindex_domain::Listing;
use openindex_domain::admin_tokens::{
    AdminTokenStore, OwnedToken, ReportLeakedTokens, RevokeMatching, RevokeMatchingOutcome, Stats,
    TokenFilter,
};
use openindex_domain::agent_run::EndedRuns;
use openindex_domain::audit::AuditEvent;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{RevocableTokens, Token, TokenId};
use openindex_domain::user::UserId;

use super::{acting, runs};
use crate::lists::{self, MatchingTokens};
use crate::rows;
use crate::store::{Step, Stop, run};
use crate::tables::{audit, notices, stats, tokens};
use crate::{Database, Lock, Result, SqlStore, Tx};

#[async_trait]
impl<D: Database, const ACCOUNTS: bool, const WORK_ITEMS: bool> AdminTokenStore
    for SqlStore<D, ACCOUNTS, WORK_ITEMS>
{
    async fn tokens(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<OwnedToken>> {
        let filter = filter.clone();
        run!(self, Browse, |tx| tokens::matching(
            tx, &filter, now, after, limit
        ))
    }

    async fn matching_ids(&self, filter: &TokenFilter, now: Timestamp) -> Result<Vec<TokenId>> {
        let filter = filter.clone();
        run!(self, Browse, |tx| tokens::matching_ids(tx, &filter, now))
    }

    async fn tokens_by_id(&self, ids: &[TokenId]) -> Result<Listing<OwnedToken>> {
        let ids = ids.to_vec();
        run!(self, Browse, |tx| tokens::owned_by_id(tx, ids))
    }

    async fn revoke_matching(&self, change: RevokeMatching) -> Result<RevokeMatchingOutcome> {
        run!(self, Maintenance, |tx| revoke_matching(
            tx, change, ACCOUNTS
        ))
    }

    async fn report_leaked_tokens(&self, change: ReportLeakedTokens) -> Result<u64> {
        run!(self, Maintenance, |tx| report_leaked(tx, change, ACCOUNTS))
    }

    async fn stats(&self, now: Timestamp) -> Result<Stats> {
        run!(self, Browse, |tx| stats::read(tx, now, ACCOUNTS))
    }
}

async fn revoke_matching<D: Database>(
    tx: &mut Tx<'_, D>,
    change: RevokeMatching,
    has_accounts: bool,
) -> Step<RevokeMatchingOutcome> {
    let now = change.actor.now;
    tx.lock(Lock::AllOwners).await?;
    let actor = acting::record(tx, &change.actor).await?;
    change.check_actor(actor.as_ref()).map_err(Stop::Reply)?;
    if D::HAS_CONCURRENT_CHANGES {
        // Last-used times are still written meanwhile, under locks in the same order. The tokens
        // are read again after locking, so that one used a moment ago does not count as unused.
        let ids = tokens::matching_ids(tx, &change.filter, now).await?;
        tx.lock(Lock::TokensWithRuns(&ids, now)).await?;
    }
    let matching = MatchingTokens::all(&change.filter, now);
    let found = tx.rows(lists::matching_tokens::<D>(&matching)).await?;
    let read: RevocableTokens = found
        .iter()
        .map(rows::revocable)
        .collect::<Result<_, _>>()?;
    let decided = change.decide(&read).map_err(Stop::Reply)?;
    let ends: HashSet<TokenId> = decided.iter().map(|(token, _)| token.id).collect();
    let rows = found.iter().zip(&*read);
    let revoked = rows.filter(|(_, token)| ends.contains(&token.id));
    let revoked = Listing::read(revoked.map(|(row, _)| rows::owned_token(row)))?;
    if has_accounts {
        notices::insert_all(tx, &change.notices(&decided)).await?;
    }
    write_revocations(tx, decided, &read, now).await?;
    Ok(RevokeMatchingOutcome::Revoked(revoked))
}

async fn report_leaked<D: Database>(
    tx: &mut Tx<'_, D>,
    change: ReportLeakedTokens,
    has_accounts: bool,
) -> Result<u64> {
    let digests: Vec<_> = change.reported.iter().map(|(digest, _)| *digest).collect();
    // A token's digest and owner never change, so they can be read before anything is locked.
    let (mut tokens, mut read) = tokens::by_digests(tx, digests.clone()).await?;
    if D::HAS_CONCURRENT_CHANGES {
        let before = tokens;
        let owners: Vec<UserId> = before.values().map(|token| token.owner).collect();
        let ids: Vec<TokenId> = before.values().map(|token| token.id).collect();
        tx.lock(Lock::Owners(None, &owners)).await?;
        tx.lock(Lock::TokensWithRuns(&ids, change.now)).await?;
        (tokens, read) = tokens::by_digests(tx, digests).await?;
        // Tokens created since then are not locked, and not part of the report.
        tokens.retain(|digest, _| before.contains_key(digest));
    }
    let mut decided = Vec::new();
    for (digest, event) in &change.reported {
        let Some(token) = tokens.get_mut(digest) else {
            continue;
        };
        if let Some((revoked, event)) = change.decide(token, *event) {
            // A second report of the same token finds it revoked.
            token.clone_from(&revoked);
            decided.push((revoked, event));
        }
    }
    let revoked = write_revocations(tx, decided, &read, change.now).await?;
    if has_accounts {
        let notices: Vec<_> = revoked.iter().map(|token| change.notice(token)).collect();
        notices::insert_all(tx, &notices).await?;
    }
    Ok(revoked.len() as u64)
}

/// Writes the revocations and their audit events, ends the runs started with the tokens, and
/// returns the revoked tokens.
async fn write_revocations<D: Database>(
    tx: &mut Tx<'_, D>,
    decided: Vec<(Token, AuditEvent)>,
    read: &RevocableTokens,
    now: Timestamp,
) -> Result<Vec<Token>> {
    let (revoked, events): (Vec<Token>, Vec<AuditEvent>) = decided.into_iter().unzip();
    tokens::write_ends(tx, &revoked, read).await?;
    audit::insert_all(tx, &events).await?;
    // Read after that, so that a run that is revoked itself is not also ended with its issuer.
    let ids: Vec<TokenId> = revoked.iter().map(|token| token.id).collect();
    let runs = tokens::runs_of_issuers(tx, &ids, now).await?;
    let ended = EndedRuns::with_issuers(ids.into_iter().zip(&events), &runs);
    runs::end(tx, &ended, &runs).await?;
    Ok(revoked)
}
