//! The table of personal access tokens and agent runs.

use std::cmp::Reverse;
use std::collections::HashMap;

use openindex_domain::admin_tokens::{OwnedToken, TokenFilter};
use openindex_domain::agent_run::{EndedRuns, RunFilter, RunState, WorkItemKey};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{
    CreationRate, Digest, ListFilter, RevocableTokens, RevokedBy, Seek, Sort, Status, Token,
    TokenId, TokenKind, TokenRecord, TokenUse,
};
use openindex_domain::user::UserId;
use openindex_domain::{Listing, StoreError};

use crate::lists::{self, Expiring, MatchingTokens, TokenList};
use crate::rows::{self, DETAIL_COLUMNS, TOKEN_COLUMNS};
use crate::schema::INSERT_TOKEN;
use crate::{Database, Result, Statement, Tx};

/// Returns a query for tokens, even damaged ones.
fn select(condition: &str) -> Statement {
    Statement::new(format!(
        "SELECT {TOKEN_COLUMNS}, t.digest FROM tokens t WHERE {condition}"
    ))
}

pub(crate) async fn record_by_id<D: Database>(
    tx: &mut Tx<'_, D>,
    id: TokenId,
) -> Result<Option<TokenRecord>> {
    let statement = Statement::new(rows::select_record("t.id = $1 AND t.kind = $2"))
        .bind(id)
        .bind(id.kind().as_str());
    tx.one(statement, rows::record).await
}

/// Returns a token of this owner; `None` if it is an agent run.
pub(crate) async fn personal<D: Database>(
    tx: &mut Tx<'_, D>,
    owner: UserId,
    id: TokenId,
) -> Result<Option<Token>> {
    let statement = Statement::new(format!(
        "SELECT {TOKEN_COLUMNS}, {DETAIL_COLUMNS} FROM tokens t \
         WHERE t.id = $1 AND t.owner_id = $3 AND $2 = 'personal' AND t.kind <> 'agent_run'"
    ))
    .bind(id)
    .bind(id.kind().as_str())
    .bind(owner);
    tx.one(statement, rows::shown_token).await
}

pub(crate) async fn list<D: Database>(
    tx: &mut Tx<'_, D>,
    owner: UserId,
    filter: &ListFilter,
    now: Timestamp,
    seek: Option<&Seek>,
    limit: u32,
) -> Result<Listing<Token>> {
    let mut list = TokenList {
        owner,
        filter,
        now,
        seek,
        limit,
        by_expiry: false,
    };
    // In the order of expiry, the tokens are found by it anyway.
    if filter.sort != Sort::Expiry {
        list.by_expiry = are_few(tx, &Expiring::of_list(&list)).await?;
    }
    let query = lists::list_tokens::<D>(&list);
    tx.list(query, rows::shown_token).await
}

/// Returns a page of the tokens that match, with their owners, newest first.
pub(crate) async fn matching<D: Database>(
    tx: &mut Tx<'_, D>,
    filter: &TokenFilter,
    now: Timestamp,
    after: Option<TokenId>,
    limit: u32,
) -> Result<Listing<OwnedToken>> {
    let expiring = Expiring::of_filter(filter, now);
    let query = lists::matching_tokens::<D>(&MatchingTokens {
        filter,
        now,
        after,
        limit: Some(limit),
        by_expiry: filter.token.is_none() && are_few(tx, &expiring).await?,
    });
    tx.list(query, rows::owned_token).await
}

/// Returns whether a page is best found by when its tokens expire.
async fn are_few<D: Database>(tx: &mut Tx<'_, D>, expiring: &Expiring) -> Result<bool> {
    Ok(match lists::many_by_expiry::<D>(expiring) {
        Some(query) => tx.row(query).await?.is_none(),
        None => false,
    })
}

pub(crate) async fn owned_by_id<D: Database>(
    tx: &mut Tx<'_, D>,
    ids: Vec<TokenId>,
) -> Result<Listing<OwnedToken>> {
    let statement = Statement::new(format!(
        "{} FROM tokens t LEFT JOIN owners o ON o.id = t.owner_id WHERE {} ORDER BY t.id DESC",
        lists::select_owned(),
        D::any("t.id", "$1")
    ));
    tx.list(statement.bind(&ids[..]), rows::owned_token).await
}

pub(crate) async fn matching_ids<D: Database>(
    tx: &mut Tx<'_, D>,
    filter: &TokenFilter,
    now: Timestamp,
) -> Result<Vec<TokenId>> {
    let found = tx.rows(lists::matching_ids::<D>(filter, now)).await?;
    Ok(found.iter().map(rows::token_id).collect())
}

