//! The table of invites.

use openindex_domain::Listing;
use openindex_domain::clock::Timestamp;
use openindex_domain::invite::{Invite, InviteId, InviteKind};
use openindex_domain::token::Digest;
use openindex_domain::user::{Email, User, UserId};
use uuid::Uuid;

use crate::rows;
use crate::{Database, Result, Statement, Tx};

fn select(condition: &str) -> Statement {
    Statement::new(format!(
        "SELECT id, kind, email, role, created_by, created_at, expires_at, claimed_at, \
         claimed_by, withdrawn_at, replaced_by FROM invites WHERE {condition}"
    ))
}

async fn invite<D: Database>(tx: &mut Tx<'_, D>, statement: Statement) -> Result<Option<Invite>> {
    tx.one(statement, rows::invite).await
}

async fn invites<D: Database>(tx: &mut Tx<'_, D>, statement: Statement) -> Result<Listing<Invite>> {
    tx.list(statement, rows::invite).await
}

pub(crate) async fn by_id<D: Database>(tx: &mut Tx<'_, D>, id: InviteId) -> Result<Option<Invite>> {
    invite(tx, select("id = $1").bind(id.uuid())).await
}

pub(crate) async fn by_digest<D: Database>(
    tx: &mut Tx<'_, D>,
    digest: &Digest,
) -> Result<Option<Invite>> {
    invite(tx, select("digest = $1").bind(digest)).await
}

pub(crate) async fn page<D: Database>(
    tx: &mut Tx<'_, D>,
    after: Option<InviteId>,
    limit: u32,
) -> Result<Listing<Invite>> {
    // No id is greater than the maximum UUID.
    let statement = select("id < $1 ORDER BY id DESC LIMIT $2")
        .bind(after.map_or(Uuid::max(), InviteId::uuid))
        .bind(limit);
    invites(tx, statement).await
}

fn locking<D: Database>(condition: &str) -> Statement {
    select(&format!("{condition}{}", D::for_update("invites")))
}

/// Reads an invite and locks it until the commit.
pub(crate) async fn lock<D: Database>(tx: &mut Tx<'_, D>, id: InviteId) -> Result<Option<Invite>> {
    invite(tx, locking::<D>("id = $1").bind(id.uuid())).await
}

/// Like [`lock`], to withdraw the invite: even from a damaged row, and with whether it is one.
pub(crate) async fn lock_to_withdraw<D: Database>(
    tx: &mut Tx<'_, D>,
    id: InviteId,
) -> Result<Option<(Invite, bool)>> {
    let row = tx.row(locking::<D>("id = $1").bind(id.uuid())).await?;
    Ok(row.as_ref().map(rows::invite_to_withdraw))
}

/// Reads and locks the invites for the address with this key, or for the first administrator, that
/// are neither claimed nor withdrawn. The domain decides which of them are open.
pub(crate) async fn unclaimed<D: Database>(
    tx: &mut Tx<'_, D>,
    email_key: Option<&str>,
) -> Result<Listing<Invite>> {
    let unclaimed = "AND claimed_at IS NULL AND withdrawn_at IS NULL ORDER BY id";
    let statement = match email_key {
        Some(key) => locking::<D>(&format!("email_key = $1 {unclaimed}")).bind(key),
        None => locking::<D>(&format!("email_key IS NULL {unclaimed}")),
    };
    invites(tx, statement).await
}

/// Reads and locks the unclaimed invites that end when this user is deleted.
pub(crate) async fn unclaimed_of_user<D: Database>(
    tx: &mut Tx<'_, D>,
    user: &User,
) -> Result<Listing<Invite>> {
    let statement = locking::<D>(
        "(created_by = $1 OR email_key = $2) AND claimed_at IS NULL AND withdrawn_at IS NULL \
         ORDER BY id",
    );
    invites(tx, statement.bind(user.id).bind(user.email.key())).await
}

pub(crate) async fn insert<D: Database>(
    tx: &mut Tx<'_, D>,
    invite: &Invite,
    digest: &Digest,
) -> Result<()> {
    let (kind, role) = match &invite.kind {
        InviteKind::FirstAdmin => ("first_admin", None),
        InviteKind::Person { role, .. } => ("person", Some(role.as_str())),
    };
    let (claimed_at, claimed_by) = invite.claimed.unzip();
    let statement = Statement::new(
        "INSERT INTO invites (id, kind, email, email_key, role, digest, created_by, created_at, \
         expires_at, claimed_at, claimed_by, withdrawn_at, replaced_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(invite.id.uuid())
    .bind(kind)
    .bind(invite.email().map(Email::as_str))
    .bind(invite.email().map(Email::key))
    .bind(role)
    .bind(digest)
    .bind(invite.created_by)
    .bind(invite.created_at)
    .bind(invite.expires_at)
    .bind(claimed_at)
    .bind(claimed_by)
    .bind(invite.withdrawn_at)
    .bind(invite.replaced_by.map(InviteId::uuid));
    tx.execute_one(statement, "invite").await
}

/// Deletes an invite whose row is damaged.
pub(crate) async fn delete<D: Database>(tx: &mut Tx<'_, D>, id: InviteId) -> Result<()> {
    let delete = Statement::new("DELETE FROM invites WHERE id = $1");
    tx.execute_one(delete.bind(id.uuid()), "invite").await
}

/// Writes the columns that a claim, a withdrawal or a replacement changes.
pub(crate) async fn update<D: Database>(tx: &mut Tx<'_, D>, invite: &Invite) -> Result<()> {
    let (claimed_at, claimed_by) = invite.claimed.unzip();
    let statement = Statement::new(
        "UPDATE invites SET claimed_at = $2, claimed_by = $3, withdrawn_at = $4, \
         replaced_by = $5 WHERE id = $1",
    )
    .bind(invite.id.uuid())
    .bind(claimed_at)
    .bind(claimed_by)
    .bind(invite.withdrawn_at)
    .bind(invite.replaced_by.map(InviteId::uuid));
    tx.execute_one(statement, "invite").await
}

/// Withdraws the unclaimed invites that this user created.
pub(crate) async fn withdraw_all_by<D: Database>(
    tx: &mut Tx<'_, D>,
    creator: UserId,
    now: Timestamp,
) -> Result<()> {
    let withdraw = Statement::new(
        "UPDATE invites SET withdrawn_at = $2 \
         WHERE created_by = $1 AND claimed_at IS NULL AND withdrawn_at IS NULL",
    );
    tx.execute(withdraw.bind(creator).bind(now)).await
}

/// Deletes the invites that this user claimed or that have their address.
pub(crate) async fn delete_all_to<D: Database>(tx: &mut Tx<'_, D>, user: &User) -> Result<()> {
    let claimed = Statement::new("DELETE FROM invites WHERE claimed_by = $1");
    tx.execute(claimed.bind(user.id)).await?;
    let addressed = Statement::new("DELETE FROM invites WHERE email_key = $1");
    tx.execute(addressed.bind(user.email.key())).await
}
