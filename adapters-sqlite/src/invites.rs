//! [`InviteStore`] on SQLite.

use async_trait::async_trait;
use openindex_domain::clock::Timestamp;
use openindex_domain::invite::{
    ClaimInvite, ClaimInviteOutcome, CreateInvite, CreateInviteOutcome, Invite, InviteId,
    InviteKind, InviteStore, WithdrawInvite, WithdrawInviteOutcome,
};
use openindex_domain::token::Digest;
use openindex_domain::user::{Email, User, UserId};
use openindex_domain::{Listing, StoreError};
use sqlx::SqliteConnection;

use crate::error::store_error;
use crate::{SqliteStore, acting, audit, rows, sessions, tokens, users};

/// The start of a query for [`Invite`]s.
macro_rules! select_invite {
    ($condition:literal) => {
        concat!(
            "SELECT id, kind, email, role, created_by, created_at, expires_at, claimed_at, \
             claimed_by, withdrawn_at, replaced_by FROM invites WHERE ",
            $condition
        )
    };
}

#[async_trait]
impl InviteStore for SqliteStore {
    async fn create_invite(&self, change: CreateInvite) -> Result<CreateInviteOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::optional_record(&mut transaction, change.actor.as_ref()).await?;
        let key = change.invite.email().map(Email::key);
        let taken = match &key {
            Some(key) => users::id_by_email_key(&mut transaction, key)
                .await?
                .is_some(),
            None => users::has_users(&mut transaction).await?,
        };
        let earlier = unclaimed(&mut transaction, key.as_deref()).await?;
        let decision = match change.decide(actor.as_ref(), taken, &earlier) {
            Ok(decision) => decision,
            Err(outcome) => return Ok(outcome),
        };
        for replaced in &decision.replaced {
            update(&mut transaction, replaced).await?;
        }
        insert(&mut transaction, &change.invite, &change.digest).await?;
        audit::insert(&mut transaction, &decision.audit).await?;
        transaction.commit().await?;
        Ok(CreateInviteOutcome::Created)
    }

    async fn find_invite(&self, digest: &Digest) -> Result<Option<Invite>, StoreError> {
        sqlx::query(select_invite!("digest = ?1"))
            .bind(&digest.as_bytes()[..])
            .fetch_optional(self.readers()?)
            .await
            .map_err(store_error)?
            .as_ref()
            .map(rows::invite)
            .transpose()
    }

    async fn invites(
        &self,
        after: Option<InviteId>,
        limit: u32,
    ) -> Result<Listing<Invite>, StoreError> {
        let query = match after {
            Some(after) => sqlx::query(select_invite!("id < ?2 ORDER BY id DESC LIMIT ?1"))
                .bind(limit)
                .bind(after.uuid()),
            None => sqlx::query(select_invite!("TRUE ORDER BY id DESC LIMIT ?1")).bind(limit),
        };
        let found = query.fetch_all(self.readers()?).await;
        Listing::read(found.map_err(store_error)?.iter().map(rows::invite))
    }

    async fn withdraw_invite(
        &self,
        change: WithdrawInvite,
    ) -> Result<WithdrawInviteOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        let found = sqlx::query(select_invite!("id = ?1"))
            .bind(change.invite.uuid())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(store_error)?;
        let (invite, is_damaged) = found.as_ref().map(rows::invite_to_withdraw).unzip();
        let withdrawn = match change.decide(actor.as_ref(), invite.as_ref()) {
            Ok(withdrawn) => withdrawn,
            Err(outcome) => return Ok(outcome),
        };
        if is_damaged == Some(true) {
            delete(&mut transaction, change.invite).await?;
        } else {
            update(&mut transaction, &withdrawn).await?;
        }
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await?;
        Ok(WithdrawInviteOutcome::Withdrawn)
    }

    async fn claim_invite(&self, change: ClaimInvite) -> Result<ClaimInviteOutcome, StoreError> {
        let account = &change.account;
        let mut transaction = self.begin().await?;
        let invite = by_id(&mut transaction, change.invite).await?;
        let creator = invite.as_ref().and_then(|invite| invite.created_by);
        let creator = users::by_optional_id(&mut transaction, creator).await?;
        let taken = users::id_by_email_key(&mut transaction, &account.user.email.key())
            .await?
            .is_some();
        let has_users = users::has_users(&mut transaction).await?;
        let decided = change.decide(invite.as_ref(), creator.as_ref(), taken, has_users);
        let claimed = match decided {
            Ok(claimed) => claimed,
            Err(outcome) => return Ok(outcome),
        };
        users::insert(&mut transaction, &account.user, account.password.as_ref()).await?;
        if let Some((token, digest)) = &change.token {
            tokens::insert(&mut transaction, token, digest).await?;
        }
        if let Some((session, digest)) = &change.session {
            sessions::insert(&mut transaction, session, digest).await?;
        }
        update(&mut transaction, &claimed).await?;
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await?;
        Ok(ClaimInviteOutcome::Claimed)
    }
}

