//! [`UserStore`] on PostgreSQL.

use async_trait::async_trait;
use openindex_domain::clock::Timestamp;
use openindex_domain::session::SessionSelection;
use openindex_domain::user::{
    Account, ChangeUser, ChangeUserOutcome, CreateFirstAdmin, CreateFirstAdminOutcome, DeleteUser,
    DeleteUserFacts, DeleteUserOutcome, DismissNotices, DismissNoticesOutcome, Email, ListedUser,
    Notice, NoticeAbout, PasswordHash, User, UserId, UserKey, UserQuery, UserSeek, UserSort,
    UserStore,
};
use openindex_domain::{Listing, StoreError};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::error::store_error;
use crate::rows::{select_account, select_user, user_columns};
use crate::store::begin;
use crate::{
    PostgresStore, acting, agent_runs, audit, invites, locks, rows, sessions, sign_in_links, tokens,
};

#[async_trait]
impl UserStore for PostgresStore {
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<CreateFirstAdminOutcome, StoreError> {
        self.call(move |connection| {
            Box::pin(async move { create_first_admin(connection, &change).await })
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
                sqlx::query(select_account!("u.email_key = $1 AND u.deleted_at IS NULL"))
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
                let found = sqlx::query(select_user!(
                    "u.id > $1 AND u.deleted_at IS NULL ORDER BY u.id LIMIT $2"
                ))
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

    async fn search_users(
        &self,
        query: &UserQuery,
        now: Timestamp,
        seek: Option<UserSeek>,
        limit: u32,
    ) -> Result<Listing<ListedUser>, StoreError> {
        let query = query.clone();
        self.browse(move |connection| {
            Box::pin(async move {
                let mut query = search(&query, now, seek.as_ref());
                query.push(" LIMIT ").push_bind(i64::from(limit));
                let found = query.build().fetch_all(connection).await;
                Listing::read(found.map_err(store_error)?.iter().map(rows::listed_user))
            })
        })
        .await
    }

    async fn change_user(&self, change: ChangeUser) -> Result<ChangeUserOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { change_user(connection, &change).await }))
            .await
    }

    async fn delete_user(&self, change: DeleteUser) -> Result<DeleteUserOutcome, StoreError> {
        self.call(move |connection| Box::pin(async move { delete(connection, &change).await }))
            .await
    }

