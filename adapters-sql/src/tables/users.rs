//! The table of users. A deleted user keeps a row without an address or a name.

use openindex_domain::clock::Timestamp;
use openindex_domain::user::{
    Account, Email, ListedUser, PasswordHash, User, UserId, UserKey, UserQuery, UserSeek, UserSort,
};
use openindex_domain::{Listing, StoreError};
use uuid::Uuid;

use crate::row::{Row as _, get};
use crate::rows::{self, USER_COLUMNS};
use crate::schema::INSERT_USER;
use crate::{Database, Lock, Result, Statement, Tx};

const BY_ID: &str = "u.id = $1 AND u.deleted_at IS NULL";

fn select(condition: &str) -> Statement {
    Statement::new(format!(
        "SELECT {USER_COLUMNS} FROM users u WHERE {condition}"
    ))
}

fn select_account(condition: &str) -> Statement {
    Statement::new(format!(
        "SELECT {USER_COLUMNS}, u.password_hash FROM users u WHERE {condition}"
    ))
}

pub(crate) async fn by_id<D: Database>(tx: &mut Tx<'_, D>, id: UserId) -> Result<Option<User>> {
    tx.one(select(BY_ID).bind(id), rows::user).await
}

/// Like [`by_id`], but `None` without an id (what the operator created has no creator) and for a
/// damaged row: that user vouches for nothing and is assigned nothing.
pub(crate) async fn by_optional_id<D: Database>(
    tx: &mut Tx<'_, D>,
    id: Option<UserId>,
) -> Result<Option<User>> {
    match id {
        Some(id) => StoreError::ignore_damaged(by_id(tx, id).await),
        None => Ok(None),
    }
}

/// Returns a user to be changed, even from a damaged row.
pub(crate) async fn for_change<D: Database>(
    tx: &mut Tx<'_, D>,
    id: UserId,
) -> Result<Option<User>> {
    let row = tx.row(select(BY_ID).bind(id)).await?;
    Ok(row.as_ref().map(rows::user_for_change))
}

pub(crate) async fn account_by_id<D: Database>(
    tx: &mut Tx<'_, D>,
    id: UserId,
) -> Result<Option<Account>> {
    tx.one(select_account(BY_ID).bind(id), rows::account).await
}

/// Returns the account with this email key. One row is found and read for every address, so that
/// the time does not reveal whether the account exists.
pub(crate) async fn account_by_email_key<D: Database>(
    tx: &mut Tx<'_, D>,
    key: &str,
) -> Result<Option<Account>> {
    let mut statement = select_account("u.email_key = $1 AND u.deleted_at IS NULL").bind(key);
    statement.push(" UNION ALL SELECT ");
    statement.push_bind(Uuid::nil());
    statement.push(", 'nobody@example.com', 'Nobody', 'member', ");
    statement.push_bind(Timestamp::MAX);
    statement.push(
        ", NULL, NULL, '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
         AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' LIMIT 1",
    );
    let account = tx.one(statement, rows::account).await?;
    Ok(account.filter(|account| !account.user.id.uuid().is_nil()))
}

/// Returns the user with this email key.
pub(crate) async fn id_by_email_key<D: Database>(
    tx: &mut Tx<'_, D>,
    key: &str,
) -> Result<Option<UserId>> {
    let statement = Statement::new("SELECT id FROM users WHERE email_key = $1").bind(key);
    let row = tx.row(statement).await?;
    Ok(row.map(|row| UserId::from_uuid(row.any_uuid("id"))))
}

/// Returns whether there are any users, deleted ones included.
pub(crate) async fn exist<D: Database>(tx: &mut Tx<'_, D>) -> Result<bool> {
    let row = tx
        .row(Statement::new("SELECT id FROM users LIMIT 1"))
        .await?;
    Ok(row.is_some())
}