async fn by_id(
    connection: &mut SqliteConnection,
    id: InviteId,
) -> Result<Option<Invite>, StoreError> {
    sqlx::query(select_invite!("id = ?1"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::invite)
        .transpose()
}

/// Returns the invites for the address with this key, or for the first administrator, that are
/// neither claimed nor withdrawn. The domain decides which of them are open.
pub(crate) async fn unclaimed(
    connection: &mut SqliteConnection,
    email_key: Option<&str>,
) -> Result<Listing<Invite>, StoreError> {
    let found = sqlx::query(select_invite!(
        "email_key IS ?1 AND claimed_at IS NULL AND withdrawn_at IS NULL"
    ))
    .bind(email_key)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    Listing::read(found.iter().map(rows::invite))
}

/// Returns the unclaimed invites that end when this user is deleted.
pub(crate) async fn unclaimed_of_user(
    connection: &mut SqliteConnection,
    user: &User,
) -> Result<Listing<Invite>, StoreError> {
    let found = sqlx::query(select_invite!(
        "(created_by = ?1 OR email_key = ?2) AND claimed_at IS NULL AND withdrawn_at IS NULL"
    ))
    .bind(user.id.uuid())
    .bind(user.email.key())
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    Listing::read(found.iter().map(rows::invite))
}

async fn insert(
    connection: &mut SqliteConnection,
    invite: &Invite,
    digest: &Digest,
) -> Result<(), StoreError> {
    let (kind, role) = match &invite.kind {
        InviteKind::FirstAdmin => ("first_admin", None),
        InviteKind::Person { role, .. } => ("person", Some(role.as_str())),
    };
    let (claimed_at, claimed_by) = invite.claimed.unzip();
    sqlx::query(
        "INSERT INTO invites (id, kind, email, email_key, role, digest, created_by, created_at, \
         expires_at, claimed_at, claimed_by, withdrawn_at, replaced_by) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )
    .bind(invite.id.uuid())
    .bind(kind)
    .bind(invite.email().map(Email::as_str))
    .bind(invite.email().map(Email::key))
    .bind(role)
    .bind(&digest.as_bytes()[..])
    .bind(invite.created_by.map(UserId::uuid))
    .bind(invite.created_at.unix_millis())
    .bind(invite.expires_at.unix_millis())
    .bind(claimed_at.map(Timestamp::unix_millis))
    .bind(claimed_by.map(UserId::uuid))
    .bind(invite.withdrawn_at.map(Timestamp::unix_millis))
    .bind(invite.replaced_by.map(InviteId::uuid))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Deletes an invite whose row is damaged.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    id: InviteId,
) -> Result<(), StoreError> {
    let deleted = sqlx::query("DELETE FROM invites WHERE id = ?1")
        .bind(id.uuid())
        .execute(connection)
        .await
        .map_err(store_error)?
        .rows_affected();
    rows::exactly_one(deleted, "invite")
}

/// Writes the columns that a claim, a withdrawal or a replacement changes.
pub(crate) async fn update(
    connection: &mut SqliteConnection,
    invite: &Invite,
) -> Result<(), StoreError> {
    let (claimed_at, claimed_by) = invite.claimed.unzip();
    let updated = sqlx::query(
        "UPDATE invites SET claimed_at = ?2, claimed_by = ?3, withdrawn_at = ?4, \
         replaced_by = ?5 WHERE id = ?1",
    )
    .bind(invite.id.uuid())
    .bind(claimed_at.map(Timestamp::unix_millis))
    .bind(claimed_by.map(UserId::uuid))
    .bind(invite.withdrawn_at.map(Timestamp::unix_millis))
    .bind(invite.replaced_by.map(InviteId::uuid))
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    rows::exactly_one(updated, "invite")
}
