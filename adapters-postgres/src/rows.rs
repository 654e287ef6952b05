//! From rows to domain types. Whatever the domain does not accept is [`StoreError::Corrupt`].

use std::str::FromStr;

use openindex_domain::StoreError;
use openindex_domain::audit::{
    AuditAction, AuditActor, AuditEvent, AuditEventId, RequestId, Subject,
};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Digest, Scope, Token, TokenId, TokenKind, TokenName, TokenRecord};
use openindex_domain::user::{Email, PersonName, Role, User, UserId};
use sqlx::postgres::{PgRow, Postgres};
use sqlx::{Decode, Row, Type};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::store_error;

/// The columns of a [`Token`], of the table `t`.
macro_rules! token_columns {
    () => {
        "t.id, t.kind, t.owner_id, t.name, t.scope, t.created_at, t.expires_at, t.revoked_at, \
         t.last_used_at, t.successor"
    };
}
/// The beginning of a query for [`TokenRecord`]s.
macro_rules! select_record {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            $crate::rows::token_columns!(),
            ", t.digest, u.id AS user_id, u.email AS user_email, u.name AS user_name, \
             u.role AS user_role, u.created_at AS user_created_at, \
             u.suspended_at AS user_suspended_at \
             FROM tokens t JOIN users u ON u.id = t.owner_id WHERE ",
            $condition
        )
    };
}
pub(crate) use {select_record, token_columns};

pub(crate) fn record(row: &PgRow) -> Result<TokenRecord, StoreError> {
    Ok(TokenRecord {
        token: token(row)?,
        digest: Digest::from_stored(get(row, "digest")?).map_err(StoreError::corrupt)?,
        owner: user(row)?.as_owner(),
    })
}

pub(crate) fn token(row: &PgRow) -> Result<Token, StoreError> {
    let kind = TokenKind::parse(get(row, "kind")?).ok_or_else(|| unknown("kind"))?;
    Ok(Token {
        id: TokenId::new(kind, get(row, "id")?),
        owner: UserId::from_uuid(get(row, "owner_id")?),
        name: TokenName::parse(get(row, "name")?).map_err(StoreError::corrupt)?,
        scope: parse::<Scope>(get(row, "scope")?)?,
        created_at: instant(get(row, "created_at")?)?,
        expires_at: optional_instant(row, "expires_at")?,
        revoked_at: optional_instant(row, "revoked_at")?,
        last_used_at: optional_instant(row, "last_used_at")?,
        successor: get::<Option<&str>>(row, "successor")?
            .map(parse)
            .transpose()?,
    })
}

/// A user, under column names with the prefix `user_`.
pub(crate) fn user(row: &PgRow) -> Result<User, StoreError> {
    Ok(User {
        id: UserId::from_uuid(get(row, "user_id")?),
        email: Email::parse(get(row, "user_email")?).map_err(StoreError::corrupt)?,
        name: PersonName::parse(get(row, "user_name")?).map_err(StoreError::corrupt)?,
        role: Role::parse(get(row, "user_role")?).ok_or_else(|| unknown("role"))?,
        created_at: instant(get(row, "user_created_at")?)?,
        suspended_at: optional_instant(row, "user_suspended_at")?,
    })
}

pub(crate) fn event(row: &PgRow) -> Result<AuditEvent, StoreError> {
    let actor = match get(row, "actor")? {
        "operator" => AuditActor::Operator,
        "token" => AuditActor::Token {
            user: parse(get(row, "actor_user")?)?,
            token: parse(get(row, "actor_token")?)?,
        },
        _ => return Err(unknown("actor")),
    };
    let subject: Subject = parse(get(row, "subject")?)?;
    let related = get::<Option<&str>>(row, "related")?
        .map(parse)
        .transpose()?;
    Ok(AuditEvent {
        id: AuditEventId::from_uuid(get::<Uuid>(row, "id")?),
        at: instant(get(row, "at")?)?,
        actor,
        action: AuditAction::from_parts(get(row, "action")?, subject, related)
            .ok_or_else(|| unknown("action"))?,
        request_id: get::<Option<&str>>(row, "request_id")?
            .map(RequestId::parse)
            .transpose()
            .map_err(StoreError::corrupt)?,
    })
}

fn get<'r, T>(row: &'r PgRow, column: &str) -> Result<T, StoreError>
where
    T: Decode<'r, Postgres> + Type<Postgres>,
{
    row.try_get(column).map_err(store_error)
}

fn parse<T>(text: &str) -> Result<T, StoreError>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(StoreError::corrupt)
}

fn instant(at: OffsetDateTime) -> Result<Timestamp, StoreError> {
    Timestamp::from_datetime(at)
        .ok_or_else(|| StoreError::corrupt("an instant outside 1970 to 9999"))
}

fn optional_instant(row: &PgRow, column: &str) -> Result<Option<Timestamp>, StoreError> {
    get::<Option<OffsetDateTime>>(row, column)?
        .map(instant)
        .transpose()
}

fn unknown(what: &str) -> StoreError {
    StoreError::corrupt(format!("an unknown {what}"))
}