pub(crate) async fn page<D: Database>(
    tx: &mut Tx<'_, D>,
    after: Option<UserId>,
    limit: u32,
) -> Result<Listing<User>> {
    // The nil UUID comes before every id.
    let statement = select("u.id > $1 AND u.deleted_at IS NULL ORDER BY u.id LIMIT $2")
        .bind(after.map_or(Uuid::nil(), UserId::uuid))
        .bind(limit);
    tx.list(statement, rows::user).await
}

/// Counts the active administrators other than this user. The domain decides who is one, not SQL.
pub(crate) async fn other_active_admins<D: Database>(
    tx: &mut Tx<'_, D>,
    than: UserId,
) -> Result<u32> {
    let statement = select("u.role = 'admin' AND u.id <> $1 AND u.deleted_at IS NULL").bind(than);
    // A user whose row is damaged is no administrator.
    let admins = tx.list(statement, rows::user).await?;
    let active = admins.iter().filter(|user| user.is_active_admin()).count();
    Ok(u32::try_from(active).unwrap_or(u32::MAX))
}

pub(crate) async fn search<D: Database>(
    tx: &mut Tx<'_, D>,
    query: &UserQuery,
    now: Timestamp,
    seek: Option<&UserSeek>,
    limit: u32,
) -> Result<Listing<ListedUser>> {
    let (name, email) = (D::lower("u.name"), D::lower("u.email"));
    let mut sql = Statement::new(format!(
        "SELECT {USER_COLUMNS}, u.live_tokens, u.seen_at FROM (SELECT u.*, {} AS seen_at, \
         (SELECT count(*) FROM tokens t WHERE t.owner_id = u.id AND t.kind = 'personal' \
          AND t.revoked_at IS NULL AND {} > ",
        D::SEEN_AT,
        D::EXPIRES_AT
    ));
    sql.push_bind(now);
    sql.push(") AS live_tokens FROM users u WHERE u.deleted_at IS NULL) u WHERE TRUE");
    if let Some(search) = &query.search {
        let mut either = " AND (";
        for part in search.spellings() {
            for text in [name.as_str(), &email, "u.email_key"] {
                let part = sql.add(part.clone());
                sql.push(either).push(&D::contains(text, &part));
                either = " OR ";
            }
        }
        sql.push(")");
    }
    let key = match query.sort {
        UserSort::Joined | UserSort::Newest => "",
        UserSort::Name => &format!("{name}, "),
        UserSort::LastSeen | UserSort::LeastSeen => "u.seen_at, ",
    };
    let is_back = matches!(seek, Some(UserSeek::Before(_)));
    let (beyond, order) = if query.sort.is_descending() == is_back {
        (">", "ASC")
    } else {
        ("<", "DESC")
    };
    if let Some(cursor) = seek.map(UserSeek::cursor) {
        sql.push(&format!(" AND ({key}u.id) {beyond} ("));
        match &cursor.key {
            UserKey::Id => {}
            UserKey::Name(name) => {
                sql.push_bind(name.clone()).push(", ");
            }
            UserKey::LastSeen(at) => {
                let millis = at.map_or(-1, Timestamp::unix_millis);
                sql.push_bind(millis).push(", ");
            }
        }
        sql.push_bind(cursor.id).push(")");
    }
    let key = key.replace(',', &format!(" {order},"));
    sql.push(&format!(" ORDER BY {key}u.id {order} LIMIT "));
    sql.push_bind(limit);
    tx.list(sql, rows::listed_user).await
}

/// Returns the statement that inserts a user who is not deleted.
pub(crate) fn inserted(user: &User, password: Option<&PasswordHash>) -> Statement {
    Statement::new(INSERT_USER.as_str())
        .bind(user.id)
        .bind(user.email.as_str())
        .bind(user.email.key())
        .bind(user.name.as_str())
        .bind(user.role.as_str())
        .bind(user.created_at)
        .bind(user.suspended_at)
        .bind(password.map(PasswordHash::as_stored))
        .bind(None::<Timestamp>)
}