/// Returns the tokens with these digests, and all of them as they can be revoked.
pub(crate) async fn by_digests<D: Database>(
    tx: &mut Tx<'_, D>,
    digests: Vec<Digest>,
) -> Result<(HashMap<Digest, Token>, RevocableTokens)> {
    let statement = select(&D::any("t.digest", "$1")).bind(digests);
    let found = tx.rows(statement).await?;
    let read: RevocableTokens = found
        .iter()
        .map(rows::revocable)
        .collect::<Result<_, _>>()?;
    let digests = found.iter().map(rows::digest);
    let tokens = digests
        .zip(&*read)
        .map(|(digest, token)| Ok((digest?, token.clone())));
    Ok((tokens.collect::<Result<_>>()?, read))
}

async fn revocable_where<D: Database>(
    tx: &mut Tx<'_, D>,
    statement: Statement,
) -> Result<RevocableTokens> {
    let found = tx.rows(statement).await?;
    found.iter().map(rows::revocable).collect()
}

/// Returns the fields required to end these tokens of one kind, including damaged rows whose kind
/// is unknown.
pub(crate) async fn revocable<D: Database>(
    tx: &mut Tx<'_, D>,
    kind: TokenKind,
    ids: &[TokenId],
) -> Result<RevocableTokens> {
    let statement = select(&format!(
        "{} AND (t.kind = $2 OR t.kind NOT IN ('personal', 'agent_run'))",
        D::any("t.id", "$1")
    ));
    revocable_where(tx, statement.bind(ids).bind(kind.as_str())).await
}

/// Returns the fields required to end a user's unrevoked tokens and runs that some server may still
/// accept at `now`.
pub(crate) async fn unexpired_of_owner<D: Database>(
    tx: &mut Tx<'_, D>,
    owner: UserId,
    now: Timestamp,
) -> Result<RevocableTokens> {
    let statement = select(
        "t.owner_id = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)",
    );
    revocable_where(tx, statement.bind(owner).bind(EndedRuns::horizon(now))).await
}

/// Returns the fields required to end the owner's unexpired personal access tokens. The query only
/// skips expired ones; the domain decides which of the rest are live.
pub(crate) async fn unexpired_personal<D: Database>(
    tx: &mut Tx<'_, D>,
    owner: UserId,
    now: Timestamp,
) -> Result<RevocableTokens> {
    let statement = Statement::new(format!(
        "SELECT {TOKEN_COLUMNS} FROM tokens t{} WHERE t.owner_id = $1 AND t.kind = 'personal' \
         AND t.revoked_at IS NULL AND {} > $2",
        D::hint("personal_tokens_ending"),
        D::EXPIRES_AT
    ));
    revocable_where(tx, statement.bind(owner).bind(now)).await
}

/// Returns a query for the unrevoked runs that expire after `$2`, so that ended runs cost nothing.
fn select_runs<D: Database>(condition: &str) -> Statement {
    Statement::new(format!(
        "SELECT {TOKEN_COLUMNS} FROM tokens t WHERE t.kind = 'agent_run' \
         AND t.revoked_at IS NULL AND {} AND {condition}",
        D::run_expires_after("$2")
    ))
}

/// Returns the runs started with one of these tokens that some server's clock may still call live
/// when this server's says `now`.
pub(crate) async fn runs_of_issuers<D: Database>(
    tx: &mut Tx<'_, D>,
    issuers: &[TokenId],
    now: Timestamp,
) -> Result<RevocableTokens> {
    if issuers.is_empty() {
        return Ok(RevocableTokens::default());
    }
    let statement = select_runs::<D>(&D::any("t.issuer_id", "$1"));
    revocable_where(tx, statement.bind(issuers).bind(EndedRuns::horizon(now))).await
}

/// Returns the unrevoked runs of a user that expire after `horizon`.
pub(crate) async fn runs_of_owner<D: Database>(
    tx: &mut Tx<'_, D>,
    owner: UserId,
    horizon: Timestamp,
) -> Result<RevocableTokens> {
    let statement = select_runs::<D>("t.owner_id = $1").bind(owner);
    revocable_where(tx, statement.bind(horizon)).await
}

/// Returns the runs bound to this work item, as [`runs_of_issuers`] does.
pub(crate) async fn runs_of_work_item<D: Database>(
    tx: &mut Tx<'_, D>,
    key: WorkItemKey,
    now: Timestamp,
) -> Result<RevocableTokens> {
    let statement = select_runs::<D>("t.work_item = $1").bind(key.to_string());
    revocable_where(tx, statement.bind(EndedRuns::horizon(now))).await
}

pub(crate) async fn run<D: Database>(
    tx: &mut Tx<'_, D>,
    owner: UserId,
    id: TokenId,
) -> Result<Option<Token>> {
    let statement = Statement::new(format!(
        "SELECT {TOKEN_COLUMNS} FROM tokens t WHERE t.id = $1 AND t.kind = $2 \
         AND t.kind = 'agent_run' AND t.owner_id = $3"
    ))
    .bind(id)
    .bind(id.kind().as_str())
    .bind(owner);
    tx.one(statement, rows::token).await
}

