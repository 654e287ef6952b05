//! [`UserStore`] on SQLite.

use async_trait::async_trait;
use openindex_domain::agent_run::EndedRuns;
use openindex_domain::clock::Timestamp;
use openindex_domain::session::SessionSelection;
use openindex_domain::user::{
    Account, ChangeUser, ChangeUserOutcome, CreateFirstAdmin, CreateFirstAdminOutcome, DeleteUser,
    DeleteUserFacts, DeleteUserOutcome, DismissNotices, DismissNoticesOutcome, Email, ListedUser,
    Notice, PasswordHash, User, UserId, UserKey, UserQuery, UserSeek, UserSort, UserStore,
};
use openindex_domain::{Listing, StoreError};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqliteExecutor};
use uuid::Uuid;

use crate::error::store_error;
use crate::rows::{select_account, select_user, user_columns};
use crate::{
    SqliteStore, acting, agent_runs, audit, invites, rows, sessions, sign_in_links, tokens,
};

#[async_trait]
impl UserStore for SqliteStore {
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<CreateFirstAdminOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        if has_users(&mut transaction).await? {
            return Ok(CreateFirstAdminOutcome::InstanceHasUsers);
        }
        for invite in invites::unclaimed(&mut transaction, None).await? {
            if let Some(withdrawn) = change.withdraws(&invite) {
                invites::update(&mut transaction, &withdrawn).await?;
            }
        }
        insert(&mut transaction, &change.user, None).await?;
        tokens::insert(&mut transaction, &change.token, &change.digest).await?;
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await?;
        Ok(CreateFirstAdminOutcome::Created)
    }

    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError> {
        by_id(self.readers()?, id).await
    }

    async fn account(&self, email_key: &str) -> Result<Option<Account>, StoreError> {
        // One row is found and read for every address, so that the time does not reveal whether the
        // account exists.
        let row = sqlx::query(concat!(
            select_account!("u.email_key = ?1 AND u.deleted_at IS NULL"),
            " UNION ALL SELECT zeroblob(16), 'nobody@example.com', 'Nobody', 'member', 0, NULL, NULL, \
             '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
             AAAAAAAAA' LIMIT 1"
        ))
        .bind(email_key)
        .fetch_one(self.readers()?)
        .await
        .map_err(store_error)?;
        let account = rows::account(&row)?;
        Ok(Some(account).filter(|account| !account.user.id.uuid().is_nil()))
    }

    async fn page(&self, after: Option<UserId>, limit: u32) -> Result<Listing<User>, StoreError> {
        let found = sqlx::query(select_user!(
            "u.id > ?1 AND u.deleted_at IS NULL ORDER BY u.id LIMIT ?2"
        ))
        // An empty value sorts before every id.
        .bind(after.map_or_else(Vec::new, |id| id.uuid().as_bytes().to_vec()))
        .bind(limit)
        .fetch_all(self.readers()?)
        .await
        .map_err(store_error)?;
        Listing::read(found.iter().map(rows::user))
    }

    async fn search_users(
        &self,
        query: &UserQuery,
        now: Timestamp,
        seek: Option<UserSeek>,
        limit: u32,
    ) -> Result<Listing<ListedUser>, StoreError> {
        let mut query = search(query, now, seek.as_ref());
        query.push(" LIMIT ").push_bind(limit);
        let mut browsing = self.browse().await?;
        let found = query.build().fetch_all(browsing.connection()).await;
        Listing::read(found.map_err(store_error)?.iter().map(rows::listed_user))
    }

    async fn change_user(&self, change: ChangeUser) -> Result<ChangeUserOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        let user = for_change(&mut transaction, change.user).await?;
        let others = other_active_admins(&mut transaction, change.user).await?;
        let runs = agent_runs::of_owner(&mut transaction, change.user, change.actor.now).await?;
        let (holder, open) = match change.new_email().map(Email::key) {
            Some(key) => (
                id_by_email_key(&mut transaction, &key).await?,
                invites::unclaimed(&mut transaction, Some(&key)).await?,
            ),
            None => (None, Listing::default()),
        };
        let user = user.as_ref();
        let decision = match change.decide(actor.as_ref(), user, others, &runs, holder, &open) {
            Ok(decision) => decision,
            Err(outcome) => return Ok(outcome),
        };
        for withdrawn in &decision.withdrawn {
            invites::update(&mut transaction, withdrawn).await?;
        }
        update(&mut transaction, &decision.user).await?;
        if decision.end_sessions {
            sessions::end(&mut transaction, change.user, SessionSelection::All).await?;
        }
        if decision.delete_links {
            sign_in_links::invalidate(&mut transaction, change.user).await?;
        }
        agent_runs::end(&mut transaction, &decision.runs, &runs).await?;
        if let Some(notice) = &decision.notice {
            notify(&mut transaction, change.user, notice).await?;
        }
        audit::insert_all(&mut transaction, &decision.events).await?;
        transaction.commit().await?;
        Ok(ChangeUserOutcome::Changed(decision.user))
    }

    async fn delete_user(&self, change: DeleteUser) -> Result<DeleteUserOutcome, StoreError> {
        let (id, now) = (change.user, change.actor.now);
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        let user = for_change(&mut transaction, id).await?;
        let facts = DeleteUserFacts {
            other_active_admins: other_active_admins(&mut transaction, id).await?,
            tokens: tokens::unexpired_of_owner(&mut transaction, id, now).await?,
            invites: match &user {
                Some(user) => invites::unclaimed_of_user(&mut transaction, user).await?,
                None => Listing::default(),
            },
            user,
        };
        let events = match change.decide(actor.as_ref(), &facts) {
            Ok(events) => events,
            Err(outcome) => return Ok(outcome),
        };
        erase(&mut transaction, &change, &facts).await?;
        audit::insert_all(&mut transaction, &events).await?;
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await?;
        Ok(DeleteUserOutcome::Deleted)
    }

    async fn notices(&self, user: UserId) -> Result<Vec<Notice>, StoreError> {
        let mut notices = sqlx::query(
            "SELECT token, token_name, at, client_address, revoked FROM notices WHERE user_id = ?1",
        )
        .bind(user.uuid())
        .fetch_all(self.readers()?)
        .await
        .map_err(store_error)?
        .iter()
        .map(rows::notice)
        .filter_map(Result::ok)
        .collect::<Vec<Notice>>();
        Notice::sort(&mut notices);
        Ok(notices)
    }

    async fn dismiss_notices(
        &self,
        change: DismissNotices,
    ) -> Result<DismissNoticesOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let actor = acting::record(&mut transaction, &change.actor).await?;
        if let Err(outcome) = change.decide(actor.as_ref()) {
            return Ok(outcome);
        }
        let dismissed = sqlx::query(
            "DELETE FROM notices WHERE user_id = ?1 AND at <= ?2 \
             AND (token NOT LIKE 'lnk%' OR ?3 IS NULL OR at < ?3)",
        )
        .bind(change.user.uuid())
        .bind(change.up_to.unix_millis())
        .bind(change.signed_in_at.map(Timestamp::unix_millis))
        .execute(&mut *transaction)
        .await
        .map_err(store_error)?
        .rows_affected();
        if dismissed > 0 {
            audit::insert(&mut transaction, &change.audit).await?;
        }
        transaction.commit().await?;
        Ok(DismissNoticesOutcome::Dismissed(dismissed))
    }
}

