//! [`UserStore`] on PostgreSQL.

use async_trait::async_trait;
use openindex_domain::clock::Timestamp;
use openindex_domain::session::Ended;
use openindex_domain::user::{
    Account, ChangeUser, ChangeUserOutcome, CreateFirstAdmin, DismissNotices,
    DismissNoticesOutcome, FirstAdminOutcome, Notice, PasswordHash, User, UserId, UserStore,
};
use openindex_domain::{Listing, StoreError};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::store_error;
use crate::rows::{select_account, select_user};
use crate::store::begin;
use crate::{
    PostgresStore, acting, agent_runs, audit, invites, links, locks, rows, sessions, tokens,
};

#[async_trait]
impl UserStore for PostgresStore {
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<FirstAdminOutcome, StoreError> {
        self.call(move |connection| {
            Box::pin(async move { begin_instance(connection, &change).await })
        })
        .await
    }

    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.call(move |connection| Box::pin(by_id(connection, id)))
            .await
    }

    async fn account(&self, email_key: &str) -> Result<Option<Account>, StoreError> {
        let key = email_key.to_owned();
        self.call(move |connection| {
            Box::pin(async move {
                sqlx::query(select_account!("u.email_key = $1"))
                    .bind(key)
                    .fetch_optional(connection)
                    .await
                    .map_err(store_error)?
                    .as_ref()
                    .map(rows::account)
                    .transpose()
            })
        })
        .await
    }

    async fn page(&self, after: Option<UserId>, limit: u32) -> Result<Listing<User>, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                let found = sqlx::query(select_user!("u.id > $1 ORDER BY u.id LIMIT $2"))
                    // The nil UUID comes before every id.
                    .bind(after.map_or(Uuid::nil(), UserId::uuid))
                    .bind(i64::from(limit))
                    .fetch_all(connection)
                    .await
                    .map_err(store_error)?;
                Listing::read(found.iter().map(rows::user))
            })
        })
        .await
    }

    async fn change_user(&self, change: ChangeUser) -> Result<ChangeUserOutcome, StoreError> {
        self.call(move |connection| {
            Box::pin(async move { change_standing(connection, &change).await })
        })
        .await
    }

    async fn notices(&self, user: UserId) -> Result<Vec<Notice>, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                let mut notices =
                    sqlx::query("SELECT token, token_name, at FROM notices WHERE user_id = $1")
                        .bind(user.uuid())
                        .fetch_all(connection)
                        .await
                        .map_err(store_error)?
                        .iter()
                        .map(rows::notice)
                        .filter_map(Result::ok)
                        .collect::<Vec<Notice>>();
                notices.sort_by_key(|notice| std::cmp::Reverse((notice.at, notice.token)));
                Ok(notices)
            })
        })
        .await
    }

    async fn dismiss_notices(
        &self,
        change: DismissNotices,
    ) -> Result<DismissNoticesOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { dismiss(connection, &change).await }))
            .await
    }
}

async fn dismiss(
    connection: &mut PgConnection,
    change: &DismissNotices,
) -> Result<DismissNoticesOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    // Also has two dismissals of the same notices come one after the other.
    locks::users(&mut transaction, Some(&change.actor), &[change.user]).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    if let Err(outcome) = change.decide(actor.as_ref()) {
        return Ok(outcome);
    }
    let dismissed = sqlx::query("DELETE FROM notices WHERE user_id = $1 AND at <= $2")
        .bind(change.user.uuid())
        .bind(change.up_to.to_datetime())
        .execute(&mut *transaction)
        .await
        .map_err(store_error)?
        .rows_affected();
    if dismissed > 0 {
        audit::insert(&mut transaction, &change.audit).await?;
    }
    transaction.commit().await.map_err(store_error)?;
    Ok(DismissNoticesOutcome::Dismissed(dismissed))
}

async fn begin_instance(
    connection: &mut PgConnection,
    change: &CreateFirstAdmin,
) -> Result<FirstAdminOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    locks::newcomers(&mut transaction).await?;
    if anybody(&mut transaction).await? {
        return Ok(FirstAdminOutcome::InstanceHasUsers);
    }
    for invite in invites::lock_unclaimed(&mut transaction, None).await? {
        if let Some(withdrawn) = change.withdraws(&invite) {
            invites::update(&mut transaction, &withdrawn).await?;
        }
    }
    insert(&mut transaction, &change.user, None).await?;
    tokens::insert(&mut transaction, &change.token, &change.digest).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(FirstAdminOutcome::Created)
}