/// Returns a page of a user's runs, newest first, with only the conditions that are set: one plan
/// for all of them would read every stored run.
pub(crate) async fn runs<D: Database>(
    tx: &mut Tx<'_, D>,
    owner: UserId,
    filter: &RunFilter,
    now: Timestamp,
    after: Option<TokenId>,
    limit: u32,
) -> Result<Listing<Token>> {
    let hint = D::hint(match filter.state {
        RunState::Live => "agent_runs_unrevoked",
        RunState::Ended | RunState::Any => "agent_runs_of_owner",
    });
    let mut query = Statement::new(format!(
        "SELECT {TOKEN_COLUMNS} FROM tokens t{hint} WHERE t.kind = 'agent_run' AND t.owner_id = "
    ));
    query.push_bind(owner);
    match filter.state {
        RunState::Live => query
            .push(" AND t.revoked_at IS NULL AND t.expires_at > ")
            .push_bind(now),
        RunState::Ended => query
            .push(" AND (t.revoked_at IS NOT NULL OR t.expires_at <= ")
            .push_bind(now)
            .push(")"),
        RunState::Any => &mut query,
    };
    query.push_some(" AND t.issuer_id = ", filter.issuer);
    if let Some(agent) = &filter.agent {
        query.push(" AND t.agent_id = ").push_bind(agent.as_str());
    }
    if let Some(key) = filter.work_item {
        query.push(" AND t.work_item = ").push_bind(key.to_string());
    }
    query.push_some(" AND t.id < ", after);
    query.push(" ORDER BY t.id DESC LIMIT ").push_bind(limit);
    tx.list(query, rows::token).await
}

/// Returns when the owner's token was created that is as many from the newest as the rate allows in
/// its window.
pub(crate) async fn nth_newest<D: Database>(
    tx: &mut Tx<'_, D>,
    kind: TokenKind,
    owner: UserId,
    rate: CreationRate,
) -> Result<Option<Timestamp>> {
    // Written out, so that each kind uses its index.
    let statement = Statement::new(match kind {
        TokenKind::Personal => {
            "SELECT created_at FROM tokens WHERE owner_id = $1 AND kind = 'personal' \
             ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET $2"
        }
        TokenKind::AgentRun => {
            "SELECT created_at FROM tokens WHERE owner_id = $1 AND kind = 'agent_run' \
             ORDER BY id DESC LIMIT 1 OFFSET $2"
        }
    });
    let found = tx.row(statement.bind(owner).bind(rate.limit() - 1)).await?;
    // An unreadable time does not keep the owner from creating tokens.
    Ok(found.map(|row| crate::row::any_instant(&row, "created_at")))
}

/// Returns the statement that inserts a token.
pub(crate) fn inserted(token: &Token, digest: &Digest) -> Statement {
    let (run, details) = (token.run.as_ref(), &token.details);
    Statement::new(INSERT_TOKEN.as_str())
        .bind(token.id)
        .bind(token.kind().as_str())
        .bind(token.owner)
        .bind(token.name.as_str())
        .bind(token.scope.as_str())
        .bind(digest)
        .bind(token.created_at)
        .bind(token.expires_at)
        .bind(token.revoked_at)
        .bind(token.last_used_at)
        .bind(token.successor.map(|id| id.to_string()))
        .bind(run.map(|run| run.agent.as_str()))
        .bind(run.and_then(|run| run.work_item).map(|key| key.to_string()))
        .bind(run.map(|run| run.issuer))
        .bind(details.last_four.map(|end| end.to_string()))
        .bind(details.created_from.map(|from| from.to_string()))
        .bind(details.last_used_from.map(|from| from.to_string()))
        .bind(details.revoked_by.map(RevokedBy::as_str))
        .bind(token.name.folded())
}

pub(crate) async fn insert<D: Database>(
    tx: &mut Tx<'_, D>,
    token: &Token,
    digest: &Digest,
) -> Result<()> {
    tx.execute_one(inserted(token, digest), "token").await
}

/// Writes the columns that a revocation or a rotation changes.
pub(crate) async fn update<D: Database>(tx: &mut Tx<'_, D>, token: &Token) -> Result<()> {
    let statement = Statement::new(
        "UPDATE tokens SET expires_at = $2, revoked_at = $3, successor = $4, revoked_by = $5 \
         WHERE id = $1",
    )
    .bind(token.id)
    .bind(token.expires_at)
    .bind(token.revoked_at)
    .bind(token.successor.map(|id| id.to_string()))
    .bind(token.details.revoked_by.map(RevokedBy::as_str));
    tx.execute_one(statement, "token").await
}