/// Creates a notice for a user; the owner of a damaged token may not exist.
pub(crate) async fn notify(
    connection: &mut SqliteConnection,
    user: UserId,
    notice: &Notice,
) -> Result<(), StoreError> {
    let about = &notice.about;
    sqlx::query(
        "INSERT INTO notices (user_id, token, token_name, at, client_address, revoked) \
         SELECT id, ?2, ?3, ?4, ?5, ?6 FROM users WHERE id = ?1",
    )
    .bind(user.uuid())
    .bind(about.id())
    .bind(about.token_name())
    .bind(notice.at.unix_millis())
    .bind(about.client_address().map(|from| from.to_string()))
    .bind(about.revoked().map(u64::cast_signed))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Returns a query for [`ListedUser`]s without its limit. Sessions, tokens and the audit log say
/// when a user was last seen; an index finds the latest of each.
fn search(query: &UserQuery, now: Timestamp, seek: Option<&UserSeek>) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new(concat!(
        "SELECT ",
        user_columns!(),
        ", u.live_tokens, u.seen_at FROM (SELECT u.*, \
         max(coalesce((SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id), -1), \
             coalesce((SELECT max(t.last_used_at) FROM tokens t \
                       WHERE t.owner_id = u.id AND t.kind = 'personal'), -1), \
             coalesce((SELECT e.at FROM audit_events e \
                       WHERE e.actor_user = 'usr_' || lower(hex(u.id)) \
                       ORDER BY e.at DESC, e.id DESC LIMIT 1), -1)) AS seen_at, \
         (SELECT count(*) FROM tokens t WHERE t.owner_id = u.id AND t.kind = 'personal' \
          AND t.revoked_at IS NULL AND coalesce(t.expires_at, 253402300800000) > "
    ));
    sql.push_bind(now.unix_millis());
    sql.push(") AS live_tokens FROM users u WHERE u.deleted_at IS NULL) u WHERE true");
    if let Some(search) = &query.search {
        let mut either = " AND (";
        for part in search.spellings() {
            for text in ["lower(u.name)", "lower(u.email)", "u.email_key"] {
                sql.push(either).push("instr(").push(text).push(", ");
                sql.push_bind(part.clone()).push(") > 0");
                either = " OR ";
            }
        }
        sql.push(")");
    }
    let key = match query.sort {
        UserSort::Joined | UserSort::Newest => None,
        UserSort::Name => Some("lower(u.name)"),
        UserSort::LastSeen | UserSort::LeastSeen => Some("u.seen_at"),
    };
    let is_back = matches!(seek, Some(UserSeek::Before(_)));
    let (beyond, order) = if query.sort.is_descending() == is_back {
        (" > ", " ASC")
    } else {
        (" < ", " DESC")
    };
    if let Some(cursor) = seek.map(UserSeek::cursor) {
        sql.push(" AND (");
        if let Some(key) = key {
            sql.push(key).push(", ");
        }
        sql.push("u.id)").push(beyond).push("(");
        match &cursor.key {
            UserKey::Id => {}
            UserKey::Name(name) => {
                sql.push_bind(name.clone()).push(", ");
            }
            UserKey::LastSeen(at) => {
                sql.push_bind(at.map_or(-1, Timestamp::unix_millis))
                    .push(", ");
            }
        }
        sql.push_bind(cursor.id.uuid()).push(")");
    }
    sql.push(" ORDER BY ");
    if let Some(key) = key {
        sql.push(key).push(order).push(", ");
    }
    sql.push("u.id").push(order);
    sql
}