    async fn notices(&self, user: UserId) -> Result<Vec<Notice>, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                let mut notices = sqlx::query(
                    "SELECT token, token_name, at, client_address, revoked FROM notices WHERE user_id = $1",
                )
                .bind(user.uuid())
                .fetch_all(connection)
                .await
                .map_err(store_error)?
                .iter()
                .map(rows::notice)
                .filter_map(Result::ok)
                .collect::<Vec<Notice>>();
                Notice::sort(&mut notices);
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

/// In the collation `C` only ASCII letters have a case, in any locale of the database.
const LOWER_NAME: &str = r#"lower(u.name COLLATE "C")"#;
const LOWER_EMAIL: &str = r#"lower(u.email COLLATE "C")"#;

/// Returns a query for [`ListedUser`]s without its limit. Sessions, tokens and the audit log say
/// when a user was last seen; an index finds the latest of each.
fn search(query: &UserQuery, now: Timestamp, seek: Option<&UserSeek>) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(concat!(
        "SELECT ",
        user_columns!(),
        ", u.live_tokens, u.seen_at FROM (SELECT u.*, \
         coalesce((1000 * extract(epoch FROM greatest(\
             (SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id), \
             (SELECT max(t.last_used_at) FROM tokens t \
              WHERE t.owner_id = u.id AND t.kind = 'personal'), \
             (SELECT e.at FROM audit_events e \
              WHERE e.actor_user = 'usr_' || replace(u.id::text, '-', '') \
              ORDER BY e.at DESC, e.id DESC LIMIT 1))))::bigint, -1) AS seen_at, \
         (SELECT count(*) FROM tokens t WHERE t.owner_id = u.id AND t.kind = 'personal' \
          AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > "
    ));
    sql.push_bind(now.to_datetime());
    sql.push(")) AS live_tokens FROM users u WHERE u.deleted_at IS NULL) u WHERE true");
    if let Some(search) = &query.search {
        let mut either = " AND (";
        for part in search.spellings() {
            for text in [LOWER_NAME, LOWER_EMAIL, "u.email_key"] {
                sql.push(either).push("strpos(").push(text).push(", ");
                sql.push_bind(part.clone()).push(") > 0");
                either = " OR ";
            }
        }
        sql.push(")");
    }
    let key = match query.sort {
        UserSort::Joined | UserSort::Newest => None,
        UserSort::Name => Some(LOWER_NAME),
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

async fn dismiss(
    connection: &mut PgConnection,
    change: &DismissNotices,
) -> Result<DismissNoticesOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    // Also serializes two dismissals of the same notices.
    locks::users(&mut transaction, Some(&change.actor), &[change.user]).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    if let Err(outcome) = change.decide(actor.as_ref()) {
        return Ok(outcome);
    }
    let dismissed = sqlx::query(
        "DELETE FROM notices WHERE user_id = $1 AND at <= $2 \
         AND (token NOT LIKE 'lnk%' OR $3::timestamptz IS NULL OR at < $3)",
    )
    .bind(change.user.uuid())
    .bind(change.up_to.to_datetime())
    .bind(change.signed_in_at.map(Timestamp::to_datetime))
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

/// Creates notices for users; the owner of a damaged token may not exist.
pub(crate) async fn notify(
    connection: &mut PgConnection,
    notices: &[(UserId, Notice)],
) -> Result<(), StoreError> {
    let about = || notices.iter().map(|(_, notice)| &notice.about);
    let users: Vec<Uuid> = notices.iter().map(|(user, _)| user.uuid()).collect();
    let ids: Vec<String> = about().map(NoticeAbout::id).collect();
    let names: Vec<&str> = about().map(NoticeAbout::token_name).collect();
    let at: Vec<_> = notices
        .iter()
        .map(|(_, notice)| notice.at.to_datetime())
        .collect();
    let from: Vec<Option<String>> = about()
        .map(|about| about.client_address().map(|from| from.to_string()))
        .collect();
    let revoked: Vec<Option<i64>> = about()
        .map(|about| about.revoked().map(u64::cast_signed))
        .collect();
    sqlx::query(
        "INSERT INTO notices (user_id, token, token_name, at, client_address, revoked) \
         SELECT told.user_id, told.id, told.name, told.at, told.client_address, told.revoked \
         FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], \
                     $6::bigint[]) \
         AS told (user_id, id, name, at, client_address, revoked) \
         JOIN users ON users.id = told.user_id",
    )
    .bind(users)
    .bind(ids)
    .bind(names)
    .bind(at)
    .bind(from)
    .bind(revoked)
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

async fn create_first_admin(
    connection: &mut PgConnection,
    change: &CreateFirstAdmin,
) -> Result<CreateFirstAdminOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    locks::new_users(&mut transaction).await?;
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
    transaction.commit().await.map_err(store_error)?;
    Ok(CreateFirstAdminOutcome::Created)
}

/// The name of the lock that serializes all changes of who is an active administrator.
const ADMINISTRATORS: &str = "administrators";

async fn change_user(
    connection: &mut PgConnection,
    change: &ChangeUser,
) -> Result<ChangeUserOutcome, StoreError> {
    let mut transaction = begin(connection).await?;
    // Serialized for all users: locking the rows of today's administrators would miss a user who
    // becomes one while this waits.
    locks::named(&mut transaction, &[ADMINISTRATORS.to_owned()]).await?;
    locks::users(&mut transaction, Some(&change.actor), &[change.user]).await?;
    let (holder, open) = match change.new_email().map(Email::key) {
        Some(key) => {
            // No other user joins or is invited with this address meanwhile.
            locks::new_users(&mut transaction).await?;
            (
                id_by_email_key(&mut transaction, &key).await?,
                invites::unclaimed(&mut transaction, Some(&key)).await?,
            )
        }
        None => (None, Listing::default()),
    };
    locks::runs_of_owner(&mut transaction, change.user, change.actor.now).await?;
    let actor = acting::record(&mut transaction, &change.actor).await?;
    let user = for_change(&mut transaction, change.user).await?;
    let others = other_active_admins(&mut transaction, change.user).await?;
    let runs = agent_runs::of_owner(&mut transaction, change.user, change.actor.now).await?;
    let user = user.as_ref();
    let decision = match change.decide(actor.as_ref(), user, others, &runs, holder, &open) {
        Ok(decision) => decision,
        Err(outcome) => return Ok(outcome),
    };
    for withdrawn in &decision.withdrawn {
        invites::update(&mut transaction, withdrawn).await?;
    }
    update(&mut transaction, &decision.user).await?;
    agent_runs::end(&mut transaction, &decision.runs, &runs).await?;
    if decision.end_sessions {
        sessions::end(&mut transaction, change.user, SessionSelection::All).await?;
    }
    if decision.delete_links {
        sign_in_links::invalidate(&mut transaction, change.user).await?;
    }
    let notice = decision.notice.map(|notice| (change.user, notice));
    notify(&mut transaction, notice.as_slice()).await?;
    audit::insert_all(&mut transaction, &decision.events).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(ChangeUserOutcome::Changed(decision.user))
}

async fn delete(
    connection: &mut PgConnection,
    change: &DeleteUser,
) -> Result<DeleteUserOutcome, StoreError> {
    let (id, now) = (change.user, change.actor.now);
    let mut transaction = begin(connection).await?;
    locks::named(&mut transaction, &[ADMINISTRATORS.to_owned()]).await?;
    locks::users(&mut transaction, Some(&change.actor), &[id]).await?;
    locks::tokens_of_owner(&mut transaction, id).await?;
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
    erase(&mut transaction, change, &facts).await?;
    audit::insert_all(&mut transaction, &events).await?;
    audit::insert(&mut transaction, &change.audit).await?;
    transaction.commit().await.map_err(store_error)?;
    Ok(DeleteUserOutcome::Deleted)
}

/// What a deletion removes besides the columns of the user's own row. `$1` is the user.
const ERASED: [&str; 5] = [
    "DELETE FROM sessions WHERE user_id = $1",
    "DELETE FROM sign_in_links WHERE user_id = $1",
    "DELETE FROM sign_in_links WHERE created_by = $1 AND used_at IS NULL",
    "DELETE FROM notices WHERE user_id = $1",
    "DELETE FROM invites WHERE claimed_by = $1",
];

/// Deletes or ends everything that belongs to the user. Damaged rows are deleted, never updated:
/// the database checks an updated row as a whole.
async fn erase(
    connection: &mut PgConnection,
    change: &DeleteUser,
    facts: &DeleteUserFacts,
) -> Result<(), StoreError> {
    let (id, now) = (change.user.uuid(), change.actor.now);
    let user = facts.user.as_ref();
    tokens::write_ends(connection, &facts.tokens.damaged(), &facts.tokens).await?;
    // Tokens that have expired by every clock stay expired.
    sqlx::query(
        "UPDATE tokens SET revoked_at = $2 WHERE owner_id = $1 AND revoked_at IS NULL \
         AND (expires_at IS NULL OR expires_at > $3)",
    )
    .bind(id)
    .bind(now.to_datetime())
    .bind(agent_runs::horizon(now))
    .execute(&mut *connection)
    .await
    .map_err(store_error)?;
    for invite in facts.damaged_invites() {
        invites::delete(connection, invite).await?;
    }
    sqlx::query(
        "UPDATE invites SET withdrawn_at = $2 \
         WHERE created_by = $1 AND claimed_at IS NULL AND withdrawn_at IS NULL",
    )
    .bind(id)
    .bind(now.to_datetime())
    .execute(&mut *connection)
    .await
    .map_err(store_error)?;
    for statement in ERASED {
        let query = sqlx::query(statement).bind(id);
        query.execute(&mut *connection).await.map_err(store_error)?;
    }
    sqlx::query("DELETE FROM invites WHERE email_key = $1")
        .bind(user.map(|user| user.email.key()))
        .execute(&mut *connection)
        .await
        .map_err(store_error)?;
    let suspended_at = user.and_then(|user| user.suspended_at).unwrap_or(now);
    // The id is no address's key, so the former address becomes available.
    let erased = sqlx::query(
        "UPDATE users SET email = '', name = '', email_key = $3, role = 'member', \
         password_hash = NULL, suspended_at = $4, deleted_at = $2 \
         WHERE id = $1",
    )
    .bind(id)
    .bind(now.to_datetime())
    .bind(change.user.to_string())
    .bind(suspended_at.to_datetime())
    .execute(connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    rows::exactly_one(erased, "user")
}

/// Recomputes the keys of addresses that were created by an earlier rule, so that they are found.
/// If another user already has the new key, both rows stay unchanged and the log names the users:
/// no rule says whose address it is. Keys of ASCII addresses never change.
pub(crate) async fn renew_email_keys(connection: &mut PgConnection) -> Result<(), StoreError> {
    let earlier: Vec<(Uuid, String, String)> = sqlx::query_as(
        "SELECT id, email, email_key FROM users \
         WHERE deleted_at IS NULL AND octet_length(email_key) <> char_length(email_key) ORDER BY id",
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
            "UPDATE users SET email_key = $2 WHERE id = $1",
            id,
            &key,
        )
        .await?;
    }
    let earlier: Vec<(Uuid, String, String)> = sqlx::query_as(
        "SELECT id, email, email_key FROM invites WHERE octet_length(email_key) <> char_length(email_key)",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(store_error)?;
    for (id, key) in earlier.iter().filter_map(renewed_key) {
        set_email_key(
            connection,
            "UPDATE invites SET email_key = $2 WHERE id = $1",
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
    connection: &mut PgConnection,
    statement: &'static str,
    id: Uuid,
    key: &str,
) -> Result<(), StoreError> {
    let query = sqlx::query(statement).bind(id).bind(key);
    query.execute(connection).await.map_err(store_error)?;
    Ok(())
}

/// Returns whether there are any users, deleted ones included.
pub(crate) async fn has_users(connection: &mut PgConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users)")
        .fetch_one(connection)
        .await
        .map_err(store_error)
}

/// Returns the user with this email key.
pub(crate) async fn id_by_email_key(
    connection: &mut PgConnection,
    email_key: &str,
) -> Result<Option<UserId>, StoreError> {
    let id: Option<Uuid> = sqlx::query_scalar("SELECT id FROM users WHERE email_key = $1")
        .bind(email_key)
        .fetch_optional(connection)
        .await
        .map_err(store_error)?;
    Ok(id.map(UserId::from_uuid))
}

pub(crate) async fn by_id(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    sqlx::query(select_user!("u.id = $1 AND u.deleted_at IS NULL"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .as_ref()
        .map(rows::user)
        .transpose()
}

/// Like [`by_id`], but `None` without an id (what the operator created has no creator) and for a
/// damaged row: that user vouches for nothing and is assigned nothing.
pub(crate) async fn by_optional_id(
    connection: &mut PgConnection,
    id: Option<UserId>,
) -> Result<Option<User>, StoreError> {
    match id {
        Some(id) => StoreError::ignore_damaged(by_id(connection, id).await),
        None => Ok(None),
    }
}

async fn for_change(connection: &mut PgConnection, id: UserId) -> Result<Option<User>, StoreError> {
    let found = sqlx::query(select_user!("u.id = $1 AND u.deleted_at IS NULL"))
        .bind(id.uuid())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?;
    Ok(found.as_ref().map(rows::user_for_change))
}

pub(crate) async fn account_by_id(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<Option<Account>, StoreError> {
    sqlx::query(select_account!("u.id = $1 AND u.deleted_at IS NULL"))
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
    connection: &mut PgConnection,
    than: UserId,
) -> Result<u32, StoreError> {
    let found = sqlx::query(select_user!(
        "u.role = 'admin' AND u.id <> $1 AND u.deleted_at IS NULL"
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

/// Writes the columns that an update or a suspension changes.
async fn update(connection: &mut PgConnection, user: &User) -> Result<(), StoreError> {
    let updated = sqlx::query(
        "UPDATE users SET role = $2, suspended_at = $3, email = $4, email_key = $5, \
         name = $6 WHERE id = $1",
    )
    .bind(user.id.uuid())
    .bind(user.role.as_str())
    .bind(user.suspended_at.map(Timestamp::to_datetime))
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