async fn change_standing(
    connection: &mut PgConnection,
    change: &ChangeUser,
) -> Result<ChangeUserOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    // One such change after the other, whomever they concern: the rows of those who are
    // administrators now would leave out who becomes one while this waits for them.
    locks::named(&mut transaction, &["standing of users".to_owned()]).await?;
    locks::users(&mut transaction, Some(&change.actor), &[change.user]).await?;
    locks::runs_of_owner(&mut transaction, change.user, change.actor.now).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    let user = to_change(&mut transaction, change.user).await?;
    let others = other_active_admins(&mut transaction, change.user).await?;
    let runs = agent_runs::of_owner(&mut transaction, change.user, change.actor.now).await?;
    let decision = match change.decide(actor.as_ref(), user.as_ref(), others, &runs) {
        Ok(decision) => decision,
        Err(outcome) => return Ok(outcome),
    };
    update_standing(&mut transaction, &decision.user).await?;
    agent_runs::end(&mut transaction, &decision.runs, &runs).await?;
    if decision.end_access {
        sessions::end(&mut transaction, change.user, Ended::All).await?;
        links::void(&mut transaction, change.user, change.actor.now).await?;
    }
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(ChangeUserOutcome::Changed(decision.user))
}

/// Whether there is any user at all.
pub(crate) async fn anybody(connection: &mut PgConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users)")
        .fetch_one(connection)
        .await
        .map_err(store_error)
}

/// Whether the address with this key has an account.
pub(crate) async fn is_taken(
    connection: &mut PgConnection,
    email_key: &str,
) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users WHERE email_key = $1)")
        .bind(email_key)
        .fetch_one(connection)
        .await
        .map_err(store_error)
}

pub(crate) async fn by_id(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    sqlx::query(select_user!("u.id = $1"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::user)
        .transpose()
}

/// The same where there may be nobody to look for: what the operator made has no creator.
pub(crate) async fn by_optional_id(
    connection: &mut PgConnection,
    id: Option<UserId>,
) -> Result<Option<User>, StoreError> {
    match id {
        Some(id) => by_id(connection, id).await,
        None => Ok(None),
    }
}

async fn to_change(connection: &mut PgConnection, id: UserId) -> Result<Option<User>, StoreError> {
    let found = sqlx::query(select_user!("u.id = $1"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?;
    Ok(found.as_ref().map(rows::user_to_change))
}

pub(crate) async fn account_by_id(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<Option<Account>, StoreError> {
    sqlx::query(select_account!("u.id = $1"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::account)
        .transpose()
}

/// Counted here and not in SQL: who is an active administrator is the domain's to say.
async fn other_active_admins(
    connection: &mut PgConnection,
    than: UserId,
) -> Result<u32, StoreError> {
    let found = sqlx::query(select_user!("u.role = 'admin' AND u.id <> $1"))
        .bind(than.uuid())
        .fetch_all(connection)
        .await
        .map_err(store_error)?;
    // A user whose row is damaged administers nothing.
    let admins = Listing::read(found.iter().map(rows::user))?;
    let active = admins.iter().filter(|user| user.is_active_admin()).count();
    Ok(u32::try_from(active).unwrap_or(u32::MAX))
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    user: &User,
    password: Option<&PasswordHash>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (id, email, email_key, name, role, created_at, suspended_at, \
         password_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(user.id.uuid())
    .bind(user.email.as_str())
    .bind(user.email.key())
    .bind(user.name.as_str())
    .bind(user.role.as_str())
    .bind(user.created_at.to_datetime())
    .bind(user.suspended_at.map(Timestamp::to_datetime))
    .bind(password.map(PasswordHash::as_stored))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Writes what a suspension or another role changes of a user.
async fn update_standing(connection: &mut PgConnection, user: &User) -> Result<(), StoreError> {
    let updated = sqlx::query("UPDATE users SET role = $2, suspended_at = $3 WHERE id = $1")
        .bind(user.id.uuid())
        .bind(user.role.as_str())
        .bind(user.suspended_at.map(Timestamp::to_datetime))
        .execute(connection)
        .await
        .map_err(store_error)?
        .rows_affected();
    rows::exactly_one(updated, "user")
}

pub(crate) async fn set_password(
    connection: &mut PgConnection,
    user: UserId,
    hash: &PasswordHash,
) -> Result<(), StoreError> {
    let updated = sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
        .bind(user.uuid())
        .bind(hash.as_stored())
        .execute(connection)
        .await
        .map_err(store_error)?
        .rows_affected();
    rows::exactly_one(updated, "user")
}