/// What a deletion removes besides the columns of the user's own row. `?1` is the user.
const ERASED: [&str; 5] = [
    "DELETE FROM sessions WHERE user_id = ?1",
    "DELETE FROM sign_in_links WHERE user_id = ?1",
    "DELETE FROM sign_in_links WHERE created_by = ?1 AND used_at IS NULL",
    "DELETE FROM notices WHERE user_id = ?1",
    "DELETE FROM invites WHERE claimed_by = ?1",
];

/// Deletes or ends everything that belongs to the user. Damaged rows are deleted, never updated:
/// the database checks an updated row as a whole.
async fn erase(
    connection: &mut SqliteConnection,
    change: &DeleteUser,
    facts: &DeleteUserFacts,
) -> Result<(), StoreError> {
    let (id, now) = (change.user.uuid(), change.actor.now);
    let user = facts.user.as_ref();
    tokens::write_ends(connection, &facts.tokens.damaged(), &facts.tokens).await?;
    // Tokens that have expired by every clock stay expired.
    sqlx::query(
        "UPDATE tokens SET revoked_at = ?2 WHERE owner_id = ?1 AND revoked_at IS NULL \
         AND (expires_at IS NULL OR expires_at > ?3)",
    )
    .bind(id)
    .bind(now.unix_millis())
    .bind(EndedRuns::horizon(now).unix_millis())
    .execute(&mut *connection)
    .await
    .map_err(store_error)?;
    for invite in facts.damaged_invites() {
        invites::delete(connection, invite).await?;
    }
    sqlx::query(
        "UPDATE invites SET withdrawn_at = ?2 \
         WHERE created_by = ?1 AND claimed_at IS NULL AND withdrawn_at IS NULL",
    )
    .bind(id)
    .bind(now.unix_millis())
    .execute(&mut *connection)
    .await
    .map_err(store_error)?;
    for statement in ERASED {
        let query = sqlx::query(statement).bind(id);
        query.execute(&mut *connection).await.map_err(store_error)?;
    }
    sqlx::query("DELETE FROM invites WHERE email_key = ?1")
        .bind(user.map(|user| user.email.key()))
        .execute(&mut *connection)
        .await
        .map_err(store_error)?;
    let suspended_at = user.and_then(|user| user.suspended_at).unwrap_or(now);
    // The id is no address's key, so the former address becomes available.
    let erased = sqlx::query(
        "UPDATE users SET email = '', name = '', email_key = ?3, role = 'member', \
         password_hash = NULL, suspended_at = ?4, deleted_at = ?2 \
         WHERE id = ?1",
    )
    .bind(id)
    .bind(now.unix_millis())
    .bind(change.user.to_string())
    .bind(suspended_at.unix_millis())
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    rows::exactly_one(erased, "user")
}