pub(crate) async fn insert<D: Database>(
    tx: &mut Tx<'_, D>,
    user: &User,
    password: Option<&PasswordHash>,
) -> Result<()> {
    tx.execute_one(inserted(user, password), "user").await
}

/// Writes the columns that an update or a suspension changes.
pub(crate) async fn update<D: Database>(tx: &mut Tx<'_, D>, user: &User) -> Result<()> {
    let statement = Statement::new(
        "UPDATE users SET role = $2, suspended_at = $3, email = $4, email_key = $5, \
         name = $6 WHERE id = $1",
    )
    .bind(user.id)
    .bind(user.role.as_str())
    .bind(user.suspended_at)
    .bind(user.email.as_str())
    .bind(user.email.key())
    .bind(user.name.as_str());
    tx.execute_one(statement, "user").await
}

pub(crate) async fn set_password<D: Database>(
    tx: &mut Tx<'_, D>,
    user: UserId,
    hash: Option<&PasswordHash>,
) -> Result<()> {
    let statement = Statement::new("UPDATE users SET password_hash = $2 WHERE id = $1")
        .bind(user)
        .bind(hash.map(PasswordHash::as_stored));
    tx.execute_one(statement, "user").await
}

/// Erases what describes the deleted user. The row stays, so that the id is never used again.
pub(crate) async fn erase<D: Database>(
    tx: &mut Tx<'_, D>,
    user: UserId,
    suspended_at: Timestamp,
    deleted_at: Timestamp,
) -> Result<()> {
    // The id is no address's key, so the former address becomes available.
    let statement = Statement::new(
        "UPDATE users SET email = '', name = '', email_key = $3, role = 'member', \
         password_hash = NULL, suspended_at = $4, deleted_at = $2 WHERE id = $1",
    )
    .bind(user)
    .bind(deleted_at)
    .bind(user.to_string())
    .bind(suspended_at);
    tx.execute_one(statement, "user").await
}

/// Recomputes the keys of addresses that were created by an earlier rule, so that they are found.
/// If another user already has the new key, both rows stay unchanged and the log names the users:
/// no rule says whose address it is. Keys of ASCII addresses never change.
pub(crate) async fn renew_email_keys<D: Database>(tx: &mut Tx<'_, D>) -> Result<()> {
    tx.lock(Lock::NewUsers).await?;
    let earlier = "SELECT id, email, email_key FROM users WHERE deleted_at IS NULL \
                   AND octet_length(email_key) <> length(email_key) ORDER BY id";
    for row in tx.rows(Statement::new(earlier)).await? {
        let Some((id, key)) = renewed_key::<D>(&row)? else {
            continue;
        };
        if let Some(other) = id_by_email_key(tx, &key).await? {
            let user = UserId::from_uuid(id);
            tracing::warn!(
                %user, %other,
                "two users have the same email address; change one: oi settings admin users update"
            );
            continue;
        }
        let statement = Statement::new("UPDATE users SET email_key = $2 WHERE id = $1");
        tx.execute(statement.bind(id).bind(key)).await?;
    }
    let earlier = "SELECT id, email, email_key FROM invites \
                   WHERE octet_length(email_key) <> length(email_key)";
    for row in tx.rows(Statement::new(earlier)).await? {
        if let Some((id, key)) = renewed_key::<D>(&row)? {
            let statement = Statement::new("UPDATE invites SET email_key = $2 WHERE id = $1");
            tx.execute(statement.bind(id).bind(key)).await?;
        }
    }
    Ok(())
}

/// Returns the id of the row and its new key, or `None` if the key is current.
fn renewed_key<D: Database>(row: &D::Row) -> Result<Option<(Uuid, String)>> {
    let (email, key): (&str, &str) = (get(row, "email")?, get(row, "email_key")?);
    let renewed = Email::from_stored(email).key();
    Ok((renewed != key).then(|| (row.any_uuid("id"), renewed)))
}