/// Writes the ends of tokens: revocation, reason and expiration. Rows that were read as damaged are
/// deleted.
pub(crate) async fn write_ends<D: Database>(
    tx: &mut Tx<'_, D>,
    ended: &[Token],
    read: &RevocableTokens,
) -> Result<()> {
    let (damaged, tokens): (Vec<&Token>, Vec<&Token>) =
        ended.iter().partition(|token| read.is_damaged(token.id));
    if !damaged.is_empty() {
        let ids: Vec<TokenId> = damaged.iter().map(|token| token.id).collect();
        let delete = format!("DELETE FROM tokens WHERE {}", D::any("id", "$1"));
        tx.execute(Statement::new(delete).bind(&ids[..])).await?;
    }
    for batch in tokens.chunks(D::MAX_ROWS) {
        let mut update = Statement::new(
            "UPDATE tokens SET revoked_at = ended.column2, expires_at = ended.column3, \
                               revoked_by = ended.column4 FROM (",
        );
        D::push_rows(&mut update, batch, |token| {
            [
                token.id.into(),
                token.revoked_at.into(),
                token.expires_at.into(),
                token.details.revoked_by.map(RevokedBy::as_str).into(),
            ]
        });
        update.push(") AS ended WHERE tokens.id = ended.column1");
        if tx.affected(update).await? != batch.len() as u64 {
            return Err(StoreError::corrupt(
                "tokens disappeared inside the transaction that ends them",
            ));
        }
    }
    Ok(())
}

/// Revokes the unrevoked tokens of a user, except for those that have expired by every clock.
pub(crate) async fn revoke_all_of_owner<D: Database>(
    tx: &mut Tx<'_, D>,
    owner: UserId,
    now: Timestamp,
) -> Result<()> {
    let statement = Statement::new(
        "UPDATE tokens SET revoked_at = $2 WHERE owner_id = $1 AND revoked_at IS NULL \
         AND (expires_at IS NULL OR expires_at > $3)",
    );
    let statement = statement.bind(owner).bind(now);
    tx.execute(statement.bind(EndedRuns::horizon(now))).await
}

/// Writes when and from where tokens were last used, unless a later use is stored. The list may
/// have several uses of one token.
pub(crate) async fn record_last_used<D: Database>(
    tx: &mut Tx<'_, D>,
    uses: &[TokenUse],
) -> Result<()> {
    let mut latest = uses.to_vec();
    latest.sort_by_key(|used| (used.token.uuid(), Reverse(used.at)));
    latest.dedup_by_key(|used| used.token.uuid());
    for batch in latest.chunks(D::MAX_ROWS) {
        // Rows are locked in the order of their ids, so that two replicas that write at the same
        // time do not deadlock.
        let mut update = Statement::new(
            "WITH due AS (SELECT t.id, used.column2 AS at, used.column3 AS address \
             FROM tokens t JOIN (",
        );
        D::push_rows(&mut update, batch, |used| {
            let from = used.from.map(|from| from.to_string());
            [used.token.into(), used.at.into(), from.into()]
        });
        update.push(&format!(
            ") AS used ON used.column1 = t.id \
             WHERE t.last_used_at IS NULL OR t.last_used_at < used.column2 ORDER BY t.id{}) \
             UPDATE tokens SET last_used_at = due.at, last_used_from = due.address \
             FROM due WHERE tokens.id = due.id \
             AND (tokens.last_used_at IS NULL OR tokens.last_used_at < due.at)",
            D::for_update("t")
        ));
        tx.execute(update).await?;
    }
    Ok(())
}

/// Deletes tokens that ended before `horizon`, the earliest first, and returns their number.
pub(crate) async fn purge<D: Database>(
    tx: &mut Tx<'_, D>,
    horizon: Timestamp,
    limit: u32,
) -> Result<u64> {
    let mut left = limit;
    // Two statements, so that each uses its index.
    for ended in [
        "revoked_at < $1 ORDER BY revoked_at",
        "revoked_at IS NULL AND expires_at < $1 ORDER BY expires_at",
    ] {
        let found = format!(
            "SELECT id FROM tokens WHERE {ended} LIMIT $2{}",
            D::SKIP_LOCKED
        );
        let delete = Statement::new(format!(
            "DELETE FROM tokens WHERE id {}",
            D::in_list(&found)
        ));
        let purged = tx.affected(delete.bind(horizon).bind(left)).await?;
        left = left.saturating_sub(u32::try_from(purged).unwrap_or(u32::MAX));
    }
    Ok(u64::from(limit - left))
}

/// Counts the live tokens. The domain decides what is live, not SQL.
pub(crate) fn count_live(tokens: &[Token], now: Timestamp) -> u32 {
    let live = tokens
        .iter()
        .filter(|token| token.status(now) == Status::Live)
        .count();
    u32::try_from(live).unwrap_or(u32::MAX)
}