/// Recomputes the keys of addresses that were created by an earlier rule, so that they are found.
/// If another user already has the new key, both rows stay unchanged and the log names the users:
/// no rule says whose address it is. Keys of ASCII addresses never change.
pub(crate) async fn renew_email_keys(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let earlier: Vec<(Uuid, String, String)> = sqlx::query_as(
        "SELECT id, email, email_key FROM users \
         WHERE deleted_at IS NULL AND length(CAST(email_key AS BLOB)) <> length(email_key) ORDER BY id",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(store_error)?;
    for (id, key) in earlier.iter().filter_map(renewed_key) {
        if let Some(other) = id_by_email_key(connection, &key).await? {
            let user = UserId::from_uuid(id);
            tracing::warn!(
                %user, %other,
                "two users have the same email address; change one: oi settings admin users update"
            );
            continue;
        }
        set_email_key(
            connection,
            "UPDATE users SET email_key = ?2 WHERE id = ?1",
            id,
            &key,
        )
        .await?;
    }
    let earlier: Vec<(Uuid, String, String)> = sqlx::query_as(
        "SELECT id, email, email_key FROM invites WHERE length(CAST(email_key AS BLOB)) <> length(email_key)",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(store_error)?;
    for (id, key) in earlier.iter().filter_map(renewed_key) {
        set_email_key(
            connection,
            "UPDATE invites SET email_key = ?2 WHERE id = ?1",
            id,
            &key,
        )
        .await?;
    }
    Ok(())
}

/// Returns the id of the row and its new key, or `None` if the key is current.
fn renewed_key((id, email, key): &(Uuid, String, String)) -> Option<(Uuid, String)> {
    let renewed = Email::from_stored(email).key();
    (renewed != *key).then_some((*id, renewed))
}

async fn set_email_key(
    connection: &mut SqliteConnection,
    statement: &'static str,
    id: Uuid,
    key: &str,
) -> Result<(), StoreError> {
    let query = sqlx::query(statement).bind(id).bind(key);
    query.execute(connection).await.map_err(store_error)?;
    Ok(())
}

/// Returns whether there are any users, deleted ones included.
pub(crate) async fn has_users(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users)")
        .fetch_one(connection)
        .await
        .map_err(store_error)
}

/// Returns the user with this email key.
pub(crate) async fn id_by_email_key(
    connection: &mut SqliteConnection,
    email_key: &str,
) -> Result<Option<UserId>, StoreError> {
    let id: Option<Uuid> = sqlx::query_scalar("SELECT id FROM users WHERE email_key = ?1")
        .bind(email_key)
        .fetch_optional(connection)
        .await
        .map_err(store_error)?;
    Ok(id.map(UserId::from_uuid))
}

pub(crate) async fn by_id(
    executor: impl SqliteExecutor<'_>,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    sqlx::query(select_user!("u.id = ?1 AND u.deleted_at IS NULL"))
        .bind(id.uuid())
        .fetch_optional(executor)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::user)
        .transpose()
}

async fn for_change(
    connection: &mut SqliteConnection,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    let found = sqlx::query(select_user!("u.id = ?1 AND u.deleted_at IS NULL"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?;
    Ok(found.as_ref().map(rows::user_for_change))
}

/// Like [`by_id`], but `None` without an id (what the operator created has no creator) and for a
/// damaged row: that user vouches for nothing and is assigned nothing.
pub(crate) async fn by_optional_id(
    connection: &mut SqliteConnection,
    id: Option<UserId>,
) -> Result<Option<User>, StoreError> {
    match id {
        Some(id) => StoreError::ignore_damaged(by_id(connection, id).await),
        None => Ok(None),
    }
}

pub(crate) async fn account_by_id(
    connection: &mut SqliteConnection,
    id: UserId,
) -> Result<Option<Account>, StoreError> {
    sqlx::query(select_account!("u.id = ?1 AND u.deleted_at IS NULL"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::account)
        .transpose()
}

/// Counts the active administrators other than this user. The domain decides who is one, not SQL.
async fn other_active_admins(
    connection: &mut SqliteConnection,
    than: UserId,
) -> Result<u32, StoreError> {
    let found = sqlx::query(select_user!(
        "u.role = 'admin' AND u.id <> ?1 AND u.deleted_at IS NULL"
    ))
    .bind(than.uuid())
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    // A user whose row is damaged is no administrator.
    let admins = Listing::read(found.iter().map(rows::user))?;
    let active = admins.iter().filter(|user| user.is_active_admin()).count();
    Ok(u32::try_from(active).unwrap_or(u32::MAX))
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    user: &User,
    password: Option<&PasswordHash>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (id, email, email_key, name, role, created_at, suspended_at, \
         password_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .bind(user.id.uuid())
    .bind(user.email.as_str())
    .bind(user.email.key())
    .bind(user.name.as_str())
    .bind(user.role.as_str())
    .bind(user.created_at.unix_millis())
    .bind(user.suspended_at.map(Timestamp::unix_millis))
    .bind(password.map(PasswordHash::as_stored))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Writes the columns that an update or a suspension changes.
async fn update(connection: &mut SqliteConnection, user: &User) -> Result<(), StoreError> {
    let updated = sqlx::query(
        "UPDATE users SET role = ?2, suspended_at = ?3, email = ?4, email_key = ?5, \
         name = ?6 WHERE id = ?1",
    )
    .bind(user.id.uuid())
    .bind(user.role.as_str())
    .bind(user.suspended_at.map(Timestamp::unix_millis))
    .bind(user.email.as_str())
    .bind(user.email.key())
    .bind(user.name.as_str())
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    rows::exactly_one(updated, "user")
}

pub(crate) async fn set_password(
    connection: &mut SqliteConnection,
    user: UserId,
    hash: &PasswordHash,
) -> Result<(), StoreError> {
    let updated = sqlx::query("UPDATE users SET password_hash = ?2 WHERE id = ?1")
        .bind(user.uuid())
        .bind(hash.as_stored())
        .execute(connection)
        .await
        .map_err(store_error)?
        .rows_affected();
    rows::exactly_one(updated, "user")
}
